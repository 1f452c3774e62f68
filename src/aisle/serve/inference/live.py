"""The engine that answers, exchanged while requests go on."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aisle.engine.engine import Engine, load_engine
from aisle.engine.taxonomy import taxonomy_version
from aisle.errors import AisleError, EngineError
from aisle.product import CategoryPath
from aisle.serve.inference.golden import check_golden, golden_answers
from aisle.serve.inference.search import TaxonomySearch
from aisle.settings import Settings
from aisle.store import engines
from aisle.store.database import Database
from aisle.store.records import Live, StoredEngine

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
"""How long an engine that could not be used is left alone before it is tried again."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """An engine in memory, with what is derived from it. Taken once, it stays itself whatever goes live meanwhile."""

    engine: Engine
    folder: Path

    @property
    def version(self) -> str:
        """The engine's fingerprint."""
        return self.engine.fingerprint

    @cached_property
    def taxonomy(self) -> tuple[CategoryPath, ...]:
        """Every category path that an answer can be."""
        return self.engine.taxonomy

    @cached_property
    def known(self) -> frozenset[CategoryPath]:
        """The same, to ask whether a category is among them."""
        return frozenset(self.taxonomy)

    @cached_property
    def taxonomy_version(self) -> str:
        """Version of the taxonomy, as the engine's manifest has it."""
        return taxonomy_version(self.engine.tree.paths)

    @cached_property
    def search(self) -> TaxonomySearch:
        """Finds categories of `taxonomy`."""
        return TaxonomySearch(self.taxonomy)


class LiveEngine:
    """Holds the engine that answers and the one before it; threads may share it.

    Parameters
    ----------
    folder : Path
        The first engine.
    settings : Settings, optional
        How many cores one request may use; 1 by default, since the batcher has a thread per core.
    golden : sequence of mapping, optional
        What the engine answered on the golden products when it was registered.
    load : callable, optional
        Loads an engine's folder.

    Raises
    ------
    EngineError
        The engine cannot be used.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        settings: Settings | None = None,
        golden: Sequence[Any] | None = None,
        load: Callable[[Path], Engine] | None = None,
    ) -> None:
        chosen = settings or Settings(threads=1)
        self._load = load or (lambda place: load_engine(place, settings=chosen))
        self._swapping = threading.Lock()
        self._stopped = threading.Event()
        self._watcher: threading.Thread | None = None
        self._previous: Loaded | None = None
        self._error = ""
        self._swaps = self._failures = 0
        self._live = self._prepare(Path(folder), golden, None)

    @property
    def current(self) -> Engine:
        """The engine that answers now."""
        return self._live.engine

    @property
    def loaded(self) -> Loaded:
        """The same with its folder and its taxonomy, all of one engine."""
        return self._live

    @property
    def previous(self) -> Loaded | None:
        """The engine before, still in memory; none before the first swap."""
        return self._previous

    @property
    def version(self) -> str:
        """The fingerprint of the engine that answers now."""
        return self._live.version

    @property
    def folder(self) -> Path:
        """Where it was loaded from."""
        return self._live.folder

    @property
    def taxonomy(self) -> tuple[CategoryPath, ...]:
        """Every category path that an answer can be."""
        return self._live.taxonomy

    @property
    def search(self) -> TaxonomySearch:
        """Finds categories of `taxonomy`."""
        return self._live.search

    @property
    def error(self) -> str:
        """Why the last engine that was to go live did not; empty once one has."""
        return self._error

    @property
    def swaps(self) -> int:
        """How often another engine has gone live."""
        return self._swaps

    @property
    def failures(self) -> int:
        """How often one has not."""
        return self._failures

    def swap(self, folder: str | Path, *, golden: Sequence[Any] | None = None, version: str | None = None) -> str:
        """Load an engine, test it, and let it answer from the next batch on. Until then the old one does.

        Parameters
        ----------
        folder : str or Path
        golden : sequence of mapping, optional
            What it must answer on the golden products; without them it must answer at all.
        version : str, optional
            The fingerprint that it must have. The engine before, if it has it, is taken from memory.

        Returns
        -------
        str
            The fingerprint.

        Raises
        ------
        EngineError
            It cannot be used; the old one goes on, and `error` says why.
        """
        with self._swapping:
            try:
                previous = self._previous
                if previous is not None and previous.version == version:
                    loaded = previous
                elif self._live.version == version:
                    loaded = self._live
                else:
                    loaded = self._prepare(Path(folder), golden, version)
            except AisleError as err:
                self._failures += 1
                self._error = str(err)
                log.error("engine %s stays live; the next one cannot be used: %s", self.version, err)
                raise
            self._exchange(loaded)
            return loaded.version

    def rollback(self) -> str:
        """Let the engine before answer again, at once, and return its fingerprint.

        Raises
        ------
        EngineError
            None was live before this one.
        """
        with self._swapping:
            if self._previous is None:
                raise EngineError("no engine was live before this one")
            self._exchange(self._previous)
            return self.version

    def watch(self, database: Database, seconds: float = 1.0) -> None:
        """Follow what the database calls live, on a thread, until `close`. While it is away, nothing changes."""
        if self._watcher is not None:
            raise RuntimeError("a database is watched already")
        pointer = _Pointer(self, database)
        self._watcher = threading.Thread(
            target=self._follow, args=(pointer, seconds), name="watch-engines", daemon=True
        )
        self._watcher.start()

    def close(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._watcher is not None:
            self._watcher.join()

    def _follow(self, pointer: "_Pointer", seconds: float) -> None:
        while not self._stopped.wait(seconds):
            pointer.follow()

    def _exchange(self, loaded: Loaded) -> None:
        """Let an engine answer; whoever holds the old one finishes with it, then its memory is free."""
        self._error = ""
        if loaded.version == self.version:
            return
        self._previous, self._live = self._live, loaded
        self._swaps += 1
        log.info("engine %s is live, from %s; before: %s", loaded.version, loaded.folder, self._previous.version)

    def _prepare(self, folder: Path, golden: Sequence[Any] | None, version: str | None) -> Loaded:
        """Load and test an engine; whatever goes wrong is an EngineError."""
        try:
            engine = self._load(folder)
            if version is not None and engine.fingerprint != version:
                raise EngineError(f"{folder} holds engine {engine.fingerprint}, not {version}: register it anew")
            if golden is None:
                golden_answers(engine)
            else:
                check_golden(engine, golden)
            loaded = Loaded(engine, folder)
            len(loaded.search)  # made before anybody waits for it
        except AisleError:
            raise
        except Exception as err:  # the boundary of a candidate: whatever is in it, the service goes on
            raise EngineError(f"the engine at {folder} cannot be used: {err!r}") from err
        return loaded


class _Pointer:
    """What the database calls live, followed."""

    def __init__(self, live: LiveEngine, database: Database) -> None:
        self._live = live
        self._database = database
        self._away = False
        self._done: int | None = None
        self._failed: int | None = None
        self._not_before = 0.0

    def follow(self) -> None:
        found = self._read()
        if found is None:
            return
        pointer, engine = found
        if pointer.generation == self._failed and time.monotonic() < self._not_before:
            return
        try:
            self._live.swap(engine.folder, golden=engine.golden, version=engine.id)
        except AisleError:  # logged and kept there
            self._failed, self._not_before = pointer.generation, time.monotonic() + RETRY_SECONDS
        else:
            self._done = pointer.generation

    def _read(self) -> tuple[Live, StoredEngine] | None:
        """Return which engine is to go live; none when nothing has changed, or the database is away."""
        try:
            with self._database.read() as c:
                pointer = engines.live(c)
                changed = pointer is not None and pointer.generation != self._done
                engine = engines.find_engine(c, id=pointer.engine_id) if pointer is not None and changed else None
        except Exception as err:  # drivers raise kinds of their own
            if not self._away:
                log.warning("the database is away, and engine %s stays live: %s", self._live.version, err)
            self._away = True
            return None
        if self._away:
            log.warning("the database is back")
        self._away = False
        return None if pointer is None or engine is None else (pointer, engine)

"""Settings from the environment and from one TOML file, read once by the outermost layer.

Order, the later wins: the defaults below, ``aisle.toml`` in the working folder (or the file that ``AISLE_CONFIG``
names), the environment: ``AISLE_CACHE_DIR``, ``AISLE_HUB_URL``, ``AISLE_OFFLINE``, ``AISLE_THREADS``. An empty variable
counts as unset.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from aisle.errors import SettingsError


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "aisle"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Set variables of the environment while a library is loaded that can be told in no other way."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What may differ between two machines without changing a result.

    Attributes
    ----------
    cache_dir : Path
        Where weights, graphs, embeddings and study rows are kept.
    hub_url : str
        The model hub; a mirror or a local server may stand in.
    offline : bool
        Never open a connection; only the cache and local folders are used.
    threads : int
        Cores to use, at least 1.
    """

    cache_dir: Path = field(default_factory=_default_cache)
    hub_url: str = "https://huggingface.co"
    offline: bool = False
    threads: int = field(default_factory=_cores)

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, folder: Path | None = None) -> "Settings":
        """Read the settings of this machine.

        Parameters
        ----------
        environ : mapping, optional
            The environment; the process's own by default.
        folder : Path, optional
            Where ``aisle.toml`` is looked for; the working folder by default.

        Raises
        ------
        SettingsError
            A value cannot be used, a key is unknown, or the file is not TOML.
        """
        environ = os.environ if environ is None else environ
        environ = {name: value for name, value in environ.items() if value.strip()}  # empty means unset
        file = Path(environ.get("AISLE_CONFIG") or (folder or Path()) / "aisle.toml")
        values: dict[str, Any] = {}
        if file.is_file():
            values.update(_read_toml(file))
        elif "AISLE_CONFIG" in environ:
            raise SettingsError(f"AISLE_CONFIG names {file}, which is not a file")
        names = [f.name for f in fields(cls)]
        for name in names:
            if (key := f"AISLE_{name.upper()}") in environ:
                values[name] = environ[key]
        if unknown := sorted(set(values) - set(names)):
            raise SettingsError(f"unknown setting {unknown[0]!r} in {file}; known: {', '.join(names)}")
        return replace(cls(), **{name: _convert(name, value) for name, value in values.items()})


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{file} is not valid TOML: {err}") from err


def _convert(name: str, value: Any) -> Any:
    text = str(value).strip()
    if name == "cache_dir":
        return Path(text).expanduser()
    if name == "offline":
        word = text.lower()
        if word not in {"1", "0", "true", "false", "yes", "no"}:
            raise SettingsError(f"setting 'offline' is {value!r}; use true or false")
        return word in {"1", "true", "yes"}
    if name == "threads":
        if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
            given = text[:40] if len(text) > 40 else value
            raise SettingsError(f"setting 'threads' is {given!r}; use a whole number from 1 to 9999")
        return int(text)
    if not re.fullmatch(r"https?://[^\s/]+[^\s]*", text):
        raise SettingsError(f"setting 'hub_url' is {value!r}; use an address such as https://huggingface.co")
    return text.rstrip("/")

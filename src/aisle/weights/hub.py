"""Weights that lie on a model hub: huggingface.co, a mirror of it, or a server laid out like it."""

import errno
import logging
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.auto import tqdm

from aisle.errors import WeightsNotReachableError
from aisle.progress import DELAY_SECONDS
from aisle.weights.reasons import explain

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
"""How long the hub may take to say that it has a file."""

_MAX_RESTARTS = 3

# The library answers with the errors of its HTTP client, httpx or httpx2 depending on its release.
_TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """One file of a repository on a model hub.

    Attributes
    ----------
    repo : str
        ``owner/name``.
    revision : str
        A commit, which never changes, or a branch, which may.
    filename : str
        The path of the file in the repository.
    sha256 : str or None
        The hash the file must have. None: the first file seen is trusted and its hash is recorded.
    """

    repo: str
    revision: str
    filename: str
    sha256: str | None

    @property
    def label(self) -> str:
        """Name the file in a message."""
        return f"{self.filename} of {self.repo}"

    @property
    def cache_name(self) -> str:
        """Name its place in the cache, relative and with forward slashes."""
        return f"{self.repo.replace('/', '--')}/{self.revision}/{self.filename}"

    @property
    def remedy(self) -> str:
        """Say what to do when the hub cannot be reached."""
        return "connect, or set AISLE_HUB_URL to a mirror"

    def download(self, folder: Path, *, hub_url: str) -> Path:
        """Fetch the file.

        No login is sent: every file Aisle knows is public, and a mirror should not learn a user's token.

        Parameters
        ----------
        folder : Path
            An empty folder on the disk of the cache.
        hub_url : str
            The hub to ask.

        Raises
        ------
        WeightsNotReachableError
            The hub cannot be reached, does not have the file, or breaks off.
        """
        hub_url = hub_url.rstrip("/")
        log.info("fetching %s from %s", self.label, hub_url)
        try:
            # Asked first and once: the library itself would retry a dead hub for minutes.
            url = hf_hub_url(self.repo, self.filename, revision=self.revision, endpoint=hub_url)
            get_hf_file_metadata(url, timeout=TIMEOUT_SECONDS, token=False, endpoint=hub_url)
            path = hf_hub_download(
                self.repo,
                self.filename,
                revision=self.revision,
                local_dir=folder,
                etag_timeout=TIMEOUT_SECONDS,
                token=False,
                endpoint=hub_url,
                tqdm_class=_Bar,
            )
        except (OSError, ValueError, RuntimeError, EntryNotFoundError, _TRANSPORT_ERROR) as err:
            if isinstance(err, OSError) and err.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise WeightsNotReachableError(self._sentence(err, hub_url=hub_url)) from err
        return Path(path)

    def _sentence(self, err: Exception, *, hub_url: str) -> str:
        if isinstance(err, RevisionNotFoundError):
            return f"{self.repo} at {hub_url} has no revision {self.revision!r}"
        if isinstance(err, GatedRepoError):
            return f"{self.repo} at {hub_url} asks for a login, which Aisle does not send"
        if isinstance(err, RepositoryNotFoundError):
            return f"the model hub at {hub_url} has no public repository {self.repo!r}"
        if isinstance(err, EntryNotFoundError):
            return f"{self.repo} at {hub_url} has no file {self.filename!r} at revision {self.revision!r}"
        chain = " / ".join(f"{type(link).__name__}: {link}" for link in (err, err.__cause__) if link is not None)
        if isinstance(err, HfHubHTTPError):
            return f"the model hub at {hub_url} answered {err.response.status_code} for {self.label}"
        reason = explain(chain) or str(err).strip().partition("\n")[0] or type(err).__name__
        return f"cannot reach the model hub at {hub_url}: {reason}"


class _Bar(tqdm):  # type: ignore[misc]
    """The bar that the library draws on, with Aisle's manners; it also ends a download that gets nowhere.

    A server that breaks off and cannot resume makes the library start over without end; each start is seen
    here as a step backwards.
    """

    _restarts = 0

    def __init__(self, *, desc: str, total: int | None, initial: int, unit: str, unit_scale: bool) -> None:
        super().__init__(
            desc=desc,
            total=total,
            initial=initial,
            unit=unit,
            unit_scale=unit_scale,
            disable=None,
            delay=DELAY_SECONDS,
            leave=False,
            dynamic_ncols=True,
        )

    def update(self, n: float | None = 1) -> bool | None:
        if n is not None and n < 0:
            self._restarts += 1
            if self._restarts > _MAX_RESTARTS:
                raise ConnectionError("the download broke off again and again, and the server cannot resume it")
        return bool(super().update(n))

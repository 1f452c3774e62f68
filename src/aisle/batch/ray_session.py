"""Ray as a run uses it: a cluster that is there, or one on this machine that comes and goes with the run."""

import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aisle.errors import BatchError
from aisle.extras import require
from aisle.settings import variables

_STORE_BYTES = 128 << 20  # Ray's least is 75 MiB; tasks and results are too small to go there at all
_CONNECT_SECONDS = 10.0


class RaySession:
    """What makes this process a driver of Ray, until it is closed.

    Parameters
    ----------
    address : str
        ``local`` for a Ray of its own on this machine, which nobody reaches from outside and which ends with the
        session, or with this process; ``auto`` for the cluster that this machine is a node of; or the ``HOST:PORT`` of
        its head.
    cores : int, optional
        How many cores a Ray of its own offers; all of this machine by default.

    Attributes
    ----------
    ray : module
        Connected.
    cores : int
        How many cores the cluster has now, at least 1.
    folder : str
        Where a Ray of its own keeps its logs and sockets; empty otherwise.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    BatchError
        There is no cluster at that address, or it cannot be joined.
    """

    def __init__(self, address: str, *, cores: int | None = None) -> None:
        self.folder = ""
        self._closed = False
        where: dict[str, Any] = {"address": address}
        if address == "local":
            # Ray reads this when it is loaded: with it, it listens on the loopback interface and nowhere else.
            with variables(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0"):
                self.ray = require("ray", extra="ray")
            self.folder = tempfile.mkdtemp(prefix="ray-")  # its own, so that nobody's "auto" finds it
            where |= {"num_cpus": cores, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
            where["_temp_dir"] = self.folder
        else:
            self.ray = require("ray", extra="ray")
            _check(address)
        self._join(where)
        self.cores = max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def close(self) -> None:
        """Leave the cluster, which ends what this process has begun there; once more does nothing."""
        if self._closed:
            return
        self._closed = True
        with _sigterm_kept():
            self.ray.shutdown()
        self.ray._private.worker._worker_logs_enabled = True
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _join(self, where: dict[str, Any]) -> None:
        try:
            with _sigterm_kept():
                self.ray.init(**where, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError, self.ray.exceptions.RayError) as err:
            self.close()
            why = " ".join(str(err).split())
            if self.folder:
                raise BatchError(f"Ray cannot be started on this machine: {why}") from err
            raise BatchError(
                f"the Ray cluster at {where['address']} cannot be joined: {why}; this machine has to be a node of it, "
                "with the same versions of Ray and Python, and with RAY_AUTH_MODE=token where it wants a token"
            ) from err
        # It would print to stdout what it thinks of every actor that is lost.
        self.ray._private.worker._worker_logs_enabled = False


def _check(address: str) -> None:
    """Refuse at once what Ray would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdecimal():
        raise BatchError(
            f"{address!r} is no address of a Ray cluster: use local, auto (on a node of it), or HOST:PORT of its head"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as err:
        raise BatchError(
            f"no Ray cluster answers at {address} ({err}): start its head with 'ray start --head', or use --ray local"
        ) from err


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Leave SIGTERM to whoever had it before: Ray takes it, and would end this process on the spot."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)

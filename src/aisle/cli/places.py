"""Where a command writes: found out before the work, not after it."""

import tempfile
from pathlib import Path

import typer


def check_folder(out: Path, *, source: Path, example: str, what: str, over_engine: bool = False) -> None:
    """Refuse a folder that cannot be written to, or that is the catalogue's own; leave nothing behind.

    Parameters
    ----------
    out : Path
        The folder; it need not exist.
    source : Path
        The catalogue that is read.
    example : str
        The name of a folder that would do.
    what : str
        What is to be written.
    over_engine : bool
        Whether an engine in that folder may be replaced.

    Raises
    ------
    typer.BadParameter
        Of such a folder.
    """
    if source.is_dir() and out.exists() and out.samefile(source):
        raise typer.BadParameter(
            f"{out} is the catalogue's own folder, where tables of {what} would be taken for products; "
            f"name another, e.g. {out / example}",
            param_hint="--out",
        )
    if not over_engine and (out / "manifest.json").exists():
        raise typer.BadParameter(f"{out} holds an engine; name another folder for {what}", param_hint="--out")
    place = out
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise typer.BadParameter(f"{place} is a file; name a folder for {what}", param_hint="--out")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as err:
        raise typer.BadParameter(
            f"{place} cannot be written to: {err.strerror}; name another folder", param_hint="--out"
        ) from err

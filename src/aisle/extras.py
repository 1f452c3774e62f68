"""Optional dependencies: one sentence that says what to install."""

from importlib import import_module
from types import ModuleType

from aisle.errors import MissingExtraError


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module, or say which extra brings it.

    Parameters
    ----------
    module : str
        Dotted module name, e.g. ``"gensim.models"``.
    extra : str
        The extra of Aisle that installs it, e.g. ``"study"``.

    Raises
    ------
    MissingExtraError
        The module is not installed.
    """
    try:
        return import_module(module)
    except ImportError as err:
        name = module.partition(".")[0]
        raise MissingExtraError(f"{name} is needed here: pip install 'aisle[{extra}]'") from err

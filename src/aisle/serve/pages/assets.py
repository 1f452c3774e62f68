"""Style sheets, scripts and pictures of the pages: those that lie in the package, and nothing else."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request, Response

from aisle.files import sha256_bytes
from aisle.serve.problems import not_found

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).parent / "assets"

_TYPES: Final = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)
_DIGITS = 12
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"


@dataclass(frozen=True)
class Asset:
    """A file of the package.

    Attributes
    ----------
    name : str
        As it lies there, e.g. ``aisle.css``.
    hashed : str
        As pages name it: with a hash of its bytes, so that a browser may keep it for ever.
    etag, media_type : str
    data : bytes
    """

    name: str
    hashed: str
    etag: str
    media_type: str
    data: bytes


@cache
def assets() -> dict[str, Asset]:
    """Return all assets, each under both of its names; read once."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            data = path.read_bytes()
            sha = sha256_bytes(data)
            hashed = f"{path.stem}.{sha[:_DIGITS]}{path.suffix}"
            asset = Asset(path.name, hashed, f'"{sha}"', _TYPES[path.suffix], data)
            found[path.name] = found[hashed] = asset
    return found


def asset_url(name: str) -> str:
    """Return the address of an asset, with its hash."""
    return f"/assets/{assets()[name].hashed}"


@router.get("/assets/{name}")
async def get_asset(request: Request, name: str) -> Response:
    """Answer with an asset.

    Raises
    ------
    Problem
        404.
    """
    asset = assets().get(name)
    if asset is None:
        raise not_found()
    headers = {"ETag": asset.etag, "Cache-Control": _FOR_EVER if name == asset.hashed else _ASK_AGAIN}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.data, media_type=asset.media_type, headers=headers)

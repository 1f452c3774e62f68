"""Photos: taken in after they were decoded once, shown only as what was decoded."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from aisle.catalog.photos import PixelShape, decode_photo, photo_facts
from aisle.errors import NotFoundError, PhotoError
from aisle.serve.context import Context, context
from aisle.serve.problems import not_found

router = APIRouter(include_in_schema=False)

_ROOM = 256 << 10
"""Bytes of a request that are left for the rest of a form."""

_PROBE = PixelShape(width=64, height=64, fit="inside")
_KEPT = "private, max-age=86400, immutable"


@router.get("/photos/{sha}.jpg")
async def get_photo(request: Request, sha: str) -> Response:
    """Answer with a photo, made small and encoded anew: whatever else its file holds stays here.

    Raises
    ------
    Problem
        404: there is none, or it cannot be decoded.
    """
    here = context(request)
    headers = {"ETag": f'"{sha}-640"', "Cache-Control": _KEPT}
    try:
        here.photos.path(sha)
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        data = await run_in_threadpool(here.photos.thumbnail, sha)
    except (NotFoundError, PhotoError) as err:
        raise not_found("There is no such photo.") from err
    return Response(data, media_type="image/jpeg", headers=headers)


def most_bytes(here: Context) -> int:
    """Return how many bytes a photo may have, so that the rest of its form fits into the request."""
    return here.options.max_body - _ROOM


async def take_photo(here: Context, data: bytes) -> str:
    """Keep a photo that can be decoded; return its SHA-256.

    Raises
    ------
    PhotoError
        It cannot, or it is too large.
    DiskFullError
        There is no room for it.
    """
    return await run_in_threadpool(_take, here, data)


def _take(here: Context, data: bytes) -> str:
    if len(data) > most_bytes(here):
        raise PhotoError("too_large", f"the photo has {len(data):,} bytes; {most_bytes(here):,} are read")
    if photo_facts(data).pixels > here.options.max_pixels:
        raise PhotoError("too_large", f"the photo has more than {here.options.max_pixels:,} pixels")
    decode_photo(data, shape=_PROBE)
    return here.photos.keep(data)

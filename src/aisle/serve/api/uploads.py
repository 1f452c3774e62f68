"""A product out of a request: JSON or a form; and its photo, looked at before anything is asked of the engine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message

from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import decode_photo, photo_facts
from aisle.engine.fields import field_text, is_blank
from aisle.errors import PhotoError
from aisle.product import Prediction, Product
from aisle.serve.api.bodies import Body, Item, WarningEntry
from aisle.serve.context import Context, context
from aisle.serve.problems import PHOTO_DETAILS, Problem
from aisle.serve.security.photo_url import fetch_photo

T = TypeVar("T", bound=Body)

_PART_BYTES: Final = 1 << 20
_END_BYTES: Final = 64
_THUMB: Final = PixelShape(width=32, height=32, fit="inside")
_JSON_PARTS: Final = ("attributes", "precision", "volume", "evidence")
"""Parts of a form that are read as JSON."""

_TEXTS: Final = ("title", "description", "attributes")


@dataclass(frozen=True, kw_only=True)
class Given:
    """A product as it came.

    Attributes
    ----------
    product : Product
        Its photo as bytes, only if it can be read.
    warnings : list of WarningEntry
        What could not be used.
    """

    product: Product
    warnings: list[WarningEntry] = field(default_factory=list)


async def read_body(request: Request, model: type[T]) -> T:
    """Read the body of a request, JSON or a form, as a model.

    Raises
    ------
    Problem
        415: it is neither.
    RequestValidationError
        It is not what the model asks for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _validate(model, json_text=await request.body())
    if kind == "multipart/form-data":
        return await _read_form(request, model)
    raise Problem(415, "unsupported_media_type", "This type of content is not read here",
                  "Send application/json or multipart/form-data.")  # fmt: skip


async def _read_form(request: Request, model: type[T]) -> T:
    """Read a form; one that was cut short is refused, for its last parts may be missing."""
    end = b""

    async def receive() -> Message:
        nonlocal end
        message = await request.receive()
        end = (end + message.get("body", b"")[-_END_BYTES:])[-_END_BYTES:]
        last = message["type"] == "http.request" and not message.get("more_body", False)
        if last and not end.rstrip().endswith(b"--"):
            raise Problem(400, "bad_request", "The request cannot be read", "The form has no end: it was cut short.")
        return message

    most = context(request).options.max_parts
    given = Request(request.scope, receive).form(max_files=1, max_fields=most, max_part_size=_PART_BYTES)
    async with given as form:
        return _validate(model, values=await _values(form))


def _validate(model: type[T], *, json_text: bytes | None = None, values: Mapping[str, Any] | None = None) -> T:
    try:
        if json_text is not None:
            return model.model_validate_json(json_text)
        return model.model_validate(values)
    except ValidationError as err:
        raise RequestValidationError(
            [{**each, "loc": ("body", *each["loc"])} for each in err.errors(include_url=False, include_input=False)]
        ) from err


async def _values(form: FormData) -> dict[str, Any]:
    """Return the fields of a form as JSON would hold them; what cannot be read so is left for the model to refuse."""
    found: dict[str, Any] = {}
    for name, given in form.multi_items():
        if name == "photo_base64":
            raise _invalid(name, "In a form the photo is the file `photo`.")
        if isinstance(given, UploadFile) != (name == "photo"):
            raise _invalid(name, "`photo` is a file, sent with a file name, and nothing else is.")
        if name == "chosen":  # a part for each step of the path
            found.setdefault(name, []).append(given)
            continue
        place = "photo_base64" if name == "photo" else name
        if place in found:
            raise _invalid(name, "It is given twice.")
        if isinstance(given, UploadFile):
            found[place] = await given.read()
        else:
            found[place] = _json(name, given) if name in _JSON_PARTS else given
    if found.get("photo_base64") == b"":  # a form whose file was left out
        del found["photo_base64"]
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as err:
        raise _invalid(name, "In a form this field is JSON.") from err


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _invalid(name: str, detail: str) -> Problem:
    return Problem(422, "invalid", "The request is not valid", detail, field=name[:100])


async def read_item(request: Request, item: Item) -> Given:
    """Return the product of a body, its photo fetched where that is allowed; of a photo only the header is read here.

    Raises
    ------
    Problem
        422: there is nothing to go by; or the photo cannot be read, and there is nothing else.
    """
    here = context(request)
    photo = await _photo(here, item)
    product = Product(title=item.title, description=item.description, attributes=item.attributes)
    if photo is None:
        if not _has_text(product):
            raise Problem(422, "nothing_to_go_by", "There is nothing to go by",
                          "Send a title, a description, attributes or a photo.")  # fmt: skip
        return Given(product=product)
    given = Given(product=replace(product, photo=photo))
    code = _header_trouble(photo, here.options.max_pixels)
    return given if code is None else _without_photo(given, code)


async def after(given: Given, prediction: Prediction) -> Given:
    """Return what came without a photo that turned out to be unreadable; the engine has answered from the rest.

    A photo is decoded by the engine. Only where it was not used, which has other reasons as well, is it decoded again,
    to say why.

    Raises
    ------
    Problem
        422: the photo cannot be read, and there is nothing else.
    """
    photo = given.product.photo
    if not isinstance(photo, bytes) or "photo" in prediction.modalities:
        return given
    code = await run_in_threadpool(_trouble, photo)
    return given if code is None else _without_photo(given, code)


def _without_photo(given: Given, trouble: str) -> Given:
    code, detail = f"photo_{trouble}", PHOTO_DETAILS.get(trouble, "The photo cannot be read.")
    if not _has_text(given.product):
        raise Problem(422, code, "The photo cannot be read", detail, field="photo")
    return Given(product=replace(given.product, photo=None),
                 warnings=[WarningEntry(code=code, field="photo", detail=detail)])  # fmt: skip


def _has_text(product: Product) -> bool:
    return not all(is_blank(field_text(product, name)) for name in _TEXTS)


def _header_trouble(photo: bytes, most_pixels: int) -> str | None:
    """Return the code of what the header of a photo shows to be wrong."""
    try:
        return "too_large" if photo_facts(photo).pixels > most_pixels else None
    except PhotoError as err:
        return err.code


def _trouble(photo: bytes) -> str | None:
    """Return the code of what is wrong with a photo, decoding it whole but small."""
    try:
        decode_photo(photo, shape=_THUMB)
    except PhotoError as err:
        return err.code
    return None


async def _photo(here: Context, item: Item) -> bytes | None:
    if item.photo_url is None:
        return item.photo_base64
    if not here.options.allow_photo_urls:
        raise Problem(422, "photo_url_off", "Photos are not fetched here", "Send the photo itself.", field="photo_url")
    if item.photo_base64 is not None:
        raise _invalid("photo_url", "Send the photo or its address, not both.")
    return await fetch_photo(item.photo_url, max_bytes=here.options.max_body)


def request_body(model: type[Body]) -> dict[str, Any]:
    """Return the description of a body that may be JSON or a form, for the OpenAPI document."""
    schema = model.model_json_schema(mode="validation")
    parts = {name: _without_null(each) for name, each in schema["properties"].items() if name != "photo_base64"}
    form = {
        "type": "object",
        "additionalProperties": False,
        "properties": {**parts, "photo": {"type": "string", "format": "binary"}},
    }
    encoding = {name: {"contentType": "application/json"} for name in _JSON_PARTS if name in parts}
    content = {
        "application/json": {"schema": schema},
        "multipart/form-data": {"schema": form, "encoding": encoding},
    }
    return {"requestBody": {"required": True, "content": content}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a part: a form has no null, its parts are left out."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: each for name, each in schema.items() if name not in ("anyOf", "default")}, **kinds[0]}

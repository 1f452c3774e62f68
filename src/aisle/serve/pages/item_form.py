"""What a seller typed, as the form sends it; whatever is wrong with it, none of it is lost."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from aisle.engine.fields import is_blank
from aisle.product import CategoryPath
from aisle.serve.context import context
from aisle.serve.pages.words import Words

TITLE_LETTERS: Final = 500
DESCRIPTION_LETTERS: Final = 20_000
NAME_LETTERS: Final = 100
VALUE_LETTERS: Final = 500
MOST_ROWS: Final = 8
"""Details of an item: with the other fields they stay below the parts that a form may have."""

NONE: Final = "none"
"""What is chosen where no suggestion fits: `ItemForm.picked` says what does."""

OPEN: Final = "open"
"""What is chosen where the seller leaves it open."""

_SHA = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"[\w-]{16,64}", re.ASCII)
_PART_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ItemForm:
    """The fields of the form.

    Attributes
    ----------
    token : str
        Says that two posts are one; empty where it was none of ours.
    title, description : str
    rows : tuple of (str, str)
        Details: a name and a value, as typed, empty rows left out.
    photo : str
        SHA-256 of a photo that is kept; empty without one.
    choice : str
        A category path as JSON, `NONE`, `OPEN`, or empty.
    preselected : str
        The choice that the page had made before anybody looked; empty where it had made none.
    picked : str
        A category path as JSON, from the search.
    search : str
        What was searched for.
    action : {"suggest", "find", "remove", "post", ""}
        The button.
    language : str
        The button of a language.
    """

    token: str = ""
    title: str = ""
    description: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    photo: str = ""
    choice: str = ""
    preselected: str = ""
    picked: str = ""
    search: str = ""
    action: str = ""
    language: str = ""

    @property
    def blank(self) -> bool:
        """Whether there is nothing to go by."""
        return is_blank(self.title + self.description) and not (self.photo or self.attributes)

    @property
    def attributes(self) -> dict[str, str]:
        """The details; what has one name twice stands there together."""
        found: dict[str, str] = {}
        for name, value in ((name.strip(), value.strip()) for name, value in self.rows):
            if name and value:
                found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    @property
    def shown_rows(self) -> list[tuple[str, str]]:
        """The rows to show: those that were filled, and some to fill."""
        most = min(MOST_ROWS, max(3, len(self.rows) + 1))
        return [*self.rows, *[("", "")] * MOST_ROWS][:most]

    @property
    def own_choice(self) -> str:
        """What the seller chose; empty where the page had chosen and nobody changed it."""
        return "" if self.choice == self.preselected else self.choice


@dataclass(frozen=True)
class Upload:
    """A photo as it came.

    Attributes
    ----------
    data : bytes
        Empty where none came.
    """

    data: bytes = field(default=b"", repr=False)


async def read_item(request: Request) -> tuple[ItemForm, Upload]:
    """Read the form of a request.

    Raises
    ------
    HTTPException
        400: it is no form, or one of too many parts.
    """
    parts = context(request).options.max_parts
    async with request.form(max_files=1, max_fields=parts, max_part_size=_PART_BYTES) as form:
        given = form.get("photo")
        upload = Upload(await given.read() if isinstance(given, UploadFile) else b"")
        return _item(form), upload


def _item(form: FormData) -> ItemForm:
    def text(name: str) -> str:
        given = form.get(name)
        return given if isinstance(given, str) else ""

    names, values = ([str(each) for each in form.getlist(name)] for name in ("name", "value"))
    rows = [(name, value) for name, value in zip(names, values, strict=False) if name.strip() or value.strip()]
    photo, token = text("photo_kept"), text("token")
    return ItemForm(
        token=token if _TOKEN.fullmatch(token) else "",
        title=text("title"),
        description=text("description").replace("\r\n", "\n"),
        rows=tuple(rows[:MOST_ROWS]),
        photo=photo if _SHA.fullmatch(photo) else "",
        choice=text("choice"),
        preselected=text("preselected"),
        picked=text("picked"),
        search=text("find")[:200],
        action=text("action"),
        language=text("lang"),
    )


def with_picked(form: ItemForm) -> ItemForm:
    """Return a form whose search was used as one that says that no suggestion fits."""
    searched = form.action == "find" or (form.picked and not form.choice)
    return replace(form, choice=NONE) if searched else form


def read_path(text: str, known: Collection[CategoryPath]) -> CategoryPath | None:
    """Return the category path that a field holds; None where it is none of the taxonomy."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, list) or not all(isinstance(step, str) for step in given):
        return None
    path = tuple(given)
    return path if path in known else None


def check_item(form: ItemForm, say: Words) -> dict[str, str]:
    """Return what an item lacks before it can be posted, by field: what, and what to do."""
    errors = {}
    if is_blank(form.title):
        errors["title"] = say("Give the item a title: what is it?")
    if any(value.strip() and not name.strip() for name, value in form.rows):
        errors["details"] = say("A detail has a value and no name: say what it is, e.g. Brand.")
    return errors


def check_lengths(form: ItemForm, say: Words) -> dict[str, str]:
    """Return which fields are too long, by field, with what to do."""
    errors = {}
    for name, given, most in (
        ("title", form.title, TITLE_LETTERS),
        ("description", form.description, DESCRIPTION_LETTERS),
    ):
        if len(given) > most:
            errors[name] = say(
                "This is {length} characters long; {most} fit. Shorten it.",
                length=say.number(len(given)),
                most=say.number(most),
            )
    if any(len(name) > NAME_LETTERS or len(value) > VALUE_LETTERS for name, value in form.rows):
        errors["details"] = say(
            "A name may have {names} characters and a value {values}. Shorten it, or move it to the description.",
            names=NAME_LETTERS,
            values=VALUE_LETTERS,
        )
    return errors

"""Pages of HTML that hold everything they need, from plain data and a template.

Everything that a seller wrote is escaped, and a page forbids itself (by a content security policy that its template
sets) every script but its own and every request.
"""

import base64
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from aisle.extras import require

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(folder: Path, template: str, **values: Any) -> str:
    """Fill a Jinja2 template.

    Parameters
    ----------
    folder : Path
        Where it lies, with those that it includes.
    template : str
        Its file name.
    values
        What it may name; everything else is an error.

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    jinja2 = require("jinja2", extra="study")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: str = environment.get_template(template).render(**values)
    return re.sub("[\\ud800-\\udfff]", "\N{REPLACEMENT CHARACTER}", text)


@cache
def read_part(path: Path) -> str:
    """Read a style sheet or script as a page will hold it: the hash of a script is of what a browser parses."""
    return path.read_text(encoding="utf-8").replace("\r\n", "\n").strip()


def base_css() -> str:
    """Return the style that all pages share: colours, letters, headings, tables."""
    return read_part(Path(__file__).parent / "base.css")


def policy_hash(script: str) -> str:
    """Return the SHA-256 of a script as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def script_json(value: object) -> str:
    r"""Write JSON that cannot end the element it stands in.

    >>> script_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)

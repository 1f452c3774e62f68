"""The report of a study: one HTML file that needs nothing else.

Summarise, then render: what comes in is plain data, what the page says is worked out in `page`, and
the templates only loop. Everything that a seller wrote is escaped, and the page forbids itself (by a content
security policy) every script but its own and every request.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from aisle.extras import require
from aisle.study.report.page import notebook_page, report_page
from aisle.study.report.svg import TEMPLATES


def render_report(summary: Mapping[str, Any], details: Mapping[str, Any], *, threads: int = 1) -> str:
    """Render the report of a study.

    Parameters
    ----------
    summary : mapping
        The numbers of the study.
    details : mapping
        Products, maps, confusions and mistakes.
    threads : int
        Decoders of photos at work.

    Returns
    -------
    str
        An HTML page with everything in it: style, script, figures and thumbnails.

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    script = _file("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page = report_page(summary, details, threads=threads)
    return _render("report.html.j2", page=page, css=_file("report.css"), script=script, script_hash=digest)


def notebook_html(summary: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """Render what a notebook shows of a study: the verdict, the main tables and figures, no script.

    Parameters
    ----------
    summary, details : mapping
        As for `render_report`.

    Returns
    -------
    str
        A fragment of HTML whose style touches nothing around it.
    """
    return _render("notebook.html.j2", page=notebook_page(summary, details), css=_file("notebook.css"))


@cache
def _file(name: str) -> str:
    """Read a file as the page will hold it: the hash of the script is of what a browser parses."""
    return (TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n").strip()


def _render(template: str, **values: Any) -> str:
    jinja2 = require("jinja2", extra="study")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text: str = environment.get_template(template).render(**values)
    return re.sub("[\\ud800-\\udfff]", "\N{REPLACEMENT CHARACTER}", text)

"""The report of a study: one HTML file that needs nothing else.

Summarise, then render: what comes in is plain data, what the page says is worked out in `page`, and
the templates only loop. Everything that a seller wrote is escaped, and the page forbids itself (by a content
security policy) every script but its own and every request.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisle.report.render import base_css, policy_hash, read_part, render
from aisle.study.report.page import notebook_page, report_page

TEMPLATES = Path(__file__).parent / "templates"


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
    page = report_page(summary, details, threads=threads)
    css = f"{base_css()}\n{_file('report.css')}"
    return render(TEMPLATES, "report.html.j2", page=page, css=css, script=script, script_hash=policy_hash(script))


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
    return render(TEMPLATES, "notebook.html.j2", page=notebook_page(summary, details), css=_file("notebook.css"))


def _file(name: str) -> str:
    return read_part(TEMPLATES / name)

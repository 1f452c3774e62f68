"""The page of an audit: one HTML file that needs nothing else."""

from pathlib import Path

from aisle.audit.report.page import audit_page
from aisle.audit.result import Audit
from aisle.report.render import base_css, policy_hash, read_part, render

TEMPLATES = Path(__file__).parent / "templates"


def render_audit(audit: Audit, *, top: int | None = 100) -> str:
    """Render an audit as a page with everything in it: style, script and thumbnails.

    Parameters
    ----------
    audit : Audit
    top : int or None
        How many suspects; None: all of them.

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    script = read_part(TEMPLATES / "audit.js")
    css = f"{base_css()}\n{read_part(TEMPLATES / 'audit.css')}"
    page = audit_page(audit, top=top)
    return render(TEMPLATES, "audit.html.j2", page=page, css=css, script=script, script_hash=policy_hash(script))

"""What a retraining did, as one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aisle.report.render import base_css, read_part, render

TEMPLATES = Path(__file__).parent / "templates"

Summary = Mapping[str, Any]

_SETS = {"gold": "Gold set", "audited": "Audited at random", "both": "Together"}


def render_retraining(summary: Summary) -> str:
    """Render the summary of `aisle.retrain.run.retrain`, with ``catalog`` and ``promoted`` beside it.

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    css = f"{base_css()}\n{read_part(TEMPLATES / 'retraining.css')}"
    return render(TEMPLATES, "retraining.html.j2", page=_page(summary), css=css)


def _page(summary: Summary) -> dict[str, Any]:
    promoted = bool(summary["promoted"])
    return {
        "catalog": str(summary["catalog"]),
        "version": version("aisle"),
        "kind": "yes" if promoted else "partly" if summary["promote"] else "no",
        "word": "Promoted" if promoted else "Better, not promoted" if summary["promote"] else "Not promoted",
        "headline": f"The candidate {_headline(summary)}.",
        "reason": summary["reason"][0].upper() + summary["reason"][1:] + ".",
        "numbers": list(_numbers(summary)),
        "rows": [_row(_SETS[name], summary[name]) for name in _SETS],
        "stand_in": summary["stand_in"],
        "live": summary["live"],
        "candidate": summary["candidate"],
        "categories": summary["categories"],
        "capped": sorted(summary["capped"].items()),
        "conflicts": summary["conflicts"],
    }


def _headline(summary: Summary) -> str:
    both = summary["both"]
    if not both["products"]:
        return "could not be compared"
    shares = [100 * both[name] / both["products"] for name in ("candidate", "live")]
    return f"files {shares[0]:.1f} % of {both['products']:,} products rightly, the engine of now {shares[1]:.1f} %"


def _numbers(summary: Summary) -> Iterator[dict[str, str]]:
    gain = {end: 100 * value for end, value in summary["both"]["difference"].items()}
    if summary["both"]["products"]:
        yield {
            "label": "points gained",
            "value": f"{gain['mean']:+.1f}",
            "note": f"95 % interval {gain['low']:+.1f} to {gain['high']:+.1f}, paired",
        }
    yield {"label": "decisions learned from", "value": f"{summary['decisions']:,}", "note": "of moderators"}
    yield {"label": "products of the catalogue", "value": f"{summary['catalogue']:,}", "note": "the gold set aside"}
    yield {"label": "contradictions", "value": f"{summary['conflicts']:,}", "note": "sent back to the queue"}


def _row(name: str, pairs: Summary) -> dict[str, str]:
    gain = {end: 100 * value for end, value in pairs["difference"].items()}
    known = bool(pairs["products"])
    return {
        "name": name,
        "products": f"{pairs['products']:,}",
        "live": f"{pairs['live']:,}",
        "candidate": f"{pairs['candidate']:,}",
        "gained": f"{pairs['gained']:,}",
        "lost": f"{pairs['lost']:,}",
        "difference": f"{gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}]" if known else "-",
        "wrong": f"{pairs['live_wrong']:,} → {pairs['candidate_wrong']:,}",
    }

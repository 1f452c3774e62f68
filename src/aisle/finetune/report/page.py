"""The page of a training: one HTML file that needs nothing else."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aisle.finetune.report.curves import accuracy_figure, loss_figure
from aisle.finetune.report.words import (
    READS,
    Summary,
    device_text,
    duration,
    headline,
    int8_text,
    judge,
    kept_text,
    overall,
    parity_text,
    shares,
    train_command,
    whole,
    worth_using,
)
from aisle.report.render import base_css, read_part, render
from aisle.report.svg import percent

TEMPLATES = Path(__file__).parent / "templates"

_OPTIONS = {
    "modality": "modality",
    "joint": "text and photo together",
    "text_encoder": "text encoder to start from",
    "photo_encoder": "photo encoder to start from",
    "level": "depth of categories",
    "text_epochs": "epochs of texts, at most",
    "photo_epochs": "epochs of photos, at most",
    "validation": "share held out",
    "batch": "products in a step",
    "patience": "epochs without gain before it stops",
    "device": "device",
    "seed": "seed",
}
_BY_DEFAULT = {"level": "all", "batch": "as the device has memory"}


def render_training(summary: Summary) -> str:
    """Render what fine-tuning did as a page with everything in it, style and figures.

    Parameters
    ----------
    summary : mapping
        Plain JSON values: ``catalog``, ``products``, ``learned_from``, ``held_out``, ``categories`` (how many at each
        depth), ``near_duplicates`` (or none), ``seconds``, ``device``, ``joint``, ``options``, ``pretuned`` (none, or
        ``products``, ``epochs``, ``best``), and ``encoders``: for "text" and "photo" its ``name``, ``title``,
        ``licence``, ``best``, ``batch``, ``parameters``, ``trained_parameters``, ``epochs``, ``parity``, ``int8`` (or
        none), ``before``, ``after`` and ``difference``.

    Raises
    ------
    MissingExtraError
        Jinja2 is not installed.
    """
    css = f"{base_css()}\n{read_part(TEMPLATES / 'training.css')}"
    return render(TEMPLATES, "training.html.j2", page=_page(summary), css=css)


def _page(summary: Summary) -> dict[str, Any]:
    encoders: Mapping[str, Summary] = summary["encoders"]
    kind, word = overall(encoders)
    names = worth_using(encoders)
    return {
        "catalog": str(summary["catalog"]),
        "version": version("aisle"),
        "verdict": {"kind": kind, "word": word},
        "headline": f"{headline(encoders)}.",
        "lead": _lead(summary, encoders),
        "numbers": list(_numbers(summary, encoders)),
        "notes": [note.split("`") for note in _notes(summary)],
        "command": train_command(names or list(encoders)),
        "unused": [name for name in encoders if name not in names],
        "useless": not names,
        "sections": [_section(name, encoder, shared=bool(summary.get("joint"))) for name, encoder in encoders.items()],
        "together": _log(next(iter(encoders.values())), "both encoders") if summary.get("joint") else None,
        "pretuned": _pretuned(summary.get("pretuned")),
        "options": [{"name": _OPTIONS.get(name, name), "value": _option(name, value)}
                    for name, value in summary["options"].items()],
    }  # fmt: skip


def _lead(summary: Summary, encoders: Mapping[str, Summary]) -> str:
    parts = [f"{encoder['title']}, which reads {READS[name]}" for name, encoder in encoders.items()]
    before = summary.get("pretuned")
    first = (
        f" The text encoder had learned from {before['products']:,} products of other catalogues before."
        if before
        else ""
    )
    what = ", and ".join(parts)
    return (
        f"What was tuned: {what}.{first} {'They' if len(parts) > 1 else 'It'} learned from "
        f"{summary['learned_from']:,} products in {summary['categories'][0]:,} top categories; "
        f"{summary['held_out']:,} others were held out and judge the result."
    )


def _numbers(summary: Summary, encoders: Mapping[str, Summary]) -> Iterator[dict[str, str]]:
    for name, encoder in encoders.items():
        before, after, difference = shares(encoder)
        note = f"{before} before; {difference}"
        yield {"label": f"of held-out products right by {name} alone", "value": after, "note": note}
    yield {
        "label": "products learned from",
        "value": whole(summary["learned_from"]),
        "note": f"of {whole(summary['products'])} with a category; {whole(summary['held_out'])} were held out",
    }
    yield {"label": f"in all, on {device_text(summary)}", "value": duration(summary["seconds"]), "note": ""}


def _notes(summary: Summary) -> Iterator[str]:
    yield (
        "The same held-out products decided when training stopped and how much of the tuned weights was kept, which "
        "flatters the figures after a little: `aisle evaluate CATALOG --finetune` tunes inside each fold and is free "
        "of that."
    )
    if summary.get("near_duplicates") is not None:
        yield (
            f"{summary['near_duplicates']:,} products have a near-duplicate in the catalogue; these lie on one side, "
            "learned from or held out."
        )
    yield "Products that an encoder has learned from are left out of every figure that Aisle prints with it."


def _section(name: str, encoder: Summary, *, shared: bool) -> dict[str, Any]:
    verdict = judge(encoder)
    facts = [
        ("started from", f"{encoder['title']} ({encoder['name']})"),
        ("licence of that", encoder.get("licence") or "not stated"),
        ("parameters", whole(encoder.get("parameters"))),
        ("of them trained", whole(encoder.get("trained_parameters"))),
        ("products in a step", whole(encoder.get("batch"))),
        ("epoch that was kept", f"{encoder['best']} of {len(encoder['epochs'])}"),
        ("weights kept", kept_text(encoder.get("share"))),
    ]
    return {
        "id": name,
        "title": f"The {name} encoder",
        "long": verdict.long.replace(" %", "\N{NO-BREAK SPACE}%"),
        "advice": verdict.advice.split("`"),
        "bad": verdict.kind == "no",
        "log": None if shared else _log(encoder, f"the {name} encoder"),
        "facts": [{"name": fact, "value": value} for fact, value in facts],
        "parity": parity_text(encoder.get("parity")),
        "int8": int8_text(encoder.get("int8")),
    }


def _log(trained: Summary, what: str) -> dict[str, Any]:
    epochs, best = trained["epochs"], trained["best"]
    return {
        "loss": loss_figure(epochs, best=best, title=f"Loss of {what}, epoch by epoch"),
        "accuracy": accuracy_figure(epochs, best=best, title=f"Validation accuracy of {what}, epoch by epoch"),
        "rows": [
            {
                "number": epoch["number"],
                "training": _loss(epoch["training_loss"]),
                "validation": _loss(epoch["validation_loss"]),
                "accuracy": percent(epoch["validation_accuracy"]),
                "time": duration(epoch["seconds"]),
                "kept": epoch["number"] == best,
            }
            for epoch in epochs
        ],
    }


def _loss(value: float | None) -> str:
    return percent(None) if value is None else f"{value:.3f}"


def _pretuned(pretuned: Summary | None) -> dict[str, Any] | None:
    if not pretuned:
        return None
    return {"products": whole(pretuned["products"]), "log": _log(pretuned, "the text encoder on other catalogues")}


def _option(name: str, value: object) -> str:
    if value is None:
        return _BY_DEFAULT.get(name, "by default")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return percent(value) if name == "validation" else str(value)

"""The card of a tuned encoder, in Markdown: counts and figures, never a text of the catalogue."""

from collections.abc import Mapping
from importlib.metadata import version

from aisle.finetune.report.words import (
    READS,
    Summary,
    device_text,
    duration,
    int8_text,
    judge,
    kept_text,
    parity_text,
    shares,
    train_command,
    whole,
    worth_using,
)
from aisle.report.markdown import markdown, table


def render_card(summary: Summary) -> str:
    """Write the README of an encoder folder.

    Parameters
    ----------
    summary : mapping
        As for `render_training`.
    """
    encoders: Mapping[str, Summary] = summary["encoders"]
    parts = [
        _opening(summary, encoders),
        _figures(summary, encoders),
        _use(encoders),
        _learned(summary),
        _made(summary, encoders),
        ["## Limits", "", *(f"- {text}" for text in _limits(summary))],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _opening(summary: Summary, encoders: Mapping[str, Summary]) -> list[str]:
    reads = " and ".join(READS[name] for name in encoders)
    rows = [
        [name, markdown(encoder["title"]), markdown(encoder.get("licence") or "not stated")]
        for name, encoder in encoders.items()
    ]
    return [
        f"# {'Encoders' if len(encoders) > 1 else 'An encoder'} tuned to a catalogue",
        "",
        f"{'They turn' if len(encoders) > 1 else 'It turns'} {reads} of products into vectors that tell the categories "
        f"of one catalogue apart, {markdown(str(summary['catalog']))}. An Aisle engine is trained on top. "
        "Neither torch nor the network is needed to use it.",
        "",
        *table(["reads", "tuned from", "licence of that"], rows, words=3),
        "",
        "What is tuned stays under the licence of what it was tuned from; what it learned belongs to whoever owns the "
        "catalogue.",
    ]


def _figures(summary: Summary, encoders: Mapping[str, Summary]) -> list[str]:
    rows = [[name, *shares(encoder)] for name, encoder in encoders.items()]
    lines = [
        "## Did it help?",
        "",
        f"Judged by the top category of up to {summary['held_out']:,} products held out, with their near-duplicates, "
        "from everything that was learned: by an engine that reads with the encoder of before, and one that reads with "
        "the tuned one.",
        "",
        *table(["encoder", "before", "after", "difference"], rows),
        "",
    ]
    for name, encoder in encoders.items():
        verdict = judge(encoder)
        lines.append(f"- Tuning **{verdict.short.format(f'the {name} encoder')}**. {verdict.advice}")
    return [
        *lines,
        "",
        "The same held-out products decided when training stopped and how much of the tuned weights was kept, which "
        "flatters the figures after a little, and those of an engine that is trained with it. "
        "`aisle evaluate CATALOG --finetune` tunes inside each fold and is free of that.",
    ]


def _use(encoders: Mapping[str, Summary]) -> list[str]:
    names = worth_using(encoders)
    if not names:
        return [
            "## How to use it",
            "",
            "Better not: see above. If you want to all the same:",
            "",
            *_block(train_command(list(encoders))),
        ]
    return ["## How to use it", "", "Where ENCODER is this folder:", "", *_block(train_command(names))]


def _block(command: str) -> list[str]:
    return ["```sh", command, "```"]


def _learned(summary: Summary) -> list[str]:
    depths = ", ".join(f"{count:,}" for count in summary["categories"])
    lines = [
        "## What it learned from, and may not be judged on",
        "",
        f"It learned from {summary['learned_from']:,} of {summary['products']:,} labelled products, in categories at "
        f"{len(summary['categories'])} depths ({depths}).",
    ]
    if summary.get("near_duplicates") is not None:
        lines.append(f"{summary['near_duplicates']:,} of the products have a near-duplicate among them.")
    if pretuned := summary.get("pretuned"):
        lines.append(
            f"Before that, its text encoder learned from {pretuned['products']:,} products of other catalogues."
        )
    return [
        *lines,
        "",
        "A product that it has seen, or a near-duplicate of one, is easy for it: figures on such products say nothing "
        "about others. `seen.npy` holds hashes of all that it learned from, and `aisle train`, `aisle evaluate` and "
        "`aisle audit` leave these products out of every figure. The folder holds no text and no photo.",
    ]


def _made(summary: Summary, encoders: Mapping[str, Summary]) -> list[str]:
    joint = " Text and photo were trained together, each photo matched with its own text." if summary["joint"] else ""
    lines = [
        "## How it was made",
        "",
        f"aisle {version('aisle')}, {duration(summary['seconds'])} on {device_text(summary)}, with cross-entropy at "
        f"each depth and supervised contrast.{joint} The log is in `training.html` and `training.json`.",
        "",
    ]
    for name, encoder in encoders.items():
        lines.append(
            f"- {name}: epoch {encoder['best']} of {len(encoder['epochs'])} was kept; "
            f"{whole(encoder.get('trained_parameters'))} of {whole(encoder.get('parameters'))} parameters trained; "
            f"weights kept: {kept_text(encoder.get('share'))}. {parity_text(encoder.get('parity'))} "
            f"{int8_text(encoder.get('int8'))}"
        )
    return lines


def _limits(summary: Summary) -> list[str]:
    return [
        "It knows the sellers, words and photos of one catalogue; on another what it was tuned from may be better.",
        f"{summary['held_out']:,} products were held out: differences of a point or two are within chance.",
        "Labels are taken as they are, and wrong ones are learned too. `aisle audit` looks for them.",
        "A weight can keep traces of what it was trained on. Hand it on only where you could hand on the catalogue.",
    ]

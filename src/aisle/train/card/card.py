"""The text of a model card: figures from products held out, in the order in which a reader asks."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from aisle.engine.store import Knowledge
from aisle.report.markdown import markdown, table
from aisle.train.card.caveats import caveats
from aisle.train.card.tiers import tiers_part
from aisle.train.card.words import everything_of, fields_text, path_text, percent, share_text, subset_of

_MOST_LEAVES = 30
_MOST_TOP = 60
_LEAST = 3
"""Categories of fewer products get no line: their figures are chance."""


def model_card(knowledge: Knowledge, *, drawn: Sequence[str] = ()) -> str:
    """Write the card of an engine, in Markdown. The same engine gives the same card: it names no time and no place.

    Parameters
    ----------
    knowledge : Knowledge
        With its evaluation.
    drawn : sequence of str
        The plots that lie beside it, by name.
    """
    evaluation = knowledge.evaluation
    parts = [_opening(knowledge)]
    if evaluation.get("subsets"):
        parts += [
            _accuracy(knowledge, drawn),
            _precision(evaluation, drawn),
            *tiers_part(evaluation),
            _calibration(evaluation, drawn),
            _categories(evaluation),
            _sets(evaluation),
        ]
    else:
        parts.append(["## How good it is", "", "No product could be held out: nothing is known of its accuracy."])
    parts += [["## Limits", "", *(f"- {text}" for text in caveats(knowledge))], _made_with(knowledge)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _opening(knowledge: Knowledge) -> list[str]:
    facts, classifier = knowledge.facts, knowledge.classifier
    depth = "as deep as they go" if facts.get("level") is None else f"to level {facts['level']}"
    return [
        "# An Aisle engine",
        "",
        f"It files products in one of {facts['categories']:,} categories ({facts['top_categories']:,} at the top; "
        f"paths {depth}) from {fields_text(classifier.fields)}, or from whichever of these a product has. It answers "
        f"only as deep as it can keep a precision of {100 * knowledge.precision:g} %, says so where it cannot, and "
        "names what it rests on. It runs on a CPU, without torch and without the network.",
        "",
        "```python",
        "import aisle",
        "",
        'engine = aisle.load("this-folder")',
        '[found] = engine.predict([aisle.Product(title="...", description="...", photo="photo.jpg")])',
        "found.decision, found.path, found.probability",
        "```",
        "",
        "```sh",
        "aisle classify this-folder products.csv",
        "aisle evaluate this-folder labelled.csv",
        "```",
    ]


def _accuracy(knowledge: Knowledge, drawn: Sequence[str]) -> list[str]:
    evaluation = knowledge.evaluation
    accuracy = everything_of(evaluation)["figures"]["accuracy"]
    levels = list(accuracy) if accuracy["leaf"] != accuracy["level_1"] else ["level_1"]
    names = {"level_1": "top category", "level_2": "first two levels", "leaf": "whole path"}
    head = ["what a product has", "products", *(names[level] for level in levels), "macro F1", "in the top 3"]
    if len(levels) > 1:
        head.append("hF")
    rows = []
    for row in reversed(evaluation["subsets"]):
        found = row["figures"]
        cells = [fields_text(row["fields"]), f"{found['products']:,}"]
        cells += [share_text(found["accuracy"][level]) for level in levels]
        cells += [percent(found["macro_f1"]["level_1"]), percent(found["top_3"]["level_1"])]
        rows.append(cells + ([percent(found["hierarchical"]["f1"])] if len(levels) > 1 else []))
    lines = [
        "## How good it is",
        "",
        "Every figure is of products that were held out: what judges a product was learned without it and without "
        "its near-duplicates. In brackets 95 % intervals (Wilson), which count near-duplicates as if they were "
        "independent.",
        "",
        *_seen(knowledge),
        *table(head, rows),
    ]
    if len(levels) > 1:
        lines += [
            "",
            "hF: precision and recall over all nodes of the path, their harmonic mean (Kiritchenko et al. 2006).",
        ]
    lines += ["", *_controls(evaluation)]
    return lines + _image("subsets", "Accuracy by what a product has", drawn)


def _seen(knowledge: Knowledge) -> list[str]:
    seen, products = knowledge.facts.get("seen_by_encoders", 0), knowledge.facts["products"]
    if not seen:
        return []
    return [
        f"An encoder has learned from {seen:,} of the {products:,} products, or from near-duplicates of these: figures "
        "and thresholds are of the others. If the encoder was tuned to this catalogue, these others also chose when "
        "its training stopped and how much of the tuned weights was kept, so both are slightly optimistic; "
        "`aisle evaluate CATALOG --finetune` is free of that.",
        "",
    ]


def _controls(evaluation: Mapping[str, Any]) -> list[str]:
    controls = evaluation.get("controls")
    if not controls:
        return []
    rows = [[row["name"], share_text(row["level_1"]), share_text(row["leaf"])] for row in controls["rows"]]
    helps, harms = controls["paired"]["photo_helps"], controls["paired"]["photo_harms"]
    return [
        f"The same {controls['products']:,} products, judged by everything, by their words alone and by their photo "
        "alone:",
        "",
        *table(["", "top category", "whole path"], rows),
        "",
        f"The photo puts {helps:,} of them right that words alone file wrongly at the top, and {harms:,} wrong that "
        "they file rightly.",
    ]


def _precision(evaluation: Mapping[str, Any], drawn: Sequence[str]) -> list[str]:
    full = everything_of(evaluation)
    asked = [row["precision"] for row in full.get("certified", ())]
    rows = []
    for row in reversed(evaluation["subsets"]):
        found = {each["precision"]: each for each in row.get("certified", ())}
        rows.append([fields_text(row["fields"]), *(_certificate(found.get(precision)) for precision in asked)])
    lines = [
        "## Answers at a precision",
        "",
        "Which share of the products gets an answer when answers must be right so often, and in brackets how many of "
        "the held-out answers were wrong. An answer may stop above the leaf. A dash: these data cannot certify it; the "
        "engine then answers from the part of the fields that they can certify it for, if there is one.",
        "",
        *table(["what a product has", *(f"{100 * precision:g} %" for precision in asked)], rows),
    ]
    lines += ["", f"With {fields_text(full['fields'])}:", ""]
    for row in full.get("certified", ()):
        name = f"- {100 * row['precision']:g} %: "
        if row["threshold"] is None:
            lines.append(f"{name}{row['reason']}.")
        else:
            depths = ", ".join(f"{count:,}" for count in row["by_depth"])
            lines.append(
                f"{name}answered from a probability of {row['threshold']:.4g} on; {row['answered']:,} of "
                f"{row['items']:,} answered (from the top down: {depths}), at least {100 * row['lower']:.1f} % of such "
                "answers are right."
            )
    lines += [
        "",
        "What is promised: with a probability of 95 % over the products held out, answers at the threshold are right "
        "at least as often as asked (Learn then Test, Angelopoulos et al. 2021; exact binomial tests). It holds for "
        "one precision that is fixed beforehand, and for products that come as those of the catalogue did.",
    ]
    return lines + _image("coverage", "Precision against coverage", drawn)


def _certificate(row: Mapping[str, Any] | None) -> str:
    if row is None or row["threshold"] is None:
        return percent(None)
    return f"{percent(row['coverage'])} ({row['wrong']:,} of {row['answered']:,})"


def _calibration(evaluation: Mapping[str, Any], drawn: Sequence[str]) -> list[str]:
    rows = []
    for row in reversed(evaluation["subsets"]):
        found = row["figures"]
        after, before = (found["calibration"][when]["level_1"] for when in ("after", "before"))
        confident = found["most_confident"]
        rows.append(
            [
                fields_text(row["fields"]),
                f"{before['ece']:.3f} → {after['ece']:.3f} [{after['ece_low']:.3f}, {after['ece_high']:.3f}]",
                f"{before['brier']:.3f} → {after['brier']:.3f}",
                f"{before['nll']:.3f} → {after['nll']:.3f}",
                share_text(confident),
            ]
        )
    part = round(100 * everything_of(evaluation)["figures"]["most_confident"]["part"])
    return [
        "## Do probabilities mean what they say?",
        "",
        "Expected calibration error (15 bins, 95 % interval), Brier score and negative log-likelihood of the top "
        "category: with the experts multiplied as they are → as the engine weighs them. "
        f"Last, the accuracy on the {part} % it is most sure of.",
        "",
        *table(["what a product has", "ECE", "Brier", "NLL", f"right on {part} %"], rows),
        *_image("reliability", "Reliability before and after calibration", drawn),
    ]


def _categories(evaluation: Mapping[str, Any]) -> list[str]:
    full = everything_of(evaluation)
    rows = full["figures"]["categories"]
    shown = [row for row in rows if row["support"] >= _LEAST][:_MOST_TOP] or rows[:_MOST_TOP]
    asked = f"answered at {100 * evaluation['precision']:g} %"
    head = ["category", "products", "precision", "recall", "F1", asked, "of them wrong"]
    cells = []
    for row in shown:
        shares = [percent(row[name]) for name in ("precision", "recall", "f1")]
        wrong = percent(None) if row.get("wrong") is None else f"{row['wrong']:,}"
        cells.append([path_text(row["category"]), f"{row['support']:,}", *shares, percent(row.get("coverage")), wrong])
    lines = [
        "## Category by category",
        "",
        f"With {fields_text(full['fields'])}, top categories, the largest first:",
        "",
    ]
    lines += table(head, cells)
    lines += [] if len(rows) == len(shown) else ["", f"And {len(rows) - len(shown):,} smaller ones."]
    return lines + list(_leaves(evaluation["leaves"]))


def _leaves(leaves: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not leaves:
        return
    shown = leaves[:_MOST_LEAVES]
    yield from ["", "<details>", f"<summary>The {len(shown)} largest of {len(leaves):,} whole paths</summary>", ""]
    rows = [[path_text(row["category"]), f"{row['of']:,}", share_text(row)] for row in shown]
    yield from table(["whole path", "products", "right"], rows)
    yield from ["", "</details>"]


def _sets(evaluation: Mapping[str, Any]) -> list[str]:
    rows = []
    full = everything_of(evaluation)
    text = subset_of(evaluation, ["title"])
    for row in (full, text) if text is not None and text is not full else (full,):
        for found in row["sets"]:
            if found["class_wise"] and not found["classes_of_their_own"]:
                continue
            kind = (
                f"by category ({found['classes_of_their_own']:,} of {found['classes']:,})"
                if found["class_wise"]
                else "all"
            )
            level = "top" if found["level"] == "level_1" else "whole path"
            cells = [fields_text(row["fields"]), level, kind, percent(found["asked"]), share_text(found["coverage"])]
            rows.append([*cells, f"{found['mean_size']:.2f}"])
    if not rows:
        return []
    return [
        "## Sets of categories",
        "",
        "Conformal sets (Sadinle et al. 2019), fitted to one half of the products held out and judged on the other: "
        "how often the true category is in the set, and how many categories a set holds on average.",
        "",
        *table(["what a product has", "level", "quantile of", "asked", "held", "mean size"], rows, words=3),
    ]


def _made_with(knowledge: Knowledge) -> list[str]:
    rows = [
        [
            markdown(about["title"]),
            about["modality"],
            markdown(about["licence"] or "not stated"),
            f"`{about['fingerprint'][:12]}`",
        ]
        for about in (encoder.about for _, encoder in sorted(knowledge.encoders.items()))
    ]
    facts = knowledge.facts
    return [
        "## Made with",
        "",
        f"aisle {version('aisle')}, seed {facts['seed']}. What was learned belongs to whoever owns the catalogue; the "
        "encoders have licences of their own:",
        "",
        *table(["encoder", "reads", "licence", "fingerprint"], rows, words=4),
        "",
        "The folder holds no photo and no description; `references.json` holds ids and titles of training products, "
        "which answers name as the nearest.",
    ]


def _image(name: str, text: str, drawn: Sequence[str]) -> list[str]:
    return ["", f"![{text}](plots/{name}.svg)"] if name in drawn else []

"""What page and card say alike: whether it helped, and how long, how many and how far apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aisle.report.svg import finite, percent

Summary = Mapping[str, Any]
Kind = Literal["yes", "partly", "no", "unknown"]

_WORDS: dict[Kind, str] = {
    "yes": "It helped",
    "partly": "Not certain",
    "no": "It did not help",
    "unknown": "Not measured",
}
READS = {"text": "titles and descriptions", "photo": "photos"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether tuning an encoder helped.

    Attributes
    ----------
    kind : {"yes", "partly", "no", "unknown"}
        Better beyond chance, better within it, no better, or not measured.
    short : str
        The end of a sentence that begins with "tuning", with a place for the encoder.
    long : str
        Sentences, figures and all.
    advice : str
        What to do.
    """

    kind: Kind
    short: str
    long: str
    advice: str


def judge(encoder: Summary) -> Verdict:
    """Say whether tuning helped, by the paired interval of the difference."""
    before, after, difference = (encoder.get(name) for name in ("before", "after", "difference"))
    if not (before and after and difference and after["of"]):
        return Verdict(
            kind="unknown",
            short="was not measured on {}",
            long="It was not compared with what it was before: nothing is known of what tuning changed.",
            advice="Measure it with `aisle evaluate --finetune` before you use it.",
        )
    figures = f"{_counted(before)} before, {_counted(after)} after: {spread_text(difference)}."
    mean, low, high = (difference[name] for name in ("mean", "low", "high"))
    if low > 0:
        return Verdict(kind="yes", short="made {} better", long=figures, advice="Use it.")
    if high < 0:
        return Verdict(
            kind="no",
            short="made {} worse",
            long=f"{figures} Tuning made it worse, and that is no chance.",
            advice="Do not use it: keep the encoder that it started from.",
        )
    if mean <= 0:
        return Verdict(
            kind="no",
            short="did not make {} better, rather worse" if mean < 0 else "did not make {} better",
            long=f"{figures} {_NO_TELLING if low < high else ''}".rstrip(),
            advice="Do not use it: nothing speaks for it over the encoder that it started from.",
        )
    return Verdict(
        kind="partly",
        short="may have made {} better, which cannot be told from chance",
        long=f"{figures} {_NO_TELLING}",
        advice="Measure it with `aisle evaluate --finetune`, or on more products, before you rely on it.",
    )


_NO_TELLING = "The interval spans zero: with so few products the difference cannot be told from chance."


def headline(encoders: Mapping[str, Summary]) -> str:
    """Say of all encoders at once whether tuning helped."""
    by_words: dict[str, list[str]] = {}
    for name, encoder in encoders.items():
        by_words.setdefault(judge(encoder).short, []).append(f"the {name}")
    return "Tuning " + "; it ".join(
        words.format(f"{' and '.join(names)} encoder{'s' if len(names) > 1 else ''}")
        for words, names in by_words.items()
    )


def overall(encoders: Mapping[str, Summary]) -> tuple[Kind, str]:
    """Return a kind of verdict for all encoders, and a word or two."""
    kinds = {judge(encoder).kind for encoder in encoders.values()}
    if len(kinds) > 1:
        return "partly", "It helped in part" if "yes" in kinds else "Not certain"
    [kind] = kinds
    return kind, _WORDS[kind]


def worth_using(encoders: Mapping[str, Summary]) -> list[str]:
    """Return the encoders that nothing speaks against."""
    return [name for name, encoder in encoders.items() if judge(encoder).kind != "no"]


def train_command(names: Sequence[str]) -> str:
    """Return the command that trains an engine with encoders of the folder."""
    options = "".join(f" \\\n    --{name}-encoder ENCODER" for name in names)
    return f"aisle train CATALOG --out ENGINE{options}"


def spread_text(difference: Mapping[str, float]) -> str:
    """Write a difference of accuracies with its interval.

    >>> spread_text({"mean": 0.028, "low": -0.002, "high": 0.058})
    '+2.8 points, 95 % interval −0.2 to +5.8'
    """
    mean, low, high = (points(difference[name]) for name in ("mean", "low", "high"))
    return f"{mean} points, 95 % interval {low} to {high}"


def shares(encoder: Summary) -> tuple[str, str, str]:
    """Return the accuracy before and after, and their difference, as text; dashes where they were not measured."""
    found = (encoder.get("before"), encoder.get("after"))
    before, after = (percent(each["right"] / each["of"] if each and each["of"] else None) for each in found)
    difference = encoder.get("difference")
    return before, after, spread_text(difference) if difference else percent(None)


def points(share: float) -> str:
    """Write a difference of shares in points, with its sign.

    >>> points(0.028), points(-0.002), points(0.0)
    ('+2.8', '−0.2', '0.0')
    """
    text = f"{100 * share:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def device_text(summary: Summary) -> str:
    """Name what it was trained on."""
    return {"cpu": "a CPU", "cuda": "a GPU"}.get(summary["device"], "a device")


def duration(seconds: object) -> str:
    """Write a time in the two largest units that it fills.

    >>> duration(312.0), duration(4.2), duration(7300), duration(None)
    ('5 min 12 s', '4 s', '2 h 1 min', '—')
    """
    there = finite(seconds)
    if there is None:
        return percent(None)
    whole = max(0, round(there))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def whole(value: object) -> str:
    """Write a whole number with commas; a dash where there is none.

    >>> whole(22713216), whole(None)
    ('22,713,216', '—')
    """
    there = finite(value)
    return percent(None) if there is None else f"{there:,.0f}"


def kept_text(share: object) -> str:
    """Say where the weights that were kept lie between the published ones and those of the best epoch.

    >>> kept_text(1.0)
    'those of the best epoch'
    """
    way = finite(share)
    if way is None or way == 1:
        return "those of the best epoch"
    if way == 0:
        return "the published ones: tuning did not lower the validation loss"
    return f"{percent(way)} of the way from the published ones to the best epoch's"


def parity_text(parity: Mapping[str, Any] | None) -> str:
    """Say how near the exported graph comes to what was trained."""
    if not parity:
        return "The exported graph was not compared with what was trained."
    agreement = "all" if parity["agreement"] == 1 else percent(parity["agreement"])
    return (
        f"The exported graph puts {agreement} of {parity['probes']:,} products into the same category as "
        f"torch does; the largest difference between two probabilities is {parity['difference']:.1g}."
    )


def int8_text(int8: Mapping[str, Any] | None) -> str:
    """Say whether there is a graph in 8 bits, and why."""
    if not int8:
        return "A graph in 8 bits was not tried."
    return f"A graph in 8 bits is {'offered' if int8['offered'] else 'not offered'}: {int8['reason']}."


def _counted(found: Mapping[str, int]) -> str:
    return f"{found['right']:,} of {found['of']:,} held-out products right ({percent(found['right'] / found['of'])})"

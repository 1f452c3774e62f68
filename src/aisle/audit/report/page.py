"""What the page of an audit says, section by section: data and words in, no HTML out."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aisle.audit.result import KINDS, Audit, DuplicateGroup, Opinion, Overlap, Suspect
from aisle.audit.words import percent
from aisle.product import CategoryPath, Neighbour, format_path
from aisle.report.thumbnails import thumbnails

MOST_GROUPS = 60
_MOST_MEMBERS = 8
_TITLE = 240
_KIND_HINTS = {
    "wrong label": "what is seen of the product contradicts its label",
    "overlap": "the two categories share products: a rule is missing, not a label",
    "unclear": "it fits no category well",
}


def audit_page(audit: Audit, *, top: int | None) -> dict[str, Any]:
    """Return everything that the template loops over."""
    suspects = audit.suspects[:top]
    groups = [group for group in audit.duplicates if group.conflicting]
    groups += [group for group in audit.duplicates if not group.conflicting]
    shown = groups[:MOST_GROUPS]
    pictures = _Pictures(audit, suspects, shown)
    kinds = Counter(suspect.kind for suspect in suspects)
    conflicts = sum(group.conflicting for group in audit.duplicates)
    with_photo = sum(suspect.photo is not None for suspect in suspects)
    return {
        "source": Path(audit.source).name or audit.source,
        "version": version("aisle"),
        "level": audit.level,
        "headline": _headline(audit),
        "lead": _lead(audit, len(suspects)),
        "numbers": _numbers(audit, conflicts),
        "notes": _notes(audit),
        "filters": _filters(suspects, kinds, with_photo),
        "categories": sorted({format_path(suspect.given) for suspect in suspects}),
        "suspects": [_suspect(suspect, pictures) for suspect in suspects],
        "overlaps": [_overlap(overlap, pictures) for overlap in audit.overlaps],
        "groups": [_group(group, pictures) for group in shown],
        "groups_left": len(groups) - len(shown),
    }


class _Pictures:
    """Thumbnails of every product that the page shows, each made once."""

    def __init__(self, audit: Audit, suspects: Sequence[Suspect], groups: Sequence[DuplicateGroup]) -> None:
        large = dict.fromkeys(suspect.id for suspect in suspects)
        small = dict.fromkeys(near.id for suspect in suspects for near in (*suspect.nearest, *suspect.twins))
        small |= dict.fromkeys(
            near.id for pair in audit.overlaps for near in (*pair.first_examples, *pair.second_examples)
        )
        small |= dict.fromkeys(near.id for group in groups for near in group.members[:_MOST_MEMBERS])
        self._large = self._make(audit, list(large), size=144, most_bytes=5000)
        self._small = self._make(audit, list(small), size=72, most_bytes=1600)

    def _make(self, audit: Audit, ids: list[str], *, size: int, most_bytes: int) -> dict[str, str]:
        known = [name for name in ids if name in audit.photos]
        made = thumbnails(
            [audit.photos[name] for name in known], size=size, most_bytes=most_bytes, threads=audit.threads
        )
        return {name: picture for name, picture in zip(known, made, strict=True) if picture}

    def large(self, name: str) -> str:
        return self._large.get(name, "")

    def small(self, near: Neighbour, *, note: str) -> dict[str, str]:
        return {
            "title": near.title[:_TITLE] or "(no title)",
            "category": format_path(near.category),
            "picture": self._small.get(near.id, ""),
            "note": note,
        }


def _headline(audit: Audit) -> str:
    wrong = sum(suspect.kind == "wrong label" for suspect in audit.suspects)
    if not audit.suspects:
        return f"No label among {audit.products:,} looks wrong"
    if not wrong:
        return f"{_count(len(audit.suspects), 'label')} among {audit.products:,} to look at, none clearly wrong"
    return f"{_count(wrong, 'label')} among {audit.products:,} {'looks' if wrong == 1 else 'look'} wrong"


def _lead(audit: Audit, shown: int) -> str:
    if not audit.suspects:
        return ""
    others = len(audit.suspects) - sum(suspect.kind == "wrong label" for suspect in audit.suspects)
    text = "Every product was judged by classifiers that had not seen it, by its text, its photo, and both."
    if others:
        text += f" {_count(others, 'more')} may or may not be wrong: categories overlap there, or nothing is sure."
    if shown < len(audit.suspects):
        text += f" Shown are the {shown:,} most suspicious of {len(audit.suspects):,}."
    return text


def _numbers(audit: Audit, conflicts: int) -> list[dict[str, str]]:
    counts = Counter(suspect.kind for suspect in audit.suspects)
    duplicates = sum(len(group.members) for group in audit.duplicates)
    return [
        {
            "label": "labels contradicted by the product",
            "value": f"{counts['wrong label']:,}",
            "note": f"{percent(counts['wrong label'] / audit.products)} of the labelled products",
        },
        {
            "label": "between two categories that overlap",
            "value": f"{counts['overlap']:,}",
            "note": f"{_count(len(audit.overlaps), 'pair')} of categories",
        },
        {"label": "unclear", "value": f"{counts['unclear']:,}", "note": "fit no category well"},
        {
            "label": "near-duplicates under different labels",
            "value": f"{conflicts:,}",
            "note": f"of {_count(len(audit.duplicates), 'group')}, {duplicates:,} products",
        },
    ]


def _notes(audit: Audit) -> list[str]:
    found = []
    if audit.quarantined:
        found.append(f"{_count(audit.quarantined, 'row')} could not be read and were set aside.")
    if audit.unlabelled:
        found.append(f"{_count(audit.unlabelled, 'product')} without a category played no part.")
    if audit.unjudged:
        found.append(f"{_count(audit.unjudged, 'product')} could not be judged.")
    if audit.seen:
        found.append(f"An encoder has learned from {_count(audit.seen, 'product')}: these labels were not judged.")
    return found


def _filters(suspects: Sequence[Suspect], kinds: Counter[Any], with_photo: int) -> list[dict[str, str]]:
    found = [{"key": "", "name": "All", "count": f"{len(suspects):,}", "hint": "every suspect"}]
    found += [
        {"key": _key(kind), "name": kind.capitalize(), "count": f"{kinds[kind]:,}", "hint": _KIND_HINTS[kind]}
        for kind in KINDS
        if kinds[kind]
    ]
    both = sum(len(suspect.against) == 2 for suspect in suspects)
    if with_photo and both:
        hint = "each by itself contradicts the label"
        found.append({"key": "both", "name": "Text and photo agree", "count": f"{both:,}", "hint": hint})
    twins = sum(bool(suspect.twins) for suspect in suspects)
    if twins:
        hint = "a near-duplicate is filed elsewhere"
        found.append({"key": "twin", "name": "Near-duplicate elsewhere", "count": f"{twins:,}", "hint": hint})
    return found


def _suspect(suspect: Suspect, pictures: _Pictures) -> dict[str, Any]:
    tags = [_key(suspect.kind)]
    tags += ["both"] if len(suspect.against) == 2 else []
    tags += ["twin"] if suspect.twins else []
    twins = {near.id for near in suspect.twins}
    near = [pictures.small(twin, note="near-duplicate") for twin in suspect.twins]
    near += [
        pictures.small(other, note=f"{100 * max(other.similarity, 0):.0f} % alike")
        for other in suspect.nearest
        if other.id not in twins
    ]
    return {
        "rank": suspect.rank,
        "tags": " ".join(tags),
        "kind": suspect.kind,
        "kind_key": _key(suspect.kind),
        "id": suspect.id,
        "title": suspect.title[:_TITLE] or "(no title)",
        "picture": pictures.large(suspect.id),
        "given": format_path(suspect.given),
        "suggested": format_path(suspect.suggested),
        "score": percent(suspect.score),
        "opinions": [_opinion(opinion) for opinion in suspect.opinions],
        "reason": suspect.reason,
        "near": near[:3],
    }


def _opinion(opinion: Opinion) -> dict[str, Any]:
    return {
        "modality": opinion.modality.capitalize(),
        "says": format_path(opinion.says),
        "share": percent(opinion.probability),
        "width": round(100 * opinion.probability),
        "against": opinion.against,
    }


def _overlap(overlap: Overlap, pictures: _Pictures) -> dict[str, Any]:
    sides = []
    for name, other, size, torn, moved, examples in (
        (overlap.first, overlap.second, overlap.first_size, overlap.first_torn, overlap.first_moved,
         overlap.first_examples),
        (overlap.second, overlap.first, overlap.second_size, overlap.second_torn, overlap.second_moved,
         overlap.second_examples),
    ):  # fmt: skip
        last = _tail(other, name)
        sides.append(
            {
                "name": format_path(name),
                "size": f"{size:,}",
                "counts": f"{moved:,} look like {last}, {torn:,} could be either",
                "examples": [pictures.small(near, note=f"{percent(near.similarity)} {last}") for near in examples],
            }
        )
    return {"sides": sides}


def _tail(path: CategoryPath, beside: CategoryPath) -> str:
    """Return the part of a path that differs from its sibling's."""
    return path[-1] if path[:-1] == beside[:-1] else format_path(path)


def _group(group: DuplicateGroup, pictures: _Pictures) -> dict[str, Any]:
    return {
        "number": group.number,
        "conflicting": group.conflicting,
        "size": f"{len(group.members):,}",
        "alike": " and ".join(group.alike),
        "labels": [{"name": name or "(none)", "count": f"{count:,}"} for name, count in group.labels.items()],
        "members": [pictures.small(near, note=near.id) for near in group.members[:_MOST_MEMBERS]],
        "left": max(0, len(group.members) - _MOST_MEMBERS),
    }


def _key(kind: str) -> str:
    return kind.replace(" ", "-")


def _count(number: int, what: str) -> str:
    """Count things.

    >>> _count(1, "label"), _count(2000, "label"), _count(3, "more")
    ('1 label', '2,000 labels', '3 more')
    """
    return f"{number:,} {what}{'' if number == 1 or what == 'more' else 's'}"

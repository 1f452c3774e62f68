"""What ``aisle evaluate`` says to a person: at most 80 columns, the most needed first."""

from collections.abc import Mapping, Sequence
from typing import Any

from aisle.cli.terminal import WIDTH, columns_of, plain, say
from aisle.cli.train_report import NAME, name_of, share_text
from aisle.heads.tree import MIN_EXAMPLES

_CATEGORY = 34
_MOST = 40
_LEVELS = {"level_1": "top category", "level_2": "first two levels", "leaf": "whole path"}


def print_engine_evaluation(found: Mapping[str, Any]) -> None:
    """Print the figures of `aisle.train.engine_evaluation.evaluate_engine`."""
    say(f"Engine {found['engine']} on {found['catalog']}")
    _print_seen(found)
    mark = "" if found["held_out"] else "  (NOT held out)"
    decisions = found["decisions"]
    print(f"\nDecisions when answers must be right {100 * found['precision']:g} % of the time{mark}")
    for name, text in (("accept", "answered to the leaf"), ("partial", "answered above it")):
        row = decisions[name]
        print(f"  {row['products']:7,}  {name:8} {text:22} right {share_text(row['precision'])}")
    print(f"  {decisions['review']['products']:7,}  review   left to a person")
    coverage, precision = decisions["coverage"], decisions["precision"]
    print(f"  answered {share_text(coverage)} of the products, right {share_text(precision)}")
    down = decisions["hierarchical"]
    say(
        f"down the path: precision {_percent(down['precision'])}, recall {_percent(down['recall'])}, "
        f"F {_percent(down['f1'])}",
        indent=2,
    )
    if found["tier"] != "full":
        stages = ", ".join(f"{count:,} from {name}" for name, count in sorted(found["stages"].items()))
        say(f"tier {found['tier']}: {stages}", indent=2)
    _print_flat(found["figures"], mark)
    _print_subsets(found["subsets"])
    _print_categories(found["figures"]["categories"])
    _print_unknown(found["unknown"])


def _print_seen(found: Mapping[str, Any]) -> None:
    seen, products = found["seen"], found["products"]
    if found["unlabelled"]:
        say(f"{found['unlabelled']:,} products without a category are left out.")
    if not found["held_out"]:
        say(
            f"All {products:,} products were in the training data: the figures below say how well the engine "
            "remembers, not how good it is on new products. Its README.md has figures on products held out."
        )
    elif seen:
        say(f"{seen:,} of {products:,} products were in the training data: figures on the other {found['judged']:,}.")
    else:
        say(f"None of the {products:,} products was in the training data.")


def _print_flat(figures: Mapping[str, Any], mark: str) -> None:
    print(f"\nIf every product were answered{mark}")
    accuracy = figures["accuracy"]
    for level, share in accuracy.items():
        if level == "level_1" or share != accuracy["level_1"]:
            print(f"  {_LEVELS[level]:18} {share_text(share)} right")
    top = figures["calibration"]["after"]["level_1"]
    confident = figures["most_confident"]
    say(
        f"top category: macro F1 {_percent(figures['macro_f1']['level_1'])}, in the top 3 "
        f"{_percent(figures['top_3']['level_1'])}; {share_text(confident)} right on the "
        f"{100 * confident['part']:.0f} % most confident",
        indent=2,
    )
    say(
        f"calibration: ECE {top['ece']:.3f} [{top['ece_low']:.3f}, {top['ece_high']:.3f}], Brier {top['brier']:.3f}, "
        f"NLL {top['nll']:.3f}",
        indent=2,
    )
    coverage = ", ".join(f"{100 * row['precision']:g} %: {_percent(row['coverage'])}" for row in figures["coverage"])
    say(f"answered at each precision, the threshold chosen in hindsight: {coverage}", indent=2, hang=4)


def _print_subsets(rows: Sequence[Mapping[str, Any]]) -> None:
    print(f"\n{'By what products have':{NAME + 2}}{'products':>10}  {'top category':21}  answered")
    for row in rows:
        coverage = row["decisions"]["coverage"]["share"]
        top = share_text(row["accuracy"]["level_1"])
        print(f"  {name_of(row['fields'])}{row['products']:10,}  {top:21}  {_percent(coverage):>8}")
    for row in rows:
        if row["reason"]:
            say(f"{name_of(row['fields']).strip()}: {row['reason']}", indent=2, hang=4)


def _print_categories(rows: Sequence[Mapping[str, Any]]) -> None:
    print(
        f"\n{'By top category':{_CATEGORY}}{'products':>10}{'precision':>11}{'recall':>8}{'answered':>10}{'wrong':>7}"
    )
    for row in rows[:_MOST]:
        name = plain(row["category"][0], width=_CATEGORY - 3)
        pad = " " * (_CATEGORY - 2 - columns_of(name))
        print(
            f"  {name}{pad}{row['support']:10,}{_percent(row['precision']):>11}{_percent(row['recall']):>8}"
            f"{_percent(row['coverage']):>10}{row['wrong']:7,}"
        )
    if len(rows) > _MOST:
        say(f"and {len(rows) - _MOST:,} smaller ones; --json or --out has them all", indent=2)


def _print_unknown(unknown: Mapping[str, Any]) -> None:
    if unknown["products"]:
        names = ", ".join(f"{row['category']} ({row['products']:,})" for row in unknown["top"][:10])
        more = len(unknown["top"]) - 10
        print()
        say(
            f"{unknown['products']:,} products are of top categories that the engine does not know, and count as "
            f"wrong: {names}{f' and {more:,} more' if more > 0 else ''}"
        )
    if unknown["below"]:
        say(f"{unknown['below']:,} products lie where the engine knows the categories beside theirs, not theirs.")


def print_cross_validation(found: Mapping[str, Any]) -> None:
    """Print the figures of `aisle.train.cross_validation.cross_validate`."""
    how = found["how"]
    say(f"{found['catalog']}: {found['products']:,} products, {found['categories']['level_1']:,} top categories")
    deal = f"{how['folds']}-fold, {how['repeats']} times" if how["repeats"] > 1 else f"{how['folds']}-fold"
    grouped = "near-duplicates on one side" if how["grouped"] else "near-duplicates dealt like any product"
    depth = "whole paths" if how["level"] is None else f"level {how['level']}"
    say(f"Cross-validation, {deal}, {grouped}; {depth}. In brackets 95 % intervals (Nadeau & Bengio).")
    if found["seen"]:
        say(
            f"An encoder has learned from {found['seen']:,} of these products: they join the training of every fold, "
            "and figures are of the others."
        )
    if "differences" in found:
        _print_gains(found)
    _print_folds(found["subsets"], found["least_support"])
    if how["level"] != 1:
        print()
        say(
            f"A path with fewer than {MIN_EXAMPLES} products among a fold's training rows is not learned there: its "
            "products end at the category above, and count as wrong in the whole path. An engine of all products "
            "knows more paths."
        )
    if found["with_extra"] is not None:
        joined, given = (found["extra"][name] for name in ("joined", "given"))
        print()
        say(f"The same with {joined:,} of {given:,} products of --extra joining the training, never the test:")
        _print_folds(found["with_extra"], found["least_support"])
    elif found["extra"]["joined"]:
        print()
        say(f"{found['extra']['joined']:,} products of --extra joined the training of both.")
    elif found["extra"]["given"]:
        print()
        say("None of the products of --extra could join: no category in common, or nearly the same titles.")
    _print_set_aside(found)


def _print_set_aside(found: Mapping[str, Any]) -> None:
    """Print, in one sentence, what of the catalogues is in no figure."""
    bad = found["bad_rows"]
    names = {"catalog": "the catalogue", "extra": "--extra", "pretune": "--pretune"}
    rows = [f"{count:,} of {names[place]}" for place, count in bad.items() if count]
    parts = [f"rows that no product can be made of ({', '.join(rows)})"] if rows else []
    if copies := found.get("copies"):
        parts.append(f"{copies:,} test products, over all folds, with the very words of a training product")
    if parts:
        print()
        say(f"Set aside: {'; '.join(parts)}.")


def _print_gains(found: Mapping[str, Any]) -> None:
    """Print what encoders tuned in each fold add to frozen ones."""
    tuning, first = found["tuning"], ""
    if pretune := tuning["pretune"]:
        first = f", texts first on {pretune['used']:,} of {pretune['given']:,} products of --pretune"
    say(f"Encoders tuned anew in each fold, on its training products alone{first}; {_seconds(tuning)}.")
    print(f"\n{'Top category':{NAME + 4}}{'frozen':>8}{'tuned':>8}  gained, paired by fold")
    for after, before, gain in zip(found["subsets"], found["frozen"], found["differences"], strict=True):
        shares = [row["figures"]["level_1"]["mean"] for row in (before, after)]
        points = {end: 100 * value for end, value in gain["level_1"].items()}
        print(
            f"  {name_of(after['fields'])}  {_percent(shares[0]):>8}{_percent(shares[1]):>8}"
            f"  {points['mean']:+.1f} [{points['low']:+.1f}, {points['high']:+.1f}] points"
        )
    print("\nThe tuned ones:")


def _seconds(tuning: Mapping[str, Any]) -> str:
    """Say what a fold took; those that went on from a run that was stopped tell too little, and are left out."""
    whole = [each for each, went_on in zip(tuning["seconds"], tuning["went_on"], strict=True) if not went_on]
    rest = len(tuning["seconds"]) - len(whole)
    if not whole:
        return "every fold went on from a run that was stopped, so nothing is known of their time"
    more = f", not counting {rest:,} that went on from a run that was stopped" if rest else ""
    return f"{sum(whole) / len(whole):,.0f} s a fold{more}"


def _print_folds(rows: Sequence[Mapping[str, Any]], least: int) -> None:
    deep = any(row["figures"]["leaf"] != row["figures"]["level_1"] for row in rows)
    print(f"\n{'Right':{NAME + 4}}{'top category':22}{'whole path' if deep else ''}".rstrip())
    for row in rows:
        leaf = _interval(row["figures"]["leaf"]) if deep else ""
        print(f"  {name_of(row['fields'])}  {_interval(row['figures']['level_1']):21} {leaf}".rstrip())
    if any("level_1_supported" in row["figures"] or "leaf_supported" in row["figures"] for row in rows):
        print(f"  of categories with at least {least} products")
        for row in rows:
            cells = [row["figures"].get(f"{level}_supported") for level in ("level_1", "leaf")]
            shown = [_interval(cell) if cell else "" for cell in cells]
            print(f"  {name_of(row['fields'])}  {shown[0]:21} {shown[1] if deep else ''}".rstrip())
    part = f"right on {100 * rows[0]['most_confident']['part']:.0f} %"
    print(f"\n{'':{NAME + 3}}{'macro F1':>8}{'hF':>8}{'ECE':>7}{'NLL':>7}  {part}")
    for row in rows:
        figures = row["figures"]
        sure = row["most_confident"]
        print(
            f"  {name_of(row['fields'])}{_percent(figures['macro_f1']['mean']):>9}"
            f"{_percent(figures['hierarchical_f1']['mean']):>8}{row['ece']['mean']:7.3f}{figures['nll']['mean']:7.3f}"
            f"{_percent(sure['mean']):>15}"
        )
    _print_promises(rows)
    _print_tiers(max(rows, key=lambda row: len(row["fields"])))


def _print_tiers(row: Mapping[str, Any]) -> None:
    """Print what cheaper answers are worth where products have the most."""
    if row["tiers"] is None:
        return
    print(f"\n{'By --tier':13}{'whole path right':21}  {'points behind full':21}{'by terms':>8}{'texts':>7}{'all':>6}")
    for tier, found in row["tiers"].items():
        behind = {end: 100 * value for end, value in found["behind"].items()}
        lost = "" if tier == "full" else f"{behind['mean']:.1f} [{behind['low']:.1f}, {behind['high']:.1f}]"
        shares = [f"{100 * share:.0f} %" for share in found["stages"].values()]
        print(f"  {tier:11}{_interval(found['leaf']):21}  {lost:21}{shares[0]:>8}{shares[1]:>7}{shares[2]:>6}")
    say(f"of products with {name_of(row['fields']).strip()}, every one answered", indent=2)


def _print_promises(rows: Sequence[Mapping[str, Any]]) -> None:
    print(f"\n{'Certified inside the folds':{NAME + 4}}{'asked':>7}{'kept':>9}{'answered':>10}  folds")
    for row in rows:
        for each in row["certified"]:
            kept = "-" if each["precision"] is None else _percent(each["precision"]["mean"])
            coverage = _percent(each["coverage"]["mean"])
            line = (
                f"  {name_of(row['fields'])}  {100 * each['asked']:5g} %{kept:>9}{coverage:>10}"
                f"  {each['folds_certified']} of {each['folds']}"
            )
            print(plain(line, width=WIDTH))


def _interval(found: Mapping[str, float]) -> str:
    return f"{100 * found['mean']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"

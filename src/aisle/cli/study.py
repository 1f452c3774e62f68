"""``aisle study``: can photo and text tell the categories apart?"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, LevelOption, MapOption, SeparatorOption
from aisle.cli.places import check_folder

if TYPE_CHECKING:
    from aisle.study import Study

QUARANTINED = 3


def study(
    catalog: CatalogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the report goes; made if need be.")],
    encoders: Annotated[
        list[str] | None,
        typer.Option(
            "--encoders",
            metavar="NAME",
            help="Only these: names of `aisle models list`, folders, hub:owner/name; commas or repeated.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="k-means seeds per feature set.")] = 100,
    level: LevelOption = 1,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json on standard output.")] = False,
) -> None:
    """Study a labelled catalogue: clusters, maps, classifiers, and a verdict in report.html."""
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=level)
    check_folder(out, source=catalog, example="study", what="the report")
    from aisle.catalog.quarantine import write_quarantine
    from aisle.settings import Settings
    from aisle.study import run_study
    from aisle.study.features import split_names

    started = time.perf_counter()
    settings = Settings.load()
    # A misspelt name is told before a long table is read.
    names = split_names(",".join(encoders) if encoders else None, settings=settings)
    products = options.read()
    result = run_study(products, encoders=names, seeds=seeds, level=level, settings=settings)
    written = result.save(out)
    if products.bad_rows:
        written["quarantine"] = out / "quarantine.csv"
        write_quarantine(written["quarantine"], products.bad_rows)
    if as_json:
        print(json.dumps(result.summary, ensure_ascii=False))
    else:
        _print_result(result)
    seconds = time.perf_counter() - started
    typer.echo(f"\nWritten in {seconds:.0f} s:", err=as_json)
    for path in written.values():
        typer.echo(f"  {path}", err=as_json)
    if products.bad_rows:
        raise typer.Exit(QUARANTINED)


def _print_result(result: "Study") -> None:
    from aisle.cli.terminal import plain
    from aisle.study.report import best_variants

    summary = result.summary
    for paragraph in (result.verdict, *summary["verdict"]["points"]):
        print(_wrap(plain(paragraph)))
    scored = [row for row in summary["features"] if row["status"] == "ok"]
    print(f"\nClusters against categories, mean adjusted Rand index over {summary['seeds']} seeds")
    for row in [*sorted(summary["fused"], key=lambda row: -row["ari_mean"]), *best_variants(scored)]:
        pca = ", PCA" if row["pca"] else ""
        print(f"  {row['ari_mean']:.3f} ± {row['ari_std']:.3f}  {plain(row['title'])} ({plain(row['variant'])}{pca})")
    for row in summary["features"]:
        if row["status"] != "ok":
            print(f"      –          {plain(row['title'])}: {row['status']}")  # noqa: RUF001
    print("\nClassifiers, accuracy on unseen products (and with near-duplicates kept together)")
    for row in summary["classifier"]:
        print(
            f"  {_percent(row, 'accuracy')}  ({_percent(row, 'grouped_accuracy')})  {row['features']}, {row['model']}"
        )
    _print_trouble(summary["catalog"])


def _print_trouble(catalog: dict[str, Any]) -> None:
    trouble = {
        "rows quarantined": catalog["quarantined"],
        "products without a photo": catalog["photos_missing"],
        "photos that cannot be read": len(catalog["photos_broken"]),
        "products without a category": catalog["unlabelled"],
        "categories too small to study": len(catalog["small_categories"]),
    }
    found = [f"{count} {what}" for what, count in trouble.items() if count]
    if found:
        print(_wrap(f"\nLeft out or set aside: {', '.join(found)}."))


def _percent(row: dict[str, Any], name: str) -> str:
    if row[f"{name}_mean"] is None:
        return "cannot be had"
    low, mean, high = (100 * row[f"{name}_{end}"] for end in ("low", "mean", "high"))
    return f"{mean:5.1f} % [{low:.1f}, {high:.1f}]"


def _wrap(text: str) -> str:
    import textwrap

    lead = "\n" if text.startswith("\n") else ""
    return lead + textwrap.fill(text.strip(), width=96)

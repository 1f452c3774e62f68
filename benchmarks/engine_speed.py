"""How fast an engine loads and answers, and MiniLM in torch with a logistic regression beside it, on the same texts.

Each contestant runs in a process of its own, in turn; loading starts with its first import. Single products are
answered one after another, after ten that do not count; of the rounds the one with the lowest median counts. Photos of
one megapixel are made of the catalogue's own.
"""

import argparse
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression

from aisle.catalog import read_catalog
from aisle.catalog.photos import photo_facts
from aisle.encode import ENCODERS, embed_texts, open_spec
from aisle.encode.encoders import PretrainedText
from aisle.errors import PhotoError
from aisle.product import Product
from aisle.settings import Settings
from aisle.weights import fetch_all
from peers.minilm_torch import write_folder

HERE = Path(__file__).parent
MEGAPIXEL = 1_000_000
MADE_PHOTOS = 50
SHORT, LONG = "title", "title, description"
GOALS = {"load": 1.5, "title, photo": 25.0, "1000: title, photo": 30.0}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Contestant:
    """A program that answers jobs.

    Attributes
    ----------
    script : Path
        Takes two JSON files: the job, and where to write its answer.
    job : dict
        What it loads.
    cases : dict of str to list of dict
        Products to be answered one by one.
    batches : dict of str to list of dict
        Products to be answered together.
    """

    script: Path
    job: dict[str, Any]
    cases: dict[str, Rows]
    batches: dict[str, Rows]

    def run(self, folder: Path, *, answers: bool) -> dict[str, Any]:
        """Run it in a process of its own, only to load or to answer everything."""
        asked = {"cases": self.cases if answers else {}, "batches": self.batches if answers else {}}
        job, answer = folder / "job.json", folder / "answer.json"
        job.write_text(json.dumps(self.job | asked), encoding="utf-8")
        subprocess.run([sys.executable, str(self.script), str(job), str(answer)], check=True)
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def make_photos(products: Sequence[Product], folder: Path) -> list[str]:
    """Bring photos to one megapixel."""
    made: list[str] = []
    for product in products:
        if len(made) == MADE_PHOTOS:
            break
        try:
            photo_facts(product.photo)
        except PhotoError:
            continue
        source = io.BytesIO(product.photo) if isinstance(product.photo, bytes) else product.photo
        with Image.open(source) as image:
            upright = image.convert("RGB")
        ratio = (MEGAPIXEL / (upright.width * upright.height)) ** 0.5
        size = (round(upright.width * ratio), round(upright.height * ratio))
        made.append(str(folder / f"{len(made)}.jpg"))
        upright.resize(size, Image.Resampling.BICUBIC).save(made[-1], quality=90)
    return made


def our_side(engine: Path, products: Sequence[Product], *, calls: int, batch: int, folder: Path) -> Contestant:
    """Return the engine, with what it is asked."""
    plain = [row(product) for product in products]
    made = make_photos([product for product in products if product.photo is not None], folder)
    single = [plain[at % len(plain)] for at in range(calls)]
    large = [each | {"photo": made[at % len(made)]} for at, each in enumerate(single)] if made else []
    cases = {SHORT: only(single, "title")}
    if made:
        cases["title, photo"] = only(large, "title", "photo")
    cases[LONG] = only(single, "title", "description")
    if made:
        cases["title, description, photo"] = only(large, "title", "description", "photo")
        cases["all"] = large
    pictured = [each for each in plain if "photo" in each] or plain
    many = [pictured[at % len(pictured)] for at in range(batch)]
    batches = {f"{batch}: title, description": only(many, "title", "description")}
    if made:
        batches |= {f"{batch}: title, photo": only(many, "title", "photo"), f"{batch}: all": many}
    return Contestant(HERE / "peers" / "engine_process.py", {"engine": str(engine)}, cases, batches)


def row(product: Product) -> dict[str, Any]:
    """Return a product as plain values."""
    found: dict[str, Any] = {"title": product.title, "description": product.description}
    found["attributes"] = dict(product.attributes)
    if isinstance(product.photo, Path):
        found["photo"] = str(product.photo.resolve())
    return found


def only(rows: Rows, *names: str) -> Rows:
    """Return some of the fields."""
    return [{name: row[name] for name in names if name in row} for row in rows]


def torch_side(ours: Contestant, products: Sequence[Product], *, folder: Path, settings: Settings) -> Contestant:
    """Return MiniLM in torch with a logistic regression, asked the same texts."""
    bare, head = folder / "minilm", folder / "head.npz"
    files = [ENCODERS["minilm"].files[name] for name in ("weights", "tokenizer")]
    weights, tokenizer = fetch_all(files, settings=settings)
    write_folder(bare, weights=weights, tokenizer=tokenizer)
    labelled = [product for product in products if product.category]
    encoder = open_spec(ENCODERS["minilm"], settings=settings)
    if not isinstance(encoder, PretrainedText):
        raise TypeError("MiniLM is no pretrained encoder")
    texts = [f"{product.title}\n{product.description}" for product in labelled]
    embeddings = embed_texts(encoder, texts, preparation="raw", settings=settings).matrix
    model = LogisticRegression(C=30, max_iter=300, tol=1e-3).fit(embeddings, [product.label(1) for product in labelled])
    np.savez(head, coefficients=model.coef_.astype(np.float32), bias=model.intercept_.astype(np.float32))

    def joined(asked: dict[str, Rows]) -> dict[str, Rows]:
        kept = {name: rows for name, rows in asked.items() if "photo" not in name and "all" not in name}
        return {
            name: [{"text": f"{row['title']}\n{row.get('description', '')}"} for row in rows]
            for name, rows in kept.items()
        }

    job = {"folder": str(bare), "head": str(head)}
    return Contestant(HERE / "peers" / "minilm_torch.py", job, joined(ours.cases), joined(ours.batches))


def measure(everyone: dict[str, Contestant], *, loads: int, rounds: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Let everyone load, then answer, in turn."""
    loading: dict[str, list[tuple[float, float]]] = {name: [] for name in everyone}
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in everyone}
    for _ in range(loads):
        for name, contestant in everyone.items():
            found = contestant.run(folder, answers=False)
            loading[name].append((found["load"], found["first"]))
    for _ in range(rounds):
        for name, contestant in everyone.items():
            answers[name].append(contestant.run(folder, answers=True))
    results: dict[str, dict[str, Any]] = {}
    for name, contestant in everyone.items():
        load, first = np.median(loading[name], axis=0).tolist()
        single = {
            case: min([*np.percentile(found["cases"][case], (50, 95))] for found in answers[name])
            for case in contestant.cases
        }
        together = {case: min(found["batches"][case] for found in answers[name]) for case in contestant.batches}
        results[name] = {"load": load, "first": first, "cases": single, "batches": together}
    return results


def print_results(results: dict[str, dict[str, Any]]) -> None:
    """Print ours, the peer's, and the peer's through ours."""
    ours, peer = results["aisle"], results.get("torch", {"cases": {}, "batches": {}})
    print(f"{'':28}  {'aisle':>20}  {'torch':>20}  torch / aisle    goal")
    for name, title in (("load", "load"), ("first", "load, first answer")):
        line(title, f"{ours[name]:.2f} s", peer.get(name), ours[name], form="{:.2f} s", goal=GOALS.get(name))
    for name, (middle, high) in ours["cases"].items():
        other = peer["cases"].get(name)
        form = "{:.1f} ms" + (f" (p95 {other[1]:.1f})" if other else "")
        shown = f"{middle:.1f} ms (p95 {high:.1f})"
        line(name, shown, other[0] if other else None, middle, form=form, goal=GOALS.get(name))
    for name, seconds in ours["batches"].items():
        line(name, f"{seconds:.1f} s", peer["batches"].get(name), seconds, form="{:.1f} s", goal=GOALS.get(name))


def line(title: str, ours: str, other: float | None, figure: float, *, form: str, goal: float | None) -> None:
    """Print one line."""
    peer = "" if other is None else form.format(other)
    ratio = "" if other is None else f"{other / figure:.2f}"
    met = "" if goal is None else f"{goal:g}, {'met' if figure <= goal else 'missed'}"
    print(f"{title:28}  {ours:>20}  {peer:>20}  {ratio:>13}    {met}".rstrip())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", type=Path, help="what `aisle train` wrote")
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--calls", type=int, default=200, help="single products per case and round")
    parser.add_argument("--batch", type=int, default=1000, help="products answered together")
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    settings = Settings.load()
    products = read_catalog(options.catalog).products
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = our_side(options.engine.resolve(), products, calls=options.calls, batch=options.batch, folder=folder)
        everyone = {"aisle": ours}
        if all(importlib.util.find_spec(each) for each in ("torch", "transformers")):
            everyone["torch"] = torch_side(ours, products, folder=folder, settings=settings)
        else:
            print("torch is not installed: make test-torch, and run with .venv-torch/bin/python")
        results = measure(everyone, loads=options.loads, rounds=options.rounds, folder=folder)
    print(f"{options.calls} single products per case, best of {options.rounds} rounds; {settings.threads} threads")
    print_results(results)


if __name__ == "__main__":
    main()

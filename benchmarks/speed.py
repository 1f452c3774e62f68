"""How fast products are read and answered, Aisle beside its peers: same rows, same files, one run.

The peers are the script one would write first (Pillow, torch, scikit-learn), sentence-transformers, and ONNX Runtime as
FastEmbed runs it. Each contestant has a process of its own and all the cores; they take turns, and the best of the
rounds counts, so that a busy machine does not decide. Nothing comes from a cache. Then one very large photo, and
the share of this machine's matrix products that each encoder reaches.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import aisle
from aisle.catalog import read_catalog
from aisle.catalog.photos import photo_facts
from aisle.heads.tiers import STAGES
from aisle.settings import Settings
from peers.speed_inputs import draw_rows, lay_out, resize_photos

PEERS = Path(__file__).parent / "peers"
OURS, SENTENCE = "aisle", "sentence-transf."
SCRIPTS = {
    OURS: "aisle_speed.py",
    "torch script": "torch_script.py",
    SENTENCE: "sentence_speed.py",
    "ORT, plain": "plain_onnxruntime.py",
}
WORKS = {
    "texts": ("title and description embedded", "texts"),
    "photos": ("photo decoded and embedded", "photos"),
    "full": ("answered: title, description, photo", "full"),
    "balanced": ("  in the balanced tier", "full"),
    "fast": ("  in the fast tier, from terms alone", "full"),
    "full, attributes": ("answered: attributes as well", "full"),
    "balanced, attributes": ("  in the balanced tier", "full"),
    "fast, attributes": ("  in the fast tier, from terms alone", "full"),
}
"""What ours does: what it is called, and the work of a peer to compare it with."""

WARM = 32

Answers = dict[str, list[dict[str, Any]]]


def ask(script: str, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Run one contestant in a process of its own."""
    given, answer = folder / "job.json", folder / f"{script}.json"
    given.write_text(json.dumps(job), encoding="utf-8")
    subprocess.run([sys.executable, str(PEERS / script), str(given), str(answer)], check=True, stdout=sys.stderr)
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def print_rates(answers: Answers, *, rows: int) -> None:
    """Print rows per second, and in brackets how many times as fast as each peer Aisle is."""
    print("\n" + line("rows per second", answers))
    for work, (title, theirs) in WORKS.items():
        ours = quickest(answers[OURS], work)
        if ours is None:
            continue
        cells = [f"{rows / ours:.1f}"]
        for name in list(answers)[1:]:
            peer = quickest(answers[name], theirs)
            cells.append("" if peer is None else f"{rows / peer:.1f} ({peer / ours:.2f}x)")
        print(line(title, cells))
        stages = answers[OURS][0]["notes"].get(work, {})
        if len(stages) > 1:
            shares = ", ".join(f"{100 * stages.get(stage, 0) / rows:.0f} % from {stage}" for stage in STAGES)
            print(f"    answered {shares}")
    print(line("peak memory, MB", [f"{max(each['peak'] for each in found) / 1e6:.0f}" for found in answers.values()]))


def quickest(found: list[dict[str, Any]], work: str) -> float | None:
    """Return the seconds of the best round; None where a contestant does not do this."""
    return min((each["seconds"][work] for each in found if work in each["seconds"]), default=None)


def line(title: str, cells: Any) -> str:
    """Put cells under each other."""
    return f"{title:40}" + "".join(f"{cell:>20}" for cell in cells)


def print_likeness(files: Mapping[str, Path]) -> None:
    """Print whether all compute the same vectors."""
    for kind in ("texts", "photos"):
        vectors = {}
        for name, file in files.items():
            with np.load(file) as kept:
                if kind in kept:
                    vectors[name] = kept[kind] / np.linalg.norm(kept[kind], axis=1, keepdims=True)
        ours = vectors.pop(OURS)
        each = ", ".join(f"{name} {(ours * rows).sum(axis=1).min():.4f}" for name, rows in vectors.items())
        print(f"least cosine of {kind} with Aisle's: {each}")


def print_large_photo(large: Path, small: Path, *, rounds: int) -> None:
    """Print what one very large photo takes in a fresh process, Aisle and Pillow in turn."""
    found: dict[str, list[dict[str, float]]] = {"aisle": [], "pillow": []}
    for _ in range(rounds):
        for who, results in found.items():
            command = [sys.executable, str(PEERS / "one_photo.py"), who, str(large), str(small)]
            results.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    seconds = {who: min(each["seconds"] for each in results) for who, results in found.items()}
    print(f"\none photo of {photo_facts(large).pixels / 1e6:.1f} megapixels, brought to 224 x 224 in a fresh process")
    for who, results in found.items():
        memory = max(each["bytes"] for each in results) / 1e6
        print(f"{who:40}{seconds[who]:10.2f} s ({seconds[who] / seconds['aisle']:.1f}x), {memory:.0f} MB more")


def print_shares(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print the share of measured matrix products."""
    print("\nshare of this machine's matrix products")
    for threads, rates in found.items():
        for name, rate in rates.items():
            title = f"{threads} threads: {name}" if threads != "1" else f"1 thread: {name}"
            print(f"{title:40}{rate / 1e9:10.1f} GFLOP/s {100 * rate / rates['SGEMM']:6.0f} %")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path, help="what `aisle train` wrote, with its default encoders")
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--originals", type=Path, help="larger photos of the same names, to take their place")
    parser.add_argument("--megapixels", type=float, help="bring every photo to this size first")
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    settings = Settings.load()
    engine = aisle.load(options.engine, settings=settings)
    drawn = draw_rows(read_catalog(options.catalog).products, engine=engine, originals=options.originals)
    warm = drawn[:WARM]
    rows = [dict(drawn[at % len(drawn)]) for at in range(WARM, WARM + options.rows)]
    known = sum(row["learned"] for row in rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.megapixels:
            resize_photos(rows, folder, megapixels=options.megapixels)
        inputs = lay_out(folder, engine=engine, settings=settings) | {"engine": str(options.engine.resolve())}
        job = {"inputs": inputs, "warm": warm, "rows": rows, "rounds": options.rounds}
        sizes = np.array([photo_facts(Path(row["photo"])).pixels for row in rows]) / 1e6
        print(f"{len(rows)} products; photos of {sizes.mean():.2f} megapixels, the largest of {sizes.max():.1f}")
        if known:
            print(
                f"{known} of them the engine has learned from: the balanced tier is quicker with these than with others"
            )
        print(
            f"texts cut at {inputs['max_tokens']} tokens; {settings.threads} threads; best of {options.rounds} rounds"
        )
        scripts = dict(SCRIPTS)
        if not find_spec("sentence_transformers"):
            del scripts[SENTENCE]
            print("sentence-transformers is not installed: pip install --no-deps sentence-transformers==6.2.0")
        answers: Answers = {name: [] for name in scripts}
        for _ in range(options.rounds):
            for name, script in scripts.items():
                answers[name].append(ask(script, job, folder))
        print_rates(answers, rows=len(rows))
        print_likeness({name: folder / f"{script}.npz" for name, script in scripts.items()})
        if options.originals:
            ordered = sorted(options.originals.iterdir(), key=lambda path: photo_facts(path).pixels)
            print_large_photo(ordered[-1], ordered[0], rounds=options.rounds)
        print_shares(ask("sgemm_share.py", job, folder))


if __name__ == "__main__":
    main()

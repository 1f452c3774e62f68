"""How well wrong labels are found: Aisle beside cleanlab, on labels that were changed on purpose.

In every draw 5 % of the products get another label: any other ("uniform"), or one that the true category is really
confused with ("confused"). Printed is the average precision with which a ranking finds them: (a) of the same
out-of-fold probabilities, from a logistic regression on TF-IDF of words and letters, by Aisle's ranking and by each of
cleanlab's; (b) of all that a catalogue offers, as `aisle audit` ranks, with cleanlab's rankings of the same
probabilities beside it. Labels that were wrong before count against everyone; in the sample catalogue they are put
right first.

cleanlab is no dependency. Where it is not installed its columns stay empty.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union

from aisle.audit.alike import group_by_likeness
from aisle.audit.kinship import Kinship
from aisle.audit.ranking import rank_labels
from aisle.audit.second_look import judge
from aisle.catalog import read_catalog
from aisle.catalog.sample import draw_sample
from aisle.engine.gather import gather
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath, Product
from aisle.settings import Settings

try:
    from cleanlab.rank import get_label_quality_scores
except ImportError:
    get_label_quality_scores = None

CHANGED = 0.05
PEERS = {
    "self-confidence": {"method": "self_confidence"},
    "self-confidence, adjusted": {"method": "self_confidence", "adjust_pred_probs": True},
    "normalized margin": {"method": "normalized_margin"},
    "normalized margin, adjusted": {"method": "normalized_margin", "adjust_pred_probs": True},
    "confidence-weighted entropy": {"method": "confidence_weighted_entropy"},
}
Z95 = 1.96

Scores = dict[tuple[str, str], dict[str, list[float]]]


def read(folder: str | Path) -> tuple[list[Product], list[CategoryPath]]:
    """Return labelled products, their top categories put right where the truth is known, as names."""
    products = [product for product in read_catalog(folder).products if product.category]
    truth = Path(folder) / "truth.json"
    known = {}
    if truth.is_file():
        wrong = json.loads(truth.read_text(encoding="utf-8"))["wrong_labels"]
        known = {row["id"]: row["true"].split(" > ")[0] for row in wrong}
    return products, [(known.get(product.id, product.category[0]),) for product in products]


def out_of_fold(texts: list[str], labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Return probabilities from TF-IDF and logistic regression; everything is learned inside the folds."""
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, max_features=50_000)
    model = make_pipeline(make_union(words, letters), LogisticRegression(C=10, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(model, texts, labels, cv=folds, method="predict_proba")


def change(labels: np.ndarray, confusion: np.ndarray, *, kind: str, seed: int) -> np.ndarray:
    """Return labels of which 5 % were changed."""
    rng = np.random.default_rng([seed, kind == "uniform"])
    found = labels.copy()
    for row in rng.choice(len(labels), round(CHANGED * len(labels)), replace=False):
        chances = np.ones(len(confusion)) if kind == "uniform" else confusion[labels[row]].copy()
        chances[labels[row]] = 0
        found[row] = rng.choice(len(confusion), p=chances / chances.sum())
    return found


def rankings(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return suspicion by every contestant."""
    found = {"aisle": rank_labels(probabilities, labels)}
    if get_label_quality_scores is not None:
        for name, options in PEERS.items():
            found[f"cleanlab, {name}"] = -get_label_quality_scores(labels, probabilities, **options)
    return found


def measure(folder: str | Path, *, seeds: int) -> Scores:
    """Return, for each kind of change and source of probabilities, the average precision of everyone in each draw."""
    products, names = read(folder)
    settings = Settings.load()
    tree = CategoryTree.grow(names, level=1)
    clean = np.array([tree.terminal(name) for name in names])
    kinship = Kinship.of_tree(tree)
    fields = gather(products, settings=settings).fields
    groups = group_by_likeness(products, threads=settings.threads).by_either
    texts = [f"{product.title} {product.description}" for product in products]
    before = out_of_fold(texts, clean, seed=0)
    confusion = np.stack([before[clean == number].mean(axis=0) for number in range(len(tree))])
    scores = {}
    for kind in ("uniform", "confused"):
        for seed in range(seeds):
            given = change(clean, confusion, kind=kind, seed=seed)
            opinions = judge(fields, given, tree=tree, kinship=kinship, groups=groups, seed=seed)
            blank = np.isnan(opinions.everything)
            everything = np.where(blank, 1 / len(tree), opinions.everything)
            for source, probabilities in (
                ("a", out_of_fold(texts, given, seed=seed)),
                ("b", everything / everything.sum(axis=1, keepdims=True)),
            ):
                for name, suspicion in rankings(probabilities, given).items():
                    score = average_precision_score(given != clean, suspicion)
                    scores.setdefault((kind, source), {}).setdefault(name, []).append(score)
    return scores


def report(title: str, scores: Scores) -> None:
    """Print a table: means over the draws with their 95 % intervals, and Aisle's lead in the same draws."""
    sources = {"a": "(a) the same TF-IDF probabilities", "b": "(b) all that the catalogue offers"}
    for (kind, source), found in scores.items():
        print(f"\n{title}, {kind} changes, {sources[source]}: average precision, and Aisle's lead draw by draw")
        ours = np.array(found["aisle"])
        for name, values in found.items():
            mean, half = np.mean(values), Z95 * np.std(values, ddof=1) / np.sqrt(len(values))
            lead = ours - values
            spread = Z95 * np.std(lead, ddof=1) / np.sqrt(len(lead))
            beside = "" if name == "aisle" else f"   {lead.mean():+.3f} ± {spread:.3f}"
            print(f"  {name:40} {mean:.3f} ± {half:.3f}{beside}")


def main() -> None:
    """Measure the sample catalogue, and each that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogs", nargs="*", metavar="CATALOG", help="labelled catalogues beside the sample")
    parser.add_argument("--seeds", type=int, default=5, help="draws of each kind, at least 2")
    parser.add_argument("--no-sample", action="store_true", help="only the catalogues that are named")
    options = parser.parse_args()
    if get_label_quality_scores is None:
        print("cleanlab is not installed: in an environment of its own, pip install cleanlab")
    if not options.no_sample:
        with tempfile.TemporaryDirectory() as folder:
            draw_sample(Path(folder) / "sample")
            report("sample", measure(Path(folder) / "sample", seeds=options.seeds))
    for catalog in options.catalogs:
        report(Path(catalog).name, measure(catalog, seeds=options.seeds))


if __name__ == "__main__":
    main()

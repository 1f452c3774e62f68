"""What was compared to choose how encoders read photos and texts, on a labelled catalogue.

For each variant: the adjusted Rand index of k-means (mean over 100 seeds) against the top categories, the accuracy of a
logistic regression (five folds, twice), and the seconds that embedding took.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import normalize

from aisle.catalog.catalog import read_catalog
from aisle.catalog.photos import PixelShape
from aisle.encode import ENCODERS, Embedding, embed_photos, embed_texts, open_spec, photo_keys
from aisle.product import Product
from aisle.settings import Settings
from aisle.study.kmeans import kmeans

FITS = (("stretch", 1.0), ("pad", 1.0), ("crop", 1.0), ("crop", 0.875))
SEEDS, FOLDS, REPEATS = 100, 5, 2

Variants = Iterator[tuple[str, Embedding]]


def pixels(products: Sequence[Product], settings: Settings) -> Variants:
    """Bring photos to 224 x 224 in several ways."""
    photos = [product.photo for product in products]
    keys = photo_keys(photos)
    for fit, fraction in FITS:
        for resample in ("bilinear", "bicubic"):
            shape = PixelShape(width=224, height=224, fit=fit, crop_fraction=fraction, resample=resample)
            for pooling in ("avg", "max"):
                row = replace(ENCODERS[f"efficientnet-lite0-{pooling}"], shape=shape)
                encoder = open_spec(row, settings=settings)
                name = f"{fit} {fraction:g}, {resample}, {pooling}"
                yield name, embed_photos(encoder, photos, keys=keys, photo_filter="none", settings=settings)


def tokens(products: Sequence[Product], settings: Settings) -> Variants:
    """Cut title and description at several lengths."""
    texts = [f"{product.title}\n{product.description}" for product in products]
    for length in (256, 128, 64):
        encoder = open_spec(replace(ENCODERS["minilm"], max_tokens=length), settings=settings)
        yield f"{length} tokens", embed_texts(encoder, texts, preparation="raw", settings=settings)


def words(products: Sequence[Product], settings: Settings) -> Variants:
    """Describe photos by visual words, with each filter."""
    photos = [product.photo for product in products]
    keys = photo_keys(photos)
    for name in ("sift", "orb"):
        encoder = open_spec(ENCODERS[name], settings=settings)
        for photo_filter in ("none", "gaussian", "median"):
            found = embed_photos(encoder, photos, keys=keys, photo_filter=photo_filter, settings=settings)
            yield f"{name}, {photo_filter}", found


def score(embedding: Embedding, labels: NDArray[np.str_], *, threads: int) -> str:
    """Return the mean index and the accuracies, in words."""
    X, y = embedding.matrix[embedding.present], labels[embedding.present]
    clusterings = kmeans(X, clusters=len(set(y)), seeds=SEEDS, threads=threads)
    index = np.mean([adjusted_rand_score(y, clustering.labels) for clustering in clusterings])
    model = LogisticRegression(C=30, max_iter=400, tol=1e-3)
    hits = [
        cross_val_predict(model, normalize(X), y, cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed)) == y
        for seed in range(REPEATS)
    ]
    return f"ARI {index:.4f}   accuracy {100 * np.mean(hits):.1f}   {embedding.seconds:6.1f} s"


def main() -> None:
    """Print one line per variant."""
    kinds = {"pixels": pixels, "tokens": tokens, "words": words}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("what", choices=[*kinds], nargs="*", default=[*kinds])
    options = parser.parse_args()
    settings = Settings.load()
    products = [product for product in read_catalog(options.catalog).products if product.category]
    labels = np.array([product.label(1) for product in products])
    for what in options.what:
        print(f"{what}:")
        for name, embedding in kinds[what](products, settings):
            print(f"  {name:24} {score(embedding, labels, threads=settings.threads)}", flush=True)


if __name__ == "__main__":
    main()

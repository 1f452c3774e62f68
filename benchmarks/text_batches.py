"""What a batch of texts costs: so much for each token, and so much for the batch itself, on one core.

The second, counted in tokens, is how much padding a text may bring into a batch before one more batch is cheaper
(`aisle.encode.transformer`).
"""

import argparse
import time

import numpy as np

from aisle.encode import Encoder, find_encoder, open_spec
from aisle.settings import Settings

TOKENS = (4, 8, 16, 32, 64, 128, 250)
TEXTS = (1, 2, 4, 8)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--rounds", type=int, default=15, help="of which the quickest counts")
    options = parser.parse_args()
    settings = Settings(threads=1)
    encoder = open_spec(find_encoder(options.encoder, settings=settings), settings=settings)
    print(f"milliseconds of a batch of {', '.join(map(str, TEXTS))} texts")
    costs: list[tuple[int, float]] = []
    for length in TOKENS:
        row = []
        for count in TEXTS:
            texts = [" ".join(["cup"] * (length - 2))] * count  # and a token at each end
            best = min(_seconds(encoder, texts) for _ in range(options.rounds))
            row.append(1e3 * best)
            costs.append((length * count, best))
        print(f"{length:4} tokens  " + "  ".join(f"{each:7.1f}" for each in row))
    tokens, seconds = (np.array(part, dtype=np.float64) for part in zip(*costs, strict=True))
    slope, fixed = np.polyfit(tokens, seconds, 1, w=1 / seconds)  # each batch counts alike, the short ones too
    print(f"{1e6 * slope:.0f} us a token, {1e3 * fixed:.1f} ms a batch: as much as {fixed / slope:.0f} tokens")


def _seconds(encoder: Encoder, texts: list[str]) -> float:
    began = time.perf_counter()
    encoder.encode(texts)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

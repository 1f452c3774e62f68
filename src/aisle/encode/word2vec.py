"""Word2Vec trained on the catalogue itself (Mikolov et al. 2013)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.encode.words import split_words
from aisle.extras import require

DIMENSION = 300
EPOCHS = 100
SEED = 0

_MAX_WORDS = 2_000_000  # words seen in training, over all epochs: larger catalogues need fewer epochs


def average_word_vectors(texts: Sequence[str], *, threads: int = 1) -> NDArray[np.float32]:
    """Train word vectors on the texts and describe each text by the mean of its words' vectors.

    Skip-gram, 300 dimensions, window 5, words that occur four times or more; 100 epochs, fewer where that
    would be more than two million words. One thread, so that the same texts give the same vectors.

    Returns
    -------
    ndarray of float32, shape (n, 300)
        Zero for a text without a known word.
    """
    word2vec = require("gensim.models", extra="study").Word2Vec
    documents = [split_words(text) for text in texts]
    total = sum(map(len, documents))
    least = 4 if len(texts) >= 200 else 1
    vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
    if total == 0:
        return vectors
    epochs = int(np.clip(_MAX_WORDS // total, 5, EPOCHS))
    model = word2vec(vector_size=DIMENSION, window=5, min_count=least, sg=1, workers=1, seed=SEED)
    model.build_vocab(documents)
    if not len(model.wv):
        return vectors
    model.train(documents, total_examples=len(documents), epochs=epochs)
    for row, words in zip(vectors, documents, strict=True):
        known = [word for word in words if word in model.wv]
        if known:
            row[:] = model.wv[known].mean(axis=0)
    return vectors

"""Text classifiers as people commonly build them: scikit-learn, fastText, MiniLM in torch, SetFit.

Their settings were compared with several others on one fold of a small catalogue, at one and at two levels: none is
more than one product in 210 short of the best. SetFit has its own defaults.
"""

import importlib.util
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.svm import LinearSVC

from peers.contestant import Answers, Contestant, Floats, Ids, Missing, learn_and_answer

FASTTEXT = "fasttext-community==0.11.9"
SETFIT = "setfit==1.2.0"


def words_and_letters(head: Any) -> Pipeline:
    """Return TF-IDF of words and pairs, and of 2 to 5 characters, before a linear head."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, dtype=np.float32)
    return make_pipeline(make_union(words, letters), head)


def tfidf_peer(texts: Sequence[str], labels: Ids, *, head: Any) -> Contestant:
    """Return TF-IDF with one of scikit-learn's heads."""

    def learn(train: Ids) -> Any:
        model = words_and_letters(head).fit([texts[row] for row in train.tolist()], labels[train])
        return lambda test: _ask(model, [texts[row] for row in test.tolist()])

    return lambda train, test: learn_and_answer(learn, train, test)


def embedding_peer(embeddings: NDArray[np.float32], labels: Ids) -> Contestant:
    """Return a logistic regression on embeddings; embedding is no part of its time, as it is none of ours."""

    def learn(train: Ids) -> Any:
        model = LogisticRegression(C=30, max_iter=1000).fit(embeddings[train], labels[train])
        return lambda test: _ask(model, embeddings[test])

    return lambda train, test: learn_and_answer(learn, train, test)


def fasttext_peer(texts: Sequence[str], labels: Ids, *, threads: int) -> Contestant | Missing:
    """Return fastText: lower case, punctuation set apart, pairs of words."""
    if importlib.util.find_spec("fasttext") is None:
        return Missing(f"pip install --no-deps {FASTTEXT}")
    import fasttext

    plain = [" ".join(re.sub(r"([^\w\s])", r" \1 ", text.lower()).split()) for text in texts]

    def learn(train: Ids) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "train.txt")
            lines = [f"__label__{labels[row]} {plain[row]}\n" for row in train.tolist()]
            file.write_text("".join(lines), encoding="utf-8")
            model = fasttext.train_supervised(
                str(file), lr=0.5, epoch=100, wordNgrams=2, bucket=200_000, thread=threads, seed=0, verbose=0
            )

        def answer(test: Ids) -> tuple[Ids, Floats]:
            found, shares = model.predict([plain[row] for row in test.tolist()])
            named = np.array([int(names[0].removeprefix("__label__")) for names in found])
            return named, np.minimum([float(share[0]) for share in shares], 1.0)

        return answer

    return lambda train, test: learn_and_answer(learn, train, test)


def setfit_peer(texts: Sequence[str], labels: Ids, *, folder: Path, steps: int) -> Contestant | Missing:
    """Return SetFit: MiniLM fine-tuned on pairs of the same and of different classes, then a logistic regression."""
    if importlib.util.find_spec("setfit") is None or importlib.util.find_spec("torch") is None:
        return Missing(f"pip install torch==2.13.0; pip install {SETFIT}")
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    def learn(train: Ids) -> Any:
        model = SetFitModel.from_pretrained(str(folder), local_files_only=True)
        rows = {"text": [texts[row] for row in train.tolist()], "label": labels[train].tolist()}
        arguments = TrainingArguments(
            batch_size=16, max_steps=steps, seed=0, report_to="none", save_strategy="no", output_dir=str(folder / "run")
        )
        Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict(rows)).train()
        return lambda test: _ask(model.model_head, model.encode([texts[row] for row in test.tolist()]))

    return lambda train, test: learn_and_answer(learn, train, test)


def _ask(model: Any, features: Any) -> tuple[Ids, Floats | None]:
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(features)), None
    shares = model.predict_proba(features)
    return np.asarray(model.classes_)[shares.argmax(axis=1)], shares.max(axis=1)


def scikit_learn_peers(texts: Sequence[str], labels: Ids) -> dict[str, Contestant]:
    """Return the two linear heads on TF-IDF."""
    return {
        "TF-IDF, LinearSVC": tfidf_peer(texts, labels, head=LinearSVC(C=1.0)),
        "TF-IDF, logistic regression": tfidf_peer(texts, labels, head=LogisticRegression(C=30, max_iter=1000)),
    }


__all__ = [
    "Answers",
    "embedding_peer",
    "fasttext_peer",
    "scikit_learn_peers",
    "setfit_peer",
    "words_and_letters",
]

"""What an answer rests on: the share of each modality, the terms that spoke for it, the nearest labelled products."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.engine.store import Knowledge
from aisle.heads.expert import Expert, Fields
from aisle.heads.fused import FusedClassifier, Subset, step_of
from aisle.heads.landmarks import Landmarks
from aisle.heads.lexicon import Lexicon, letters_of, normal_form, words_of
from aisle.product import Evidence, Neighbour

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

TERMS = 8
NEAREST = 3
_LONGEST_TERM = 40
"""A word that is longer is cut where it is shown: a text may be one word of a hundred thousand letters."""


class Explainer:
    """Explains the answers of one engine.

    Parameters
    ----------
    knowledge : Knowledge
        What the engine learned.
    classifier : FusedClassifier, optional
        Whose answers are explained; the whole by default.
    """

    def __init__(self, knowledge: Knowledge, *, classifier: FusedClassifier | None = None) -> None:
        self._classifier = classifier or knowledge.classifier
        self._references = knowledge.references
        self._views = {
            expert.field: expert.view for expert in self._classifier.experts if isinstance(expert.view, Landmarks)
        }
        known = knowledge.references.vectors
        self._vectors = {name: rows.astype(np.float32) for name, rows in known.items() if name in self._views}
        self._has = {name: rows.any(axis=1) for name, rows in self._vectors.items()}
        tree = self._classifier.tree
        self._widths = np.diff(np.append(tree.starts, len(tree)))
        self._run_starts = np.repeat(tree.starts, self._widths).tolist()
        self._run_widths = np.repeat(self._widths, self._widths).tolist()

    def explain(
        self, fields: Fields, scores: NDArray[np.float32], rows: Ids, subset: Subset, logs: Floats
    ) -> list[Evidence]:
        """Explain the most probable answers for products that have the same fields.

        Parameters
        ----------
        fields : mapping of str to FieldData
            What all products have.
        scores : ndarray, shape (experts, all products, nodes)
        rows : ndarray of int, shape (n,)
            The products to explain.
        subset : tuple of str
            Their fields.
        logs : ndarray, shape (n, nodes)
            Their log-probabilities.
        """
        tree = self._classifier.tree
        members = self._classifier.members(subset)
        weights = self._classifier.pools[subset].weights[:, step_of(tree)]
        answers = tree.most_probable(logs)
        nearest = self._nearest(fields, rows, subset)
        found = []
        for place, row in enumerate(rows.tolist()):
            chain = np.array(tree.chain(int(answers[place])))
            spoke = np.array([
                float((self._contrast(scores[member, row]) * factors)[chain].sum())
                for member, factors in zip(members, weights, strict=True)
            ])  # fmt: skip
            by_field: Counter[str] = Counter()
            for member, value in zip(members, spoke.tolist(), strict=True):
                by_field[self._classifier.experts[member].field] += max(value, 0.0)
            total = sum(by_field.values())
            shares = {name: by_field[name] / total for name in subset} if total > 0 else {}
            terms: Counter[str] = Counter()
            for member, factors in zip(members, weights, strict=True):
                expert = self._classifier.experts[member]
                texts = fields[expert.field].texts
                if isinstance(expert.view, Lexicon) and texts is not None and factors.any():
                    terms.update(self._terms(expert, expert.view, texts[row], chain, factors))
            strongest = tuple((_shown(term), value) for term, value in terms.most_common(TERMS) if value > 0)
            found.append(Evidence(shares=shares, terms=strongest, nearest=nearest[place]))
        return found

    def _contrast(self, scores: NDArray[np.floating]) -> Floats:
        """Return how far each node stands above the mean of its siblings, shape (..., nodes)."""
        starts = self._classifier.tree.starts
        mean = np.add.reduceat(scores, starts, axis=-1) / self._widths
        return np.asarray(scores - np.repeat(mean, self._widths, axis=-1), dtype=np.float64)

    def _terms(self, expert: Expert, lexicon: Lexicon, text: str, chain: Ids, factors: Floats) -> Counter[str]:
        """Return what each word of a text added to the answer; what its letters added counts for the word."""
        ids, values = lexicon.vector(text)
        added = np.zeros(len(ids))
        for node in chain.tolist():
            start = self._run_starts[node]
            run = expert.weights[ids, start : start + self._run_widths[node]]
            added += values * (run[:, node - start] - run.mean(axis=1)) * factors[node]
        of_term = dict(zip(ids.tolist(), added.tolist(), strict=True))
        normal = normal_form(text)
        words: Counter[str] = Counter()
        offset = len(lexicon.words)
        for term in set(words_of(normal)):
            number = lexicon.number(term)
            if number is not None and number in of_term:
                parts = term.split(" ")
                for part in parts:
                    words[part] += of_term[number] / len(parts)
        count: Counter[int] = Counter()
        grams = {word: [lexicon.letter_number(gram) for gram in letters_of(word)] for word in set(normal.split())}
        for word in normal.split():
            count.update(number for number in grams[word] if number is not None and number >= offset)
        for word in normal.split():
            bare = _bare(word)
            for number in grams[word]:
                if number is not None and number in of_term:
                    words[bare] += of_term[number] / count[number]
        words.pop("", None)
        return words

    def _nearest(self, fields: Fields, rows: Ids, subset: Subset) -> list[tuple[Neighbour, ...]]:
        total = np.zeros((len(rows), len(self._references.ids)), dtype=np.float32)
        shared = np.zeros_like(total)
        for name in subset:
            embeddings = fields[name].embeddings
            if name not in self._vectors or embeddings is None:
                continue
            known = self._vectors[name]
            total += self._views[name].unit(embeddings[rows]) @ known.T
            shared += self._has[name]
        similarity = np.where(shared > 0, total / np.maximum(shared, 1), -1.0)
        if not similarity.size or not (shared > 0).any():
            return [()] * len(rows)
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :NEAREST]
        return [self._neighbours(similarity[place], chosen) for place, chosen in enumerate(order)]

    def _neighbours(self, similarity: NDArray[np.floating], chosen: Ids) -> tuple[Neighbour, ...]:
        known, tree = self._references, self._classifier.tree
        return tuple(
            Neighbour(
                id=known.ids[row],
                title=known.titles[row],
                category=tree.paths[int(known.terminals[row])],
                similarity=min(1.0, float(similarity[row])),
            )
            for row in chosen.tolist()
        )


def _shown(term: str) -> str:
    return term if len(term) <= _LONGEST_TERM else f"{term[: _LONGEST_TERM - 1]}…"


def _bare(word: str) -> str:
    """Return a blank-separated word without the marks around it."""
    found: Sequence[str] = [part for part in words_of(word) if " " not in part]
    return max(found, key=len, default=word)

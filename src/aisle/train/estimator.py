"""Training for those who know scikit-learn: fit, predict, predict_proba, classes_."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from aisle.engine.artifact import Artifact
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.engine import Engine
from aisle.engine.gather import find_encoders, gather
from aisle.engine.manifest import Listed, Manifest, fingerprint
from aisle.engine.store import from_artifact
from aisle.errors import TrainingError
from aisle.files import sha256_bytes
from aisle.product import CategoryPath, format_path
from aisle.settings import Settings
from aisle.train.folder import EngineFolder, engine_folder
from aisle.train.samples import Labels, check_lengths, read_products
from aisle.train.training import DEFAULT_PRECISION, TrainingOptions, train_engine


class ProductClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Assigns products to categories; whatever a product has is used: title, description, attributes, photo.

    Parameters
    ----------
    level : int or None
        The depth at which category paths are cut; None: as deep as they go.
    precision : float
        The precision of answers that `engine_` asks for by default; `predict` always answers.
    seed : int
        Of everything that is drawn.
    text_encoder, photo_encoder : str or None
        What reads texts and photos: a name, a folder, or ``hub:owner/name``; the default ones where None. `evaluation_`
        leaves out products that an encoder has learned from. `score` and scikit-learn's own cross-validation know
        nothing of that: give them other products.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        The labels, sorted, in the form in which `y` had them. Where categories were tuples or came with the products,
        they are text, ``A > B``. A category below the top with very few products counts as its parent.
    engine_ : Engine
        What was learned: ``engine_.predict(products)`` says when it does not know, and what answers rest on.
    evaluation_ : dict
        Figures on products that were held out while it learned.

    Examples
    --------
    >>> from aisle.train import ProductClassifier
    >>> model = ProductClassifier().fit(titles, labels)  # doctest: +SKIP
    >>> model.predict(["Gel skin for iPhone"])  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        level: int | None = None,
        precision: float = DEFAULT_PRECISION,
        seed: int = 0,
        text_encoder: str | None = None,
        photo_encoder: str | None = None,
    ) -> None:
        self.level = level
        self.precision = precision
        self.seed = seed
        self.text_encoder = text_encoder
        self.photo_encoder = photo_encoder

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from labelled products.

        Parameters
        ----------
        X : path, Catalog, data frame, or sequence of Product, of dict or of str
            The products; text stands for a title, and columns are recognised by their names.
        y : sequence of str, int or tuple of str, optional
            The category of each product: a label, or a path, ``"A > B"`` or ``("A", "B")``. None: the products carry
            theirs; those that do not are left out.

        Raises
        ------
        TrainingError
            There are too few products or categories, or too few products that no encoder has learned from.
        UnknownEncoderError
            There is no such encoder, or it cannot be the one of that modality.
        CatalogError
            The products cannot be read.
        ValueError
            X and y are not of one length, or hold what is no product or no label.
        WeightsNotReachableError
            The weights of an encoder are not in the cache and cannot be fetched.
        """
        if self.level is not None and self.level < 1:
            raise ValueError(f"level is {self.level!r}; use a whole number from 1, or None")
        if not 0 < self.precision < 1:
            raise ValueError(f"precision {self.precision!r} must lie between 0 and 1, e.g. 0.95 for 95 %")
        products = read_products(X, with_category=y is None)
        labels = Labels.of_products(products) if y is None else Labels.read(y)
        check_lengths(products, labels)
        written = labels.written(self.level)
        kinds = {path[: self.level] for path in labels.paths if path}
        if len(kinds) < 2:
            found = f"one class, {format_path(next(iter(kinds)))!r}" if kinds else "no label"
            raise TrainingError(f"y holds {found}; a classifier needs products of at least two classes")
        labelled = [replace(each, category=path) for each, path in zip(products, labels.paths, strict=True)]
        settings = Settings.load()
        self._encoders = find_encoders(text=self.text_encoder, photo=self.photo_encoder, settings=settings)
        options = TrainingOptions(level=self.level, precision=self.precision, seed=self.seed, encoders=self._encoders)
        trained = train_engine(labelled, options=options, settings=settings)
        self._folder = engine_folder(trained)
        self.engine_ = _as_written(self._folder, settings)
        self.evaluation_ = dict(self._folder.knowledge.evaluation)
        self._name_classes(written)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each product, shape (n,)."""
        shares = self.predict_proba(X)
        found: NDArray[Any] = self.classes_[shares.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, in the order of `classes_`, shape (n, classes)."""
        check_is_fitted(self)
        products = read_products(X)
        classifier = self.engine_.knowledge.classifier
        # From the cache of embeddings, unlike the engine's own way: folds and searches come back to the same products.
        found = gather(products, settings=Settings.load(), fields=self.engine_.modalities, encoders=self._encoders)
        fields = found.fields
        logs = classifier.predict(fields) if fields else np.tile(classifier.prior(), (len(products), 1))
        shares: NDArray[np.float64] = np.exp(np.minimum(logs, 0.0))[:, self._nodes]
        return shares

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`, shape (n, classes)."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the share of products that are put into their class; labels are cut at `level`, as in `fit`.

        A label that `fit` has not seen counts as missed.
        """
        check_is_fitted(self)
        products = read_products(X, with_category=y is None)
        labels = Labels.of_products(products) if y is None else Labels.read(y)
        check_lengths(products, labels)
        if not all(labels.paths):
            raise ValueError(f"X[{labels.paths.index(())}] has no category to compare with; leave it out, or give y")
        tree = self.engine_.tree
        guesses = self._nodes[self.predict_proba(products).argmax(axis=1)].tolist()
        right = [tree.paths[node] == path[: self.level] for node, path in zip(guesses, labels.paths, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def save(self, path: str | Path) -> str:
        """Write the engine as `aisle train` does, with its card; `aisle.load` reads it, and nothing in it is a pickle.

        Returns
        -------
        str
            The engine's fingerprint.

        Raises
        ------
        EngineError
            The folder holds anything but an engine, or cannot be written.
        """
        check_is_fitted(self)
        return write_artifact(Path(path), self._folder.files, about=self._folder.about)

    def _name_classes(self, written: Mapping[CategoryPath, Any]) -> None:
        """Set `classes_`, and for each the node of the tree that it is."""
        tree = self.engine_.tree
        named: dict[Any, int] = {}
        for node in tree.terminals.tolist():
            name = written.get(tree.paths[node], format_path(tree.paths[node]))
            if name in named:
                raise TrainingError(
                    f"{tree.paths[node]!r} and {tree.paths[named[name]]!r} are both written {name!r}; rename one"
                )
            named[name] = node
        names = sorted(named)
        self.classes_ = np.array(names)
        self._nodes = np.array([named[name] for name in names], dtype=np.int64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.input_tags.dict = True
        tags.target_tags.required = False
        tags.no_validation = True
        return tags


@dataclass(frozen=True)
class _Unwritten(Artifact):
    """An engine's folder that is not on a disk."""

    content: Mapping[str, bytes]

    def read(self, name: str) -> bytes:
        return self.content[name]


def _as_written(folder: EngineFolder, settings: Settings) -> Engine:
    """Return the engine as its folder would give it, so that saving it changes no answer."""
    listed = {name: Listed(len(data), sha256_bytes(data)) for name, data in folder.files.items()}
    manifest = Manifest(listed, folder.about, f"aisle {version('aisle')}")
    artifact = _Unwritten(Path(), listed, folder.about, manifest.written_by, fingerprint(manifest.dump()), folder.files)
    return Engine(from_artifact(artifact), fingerprint=artifact.fingerprint, settings=settings)

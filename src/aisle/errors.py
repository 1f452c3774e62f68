"""The exceptions of Aisle.

Every error that a user can cause derives from `AisleError` and from the built-in that fits it, so that both
``except AisleError`` and ``except ValueError`` do what their reader expects. A message names the value, the place and
the remedy.
"""


class AisleError(Exception):
    """Something went wrong that the message explains."""


class CatalogError(AisleError, ValueError):
    """A catalogue cannot be read, or does not hold what the task needs."""


class CatalogNotFoundError(CatalogError, FileNotFoundError):
    """There is no catalogue at the given place."""


class PhotoError(AisleError, ValueError):
    """A photo cannot be decoded.

    Parameters
    ----------
    code : str
        A stable word for the kind of trouble: ``missing``, ``empty``, ``not_an_image``, ``truncated``, ``too_large``,
        ``unsupported``, ``too_slow``.
    message : str
        What is wrong and with which photo.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WeightsError(AisleError, RuntimeError):
    """Pretrained weights are there but cannot be used: wrong hash, wrong format, wrong shape."""


class WeightsNotReachableError(WeightsError):
    """Pretrained weights could not be fetched from any of their sources."""


class UnknownEncoderError(AisleError, ValueError):
    """No encoder has that name, and no folder lies at that path."""


class EncoderFolderError(AisleError, ValueError):
    """A local encoder folder is incomplete or is not laid out as expected."""


class StudyError(AisleError, ValueError):
    """The catalogue cannot be studied: no labels, one category, too few products."""


class TrainingError(AisleError, ValueError):
    """An engine cannot be trained on this catalogue: no labels, one category, too few products."""


class AuditError(AisleError, ValueError):
    """The catalogue cannot be audited: no labels, one category, too few products."""


class EngineError(AisleError, ValueError):
    """An engine folder cannot be used."""


class SettingsError(AisleError, ValueError):
    """A setting has a value that cannot be used."""


class MissingExtraError(AisleError, ImportError):
    """An optional part is not installed; the message says what to install."""


class DiskFullError(AisleError, OSError):
    """A file could not be written because the disk is full."""


class StoreError(AisleError, RuntimeError):
    """The database cannot be used as it is."""


class NotFoundError(StoreError, LookupError):
    """The database holds no such thing."""


class ClaimedError(StoreError):
    """Somebody else looks at this product just now, or the claim on it has ended."""


class UndoError(StoreError):
    """A decision is somebody else's, or is undone already."""


class IdempotencyConflictError(StoreError):
    """An idempotency key came before with another request."""


class ReviewError(AisleError, ValueError):
    """What was given to the review cannot be used: a volume, an answer, a policy."""


class ServeError(AisleError, RuntimeError):
    """The service cannot be started as asked."""


class BatchError(AisleError, RuntimeError):
    """A batch cannot be begun, gone on with, or finished as asked."""


class NearestError(AisleError, ValueError):
    """An index of nearest products cannot be made, or used as asked."""

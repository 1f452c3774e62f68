"""What may be chosen when encoders are fine-tuned."""

from dataclasses import dataclass
from typing import Literal

Modality = Literal["text", "photo", "both"]
RECIPE = 2
"""Goes up whenever the same products and options could give other encoders."""

MODALITIES: tuple[Modality, ...] = ("text", "photo", "both")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class FinetuneOptions:
    """What may be chosen.

    Attributes
    ----------
    modality : {"text", "photo", "both"}
        Which encoders are tuned.
    joint : bool
        Whether text and photo encoder are tuned together, each photo also being matched with its own text.
    text_encoder, photo_encoder : str
        The rows of the table to start from.
    level : int or None
        The depth at which category paths are cut; None: as deep as they go.
    text_epochs, photo_epochs : int
        Passes over the training products at most.
    validation : float
        Share of the products that is never learned from: training stops by it, and an engine judges itself on it.
    batch : int or None
        Products in a step; by default 32 on a CPU and 128 on a GPU.
    patience : int
        Epochs without a lower validation loss after which training stops.
    device : {"cpu", "cuda"}
    seed : int
        Of everything that is drawn.
    """

    modality: Modality = "both"
    joint: bool = False
    text_encoder: str = "minilm"
    photo_encoder: str = "efficientnet-lite0-avg"
    level: int | None = None
    text_epochs: int = 3
    photo_epochs: int = 8
    validation: float = 0.2
    batch: int | None = None
    patience: int = 3
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise ValueError(f"modality is one of {', '.join(MODALITIES)}, not {self.modality!r}")
        if self.joint and self.modality != "both":
            raise ValueError("a joint model reads text and photo: modality must be 'both'")
        if not 0 < self.validation < 1:
            raise ValueError(f"validation is a share of the products between 0 and 1, not {self.validation}")
        if min(self.text_epochs, self.photo_epochs, self.patience) < 1 or (self.batch is not None and self.batch < 2):
            raise ValueError("epochs and patience are at least 1, and a batch has at least 2 products")
        if self.device not in DEVICES:
            raise ValueError(f"device is one of {', '.join(DEVICES)}, not {self.device!r}")

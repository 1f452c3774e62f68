"""Fine-tuning: better encoders from one's own catalogue. The only part of Aisle that needs torch."""

from aisle.finetune.folder import finetune_to_folder
from aisle.finetune.options import FinetuneOptions
from aisle.finetune.result import Finetuned, Tuned
from aisle.finetune.run import finetune, pretune

__all__ = ["FinetuneOptions", "Finetuned", "Tuned", "finetune", "finetune_to_folder", "pretune"]

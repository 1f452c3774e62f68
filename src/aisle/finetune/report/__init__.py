"""What fine-tuning is handed on as: a page with curves, and the card of the encoder."""

from aisle.finetune.report.card import render_card
from aisle.finetune.report.page import render_training

__all__ = ["render_card", "render_training"]

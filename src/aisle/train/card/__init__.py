"""The model card: what an engine's folder says of itself to a person."""

from aisle.train.card.card import model_card

__all__ = ["model_card"]

"""What a training hands to its page and its card."""

import pytest


def epochs_of(*validation):
    """A log with a falling training loss and the validation losses given."""
    return [
        {
            "number": number,
            "training_loss": 3.1 / number,
            "validation_loss": loss,
            "validation_accuracy": 0.97 - 0.1 * loss,
            "seconds": 40.2 + number,
        }
        for number, loss in enumerate(validation, 1)
    ]


def encoder_of(name, title, *, before, after, low, high, losses=(1.4, 0.9, 0.71, 0.74), of=211):
    return {
        "name": name,
        "title": title,
        "licence": "Apache-2.0",
        "best": losses.index(min(losses)) + 1,
        "batch": 32,
        "parameters": 22_713_216,
        "trained_parameters": 22_713_000,
        "epochs": epochs_of(*losses),
        "parity": {"difference": 2e-6, "agreement": 1.0, "probes": of},
        "int8": {"offered": False, "speedup": 1.05, "loss": None, "reason": "1.05 times as fast as in 32 bits"},
        "before": {"right": before, "of": of},
        "after": {"right": after, "of": of},
        "difference": {"mean": (after - before) / of, "low": low, "high": high},
    }


@pytest.fixture
def summary():
    """Text better beyond chance, photo better within it."""
    return {
        "catalog": "shop-of-lamps",
        "products": 1047,
        "learned_from": 836,
        "held_out": 211,
        "categories": [7, 62, 140],
        "near_duplicates": 97,
        "seconds": 312.0,
        "device": "cpu",
        "joint": False,
        "options": {
            "modality": "both", "joint": False, "text_encoder": "minilm", "photo_encoder": "efficientnet-lite0-avg",
            "level": None, "text_epochs": 4, "photo_epochs": 8, "validation": 0.2, "batch": None, "patience": 3,
            "device": "cpu", "seed": 0,
        },
        "pretuned": None,
        "encoders": {
            "text": encoder_of("minilm", "MiniLM-L6-v2", before=193, after=203, low=0.012, high=0.083),
            "photo": encoder_of(
                "efficientnet-lite0-avg", "EfficientNet-Lite0", before=184, after=190, low=-0.011, high=0.068,
                losses=(1.9, 1.3, 1.02, 0.91, 0.86, 0.85, 0.87, 0.9),
            ),
        },
    }  # fmt: skip

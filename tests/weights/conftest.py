"""Random weights under names, and graphs computed."""

import numpy as np
import onnxruntime as ort
import pytest


class Random:
    """Random tensors under names, remembered."""

    def __init__(self):
        self.tensors = {}
        self._numbers = np.random.default_rng(0)

    def add(self, name, *shape, scale=0.3):
        self.tensors[name] = (scale * self._numbers.standard_normal(shape)).astype(np.float32)

    def dense(self, name, outputs, inputs):
        self.add(f"{name}.weight", outputs, inputs)
        self.add(f"{name}.bias", outputs)

    def norm(self, name, width):
        self.add(f"{name}.weight", width)
        self.add(f"{name}.bias", width)
        self.tensors[f"{name}.weight"] += 1

    def batch_norm(self, name, width):
        self.norm(name, width)
        self.add(f"{name}.running_mean", width)
        self.tensors[f"{name}.running_var"] = self._numbers.uniform(0.5, 1.5, width).astype(np.float32)


def run(model, feed):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed), strict=True))


@pytest.fixture(name="run")
def run_fixture():
    """Return a function that computes a graph: outputs by name."""
    return run


@pytest.fixture
def made():
    """Hold random tensors, to be added by name."""
    return Random()


@pytest.fixture
def made_too():
    """Hold the tensors of a second file."""
    return Random()

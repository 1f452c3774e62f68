"""An encoder that was tuned to other catalogues is kept whole: the next run starts from the very same."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.tiny_tuning import make_shop, put_networks  # noqa: E402

from aisle.finetune import FinetuneOptions, pretune  # noqa: E402
from aisle.finetune.pretuned import keep_pretuned  # noqa: E402
from aisle.settings import Settings  # noqa: E402


def test_what_is_kept_is_what_was_made(monkeypatch, tmp_path):
    put_networks(monkeypatch, tmp_path / "networks")
    settings = Settings(cache_dir=tmp_path / "cache", offline=True, threads=1)
    options = FinetuneOptions(modality="text", text_epochs=1, batch=8)
    folder = tmp_path / "pretuned"
    made = []

    def make():
        shop = make_shop(count=40, photos=False)
        made.append(pretune(shop, options=options, checkpoints=folder, settings=settings))
        return made[-1]

    first, second = (keep_pretuned(folder, make, options=options, settings=settings) for _ in range(2))
    [tuned] = made
    for kept in (first, second):
        state = kept.network.state_dict()
        for name, value in tuned.network.state_dict().items():
            assert torch.equal(state[name], value)
        assert not kept.network.training
        assert kept.network is not tuned.network
        assert kept.fingerprint() == tuned.fingerprint()
        for name in ("spec", "epochs", "best", "batch", "share", "products"):
            assert getattr(kept, name) == getattr(tuned, name)
        np.testing.assert_array_equal(kept.seen, tuned.seen)
        assert kept.seen.dtype == np.uint64
        np.testing.assert_array_equal(kept.head.weight, tuned.head.weight)
        np.testing.assert_array_equal(kept.head.bias, tuned.head.bias)
    assert len(list(folder.iterdir())) == 1

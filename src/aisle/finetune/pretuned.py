"""A text encoder that was tuned to other catalogues, kept for the next run."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from aisle.encode import find_encoder
from aisle.finetune.checkpoint import Checkpoints, State
from aisle.finetune.export import LinearHead
from aisle.finetune.history import Epoch
from aisle.finetune.networks import open_text_network
from aisle.finetune.options import FinetuneOptions
from aisle.finetune.result import Tuned
from aisle.settings import Settings

_NAME, _TRAINING = "pretuned", "pretune"
_FACTS = ("best", "batch", "share", "products")


def keep_pretuned(folder: Path, make: Callable[[], Tuned], *, options: FinetuneOptions, settings: Settings) -> Tuned:
    """Return what `make` gives; from the second time on as it was kept, which is the same to the last bit.

    Parameters
    ----------
    folder : Path
        Where it is kept; its name tells what was tuned, on what and how. The states of the training that lie there are
        removed once it is done.
    make : callable
        Tunes a text encoder, as `aisle.finetune.pretune` does.
    options : FinetuneOptions
        Those that it is tuned with.
    settings : Settings

    Raises
    ------
    DiskFullError
        The disk is full.
    """
    kept = Checkpoints(folder, _NAME, folder.name)
    state = kept.latest()
    if state is None:
        state = _state_of(make())
        kept.save(state, epoch=0)
        Checkpoints(folder, _TRAINING, folder.name).clear()
    return _tuned_of(state, options, settings)


def _state_of(tuned: Tuned) -> State:
    network = {f"network/{name}": value for name, value in tuned.network.state_dict().items()}
    arrays = {name: value.detach().cpu().numpy() for name, value in network.items()}
    arrays |= {"head/weight": tuned.head.weight, "head/bias": tuned.head.bias, "seen": tuned.seen}
    facts = {name: getattr(tuned, name) for name in _FACTS}
    return State(arrays, {**facts, "epochs": [asdict(epoch) for epoch in tuned.epochs]})


def _tuned_of(state: State, options: FinetuneOptions, settings: Settings) -> Tuned:
    spec = find_encoder(options.text_encoder, settings=settings)
    network = open_text_network(spec, settings)
    arrays, facts = state.arrays, state.facts
    network.load_state_dict({name: torch.from_numpy(arrays[f"network/{name}"]) for name in network.state_dict()})
    return Tuned(
        spec=spec,
        network=network.eval(),
        head=LinearHead(arrays["head/weight"], arrays["head/bias"]),
        epochs=tuple(Epoch(**epoch) for epoch in facts["epochs"]),
        seen=arrays["seen"],
        **{name: facts[name] for name in _FACTS},
    )

"""What torch and the libraries below it say when memory ends."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.errors import TrainingError  # noqa: E402
from aisle.finetune.history import Progress  # noqa: E402
from aisle.finetune.memory import enough_memory, halving  # noqa: E402

SAID = [
    MemoryError(),
    RuntimeError("std::bad_alloc"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("could not create a memory object"),
    torch.OutOfMemoryError("HIP ran out"),
]


@pytest.mark.parametrize("error", SAID, ids=str)
def test_it_is_known_as_such(error):
    sizes = []

    def work(size):
        sizes.append(size)
        if size > 2:
            raise error
        return "done"

    assert halving(work, Progress(batch=8), label="tuning") == "done"
    assert sizes == [8, 4, 2]
    with pytest.raises(TrainingError, match="tuning: too little memory"), enough_memory("tuning"):
        raise error


def test_the_real_allocator_is_known():
    with pytest.raises(TrainingError, match="too little memory"), enough_memory("tuning"):
        torch.empty(10**15)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"), enough_memory("tuning"):
        raise RuntimeError("the shape is wrong")

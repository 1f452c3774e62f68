"""What a batch has in memory: nothing that trains, nothing that it was not asked for."""

import subprocess
import sys

import pytest

UNWANTED = {"sklearn", "scipy", "pandas", "torch", "pyarrow", "fsspec", "ray", "cv2", "aisle.train", "aisle.study"}


@pytest.mark.parametrize("module", ["run", "processes", "shard_worker", "sources"])
def test_a_batch_loads_nothing_that_trains(module):
    script = f"import sys, aisle.batch.{module}\nprint(*sorted({UNWANTED!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []

"""The README's example prints what the README says it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_commands_of_the_readme_exist():
    shown = set(re.findall(r"^    aisle (\w+)", README, flags=re.M)) | set(re.findall(r"^\| `aisle (\w+)", README, flags=re.M))
    helped = subprocess.run([sys.executable, "-m", "aisle", "--help"], capture_output=True, text=True, check=True)
    assert shown
    assert all(f" {name} " in helped.stdout for name in shown)


@pytest.mark.slow
@pytest.mark.network
def test_the_example_prints_what_stands_beside_it(tmp_path):
    code = re.search(r"```python\n(.*?)```", README, flags=re.S)[1]
    printed = re.search(r"```text\n(.*?)```", README, flags=re.S)[1]
    subprocess.run([sys.executable, "-m", "aisle", "sample", "shop"], cwd=tmp_path, check=True, capture_output=True)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, env={**os.environ}
    )
    assert _words(ran.stdout) == _words(printed)
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000


def _words(text: str) -> list[str]:
    """Split into words; numbers are rounded, since the last digit may differ between processors."""
    return [f"{float(word):.2g}" if re.fullmatch(r"-?\d+\.\d+", word) else word for word in text.split()]

"""The README's example prints what the README says it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NUMBER = re.compile(r"\d+\.\d+")
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_commands_of_the_readme_exist():
    listed = re.findall(r"^\| `aisle (\w+)", README, flags=re.M)
    shown = {*listed, *re.findall(r"^    aisle (\w+)", README, flags=re.M)}
    helped = subprocess.run([sys.executable, "-m", "aisle", "--help"], capture_output=True, text=True, check=True)
    assert shown
    assert all(f" {name} " in helped.stdout for name in shown)


@pytest.mark.slow
@pytest.mark.network
def test_the_example_prints_what_stands_beside_it(tmp_path):
    example = r"```python\n((?:(?!```).)*)```\s+It prints:\s+```text\n(.*?)```"
    code, printed = re.search(example, README, flags=re.S).groups()
    subprocess.run([sys.executable, "-m", "aisle", "sample", "shop"], cwd=tmp_path, check=True, capture_output=True)
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True, env={**os.environ}
    )
    shown, wanted = (NUMBER.findall(text) for text in (ran.stdout, printed))
    assert NUMBER.sub("#", ran.stdout).split() == NUMBER.sub("#", printed).split()
    # Processors differ in the last digits of a sum, and so in a product or two of 420.
    assert [float(number) for number in shown] == pytest.approx([float(number) for number in wanted], rel=0.03)
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000

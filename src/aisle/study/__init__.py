"""The feasibility study: can photo and text tell a catalogue's categories apart?"""

from aisle.study.result import Study
from aisle.study.run import run_study

__all__ = ["Study", "run_study"]

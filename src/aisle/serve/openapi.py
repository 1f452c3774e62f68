"""The OpenAPI document, without an engine or a database: ``python -m aisle.serve.openapi docs/openapi.json``."""

import json
import sys
from pathlib import Path

from aisle.files import write_text
from aisle.serve.app import make_rooms
from aisle.serve.options import ServeOptions


def openapi_text() -> str:
    """Return the document as it lies in ``docs/openapi.json``."""
    return json.dumps(make_rooms(ServeOptions()).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), openapi_text())

"""An engine in a process of its own: ``python engine_process.py JOB ANSWER``, two JSON files."""

import time

STARTED = time.perf_counter()

import json  # noqa: E402 - what an import takes is part of loading
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import aisle  # noqa: E402

BATCH = 256


def main() -> None:
    """Load, then answer the cases of a job."""
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    engine = aisle.load(job["engine"])
    answer: dict[str, Any] = {"load": time.perf_counter() - STARTED}
    engine.predict([aisle.Product(title="first")])
    answer["first"] = time.perf_counter() - STARTED
    answer["cases"], answer["batches"] = {}, {}
    for name, rows in job["cases"].items():
        products = [_product(row) for row in rows]
        milliseconds = []
        for product in products[:10] + products:
            started = time.perf_counter()
            engine.predict([product])
            milliseconds.append(1e3 * (time.perf_counter() - started))
        answer["cases"][name] = milliseconds[10:]
    for name, rows in job["batches"].items():
        products = [_product(row) for row in rows]
        started = time.perf_counter()
        for at in range(0, len(products), BATCH):
            engine.predict(products[at : at + BATCH])
        answer["batches"][name] = time.perf_counter() - started
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


def _product(row: dict[str, Any]) -> aisle.Product:
    photo = row.get("photo")
    fields = {name: row[name] for name in ("title", "description", "attributes") if name in row}
    return aisle.Product(photo=Path(photo) if photo else None, **fields)


if __name__ == "__main__":
    main()

"""The service under load: `aisle serve`, and the same engine behind plain FastAPI with torch, in one run.

hey makes the load (see hey.py) on the same machine, so its own use of the cores is in every figure, and is printed.
First clients go flat out, all of them together and a few at a time, as many as there are cores; then they ask half as
often as was answered at best. The two sides take turns, and of the rounds the best counts. Before, both are asked the
same, and must say the same.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import random
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from aisle.catalog import read_catalog
from aisle.product import Product
from engine_speed import make_photos
from hey import Client, Load, find_hey, flat_out, paced
from servers import PHOTO, TEXT, TITLE, Server, create_keys, our_side, resident, started, torch_side

GOALS = {TITLE: (15.0, 45.0), TEXT: (15.0, 45.0), PHOTO: (35.0, 100.0)}
"""Milliseconds: the median and the 99th percentile at half load."""

SOAK_CLIENTS, SOAK_SECONDS = 32, 60.0
TOLERANCE = 1e-3
WARM_UP = 3.0
_BOUNDARY = "aisle-benchmark-7d1f3c"


@dataclass(kw_only=True)
class Figures:
    """What one side did in one case."""

    capacity: float = 0.0
    half: Load | None = None
    same: Load | None = None
    others: dict[str, int] = field(default_factory=dict)
    late: int = 0
    cores: float = 0.0

    def count(self, load: Load) -> Load:
        """Note what was not answered with 200, and return the load."""
        for status, count in load.statuses.items():
            if status != "200":
                self.others[status] = self.others.get(status, 0) + count
        self.late += load.late
        self.cores = max(self.cores, load.cores)
        return load


def make_clients(products: Sequence[Product], *, count: int, folder: Path) -> dict[str, list[Client]]:
    """Write a body for each client: JSON, and a form with a photo of one megapixel."""
    fit = [product for product in products if product.title and product.description and product.photo is not None]
    random.Random(0).shuffle(fit)  # noqa: S311 - a sample
    photos = make_photos(fit[: 2 * count], folder)
    if not photos:
        raise SystemExit("the catalogue has no products with a title, a description and a photo that can be read")
    clients: dict[str, list[Client]] = {case: [] for case in GOALS}
    for number in range(count):
        product = fit[number % len(fit)]
        fields = {"title": product.title, "description": product.description}
        title, text, form = (folder / f"{number}.{case}" for case in ("title", "text", "form"))
        title.write_text(json.dumps({"title": product.title}), encoding="utf-8")
        text.write_text(json.dumps(fields), encoding="utf-8")
        form.write_bytes(_form(product.title, Path(photos[number % len(photos)]).read_bytes()))
        clients[TITLE].append(Client(body=title, kind="application/json"))
        clients[TEXT].append(Client(body=text, kind="application/json"))
        clients[PHOTO].append(Client(body=form, kind=f"multipart/form-data; boundary={_BOUNDARY}"))
    return clients


def _form(title: str, photo: bytes) -> bytes:
    def part(head: str, value: bytes) -> bytes:
        return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"

    photo_part = part('name="photo"; filename="photo.jpg"\r\nContent-Type: image/jpeg', photo)
    return part('name="title"', title.encode()) + photo_part + f"--{_BOUNDARY}--\r\n".encode()


def check_alike(servers: Sequence[Server], clients: dict[str, list[Client]]) -> None:
    """Ask all sides the same once, and print how far their answers are apart.

    Raises
    ------
    SystemExit
        Too far: they are not the same model.
    """
    worst = 0.0
    for case, each in clients.items():
        for client in each:
            answers = [_most_probable(_ask(server.url(case), client)) for server in servers]
            apart = max(share for _, share in answers) - min(share for _, share in answers)
            if len({path for path, _ in answers}) > 1 or apart > TOLERANCE:
                raise SystemExit(f"the sides do not give the same answer to {client.body.name}: {answers}")
            worst = max(worst, apart)
    if len(servers) > 1:
        count = sum(map(len, clients.values()))
        print(f"{count} requests: the same category from all; probabilities {max(worst, 1e-6):.0e} apart at most")


def _ask(url: str, client: Client) -> Any:
    headers = {"Content-Type": client.kind} | ({"Authorization": f"Bearer {client.key}"} if client.key else {})
    request = urllib.request.Request(url, data=client.body.read_bytes(), headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as err:
        raise SystemExit(f"{url} answers {client.body.name} with {err.code}: {err.read()[:300]!r}") from err


def _most_probable(answer: dict[str, Any]) -> tuple[str, float]:
    first = answer["alternatives"][0]
    path = first["path"]
    return path if isinstance(path, str) else " > ".join(path), first["probability"]


def measure(
    servers: Sequence[Server], case: str, clients: Sequence[Client], *, seconds: float, rounds: int
) -> dict[str, Figures]:
    """Let clients ask each side flat out, then at half of what it can, then at the half of the slowest."""
    found = {server.side.name: Figures() for server in servers}

    def in_turn() -> Iterator[tuple[Server, Figures]]:
        for _ in range(rounds):
            yield from ((server, found[server.side.name]) for server in servers)

    for server in servers:
        flat_out(server.url(case), clients, seconds=WARM_UP)
    for server, figures in in_turn():
        load = figures.count(flat_out(server.url(case), clients, seconds=seconds / 2))
        few = _by_few(server.url(case), clients, figures, seconds=seconds)
        figures.capacity = max(figures.capacity, load.rate, few)
    for server, figures in in_turn():
        load = paced(server.url(case), clients, rate=figures.capacity / 2, seconds=seconds)
        figures.half = _better(figures.half, figures.count(load))
    least = min(figures.capacity for figures in found.values())
    for server, figures in in_turn() if len(servers) > 1 else ():
        if figures.capacity > least:
            load = paced(server.url(case), clients, rate=least / 2, seconds=seconds)
            figures.same = _better(figures.same, figures.count(load))
        else:
            figures.same = figures.half
    return found


def _by_few(url: str, clients: Sequence[Client], figures: Figures, *, seconds: float) -> float:
    """Return how often is answered where as many clients ask as there are cores: some cannot bear more at once.

    Clients send bodies of unlike length, and each is to count alike. So those alike ask together, in turns, and the
    time that a request takes is averaged over the turns: as many requests of each as when all ask at one pace.
    """
    few = os.cpu_count() or 1
    alike = sorted(clients, key=lambda client: client.body.stat().st_size)
    turns = [alike[at : at + few] for at in range(0, len(alike), few)]
    loads = [figures.count(flat_out(url, turn, seconds=seconds / len(turns))) for turn in turns]
    return len(turns) / sum(1 / load.rate for load in loads) if all(load.rate for load in loads) else 0.0


def _better(best: Load | None, load: Load) -> Load:
    return load if best is None or load.percentile(99) < best.percentile(99) else best


def print_figures(case: str, found: dict[str, Figures]) -> None:
    """Print a table: each side, how many times better ours is, the goal."""
    ours, peer = found["aisle"], found.get("torch")
    print(f"\n{case:40}  {'aisle':>10}  {'torch' if peer else '':>10}  {'better':>8}  goal".rstrip())
    _line("flat out, requests/s", ours.capacity, peer and peer.capacity, rate=True)
    for title, name in (("half of that", "half"), ("half of what the slower can", "same")):
        mine, other = getattr(ours, name), peer and getattr(peer, name)
        if mine is None:
            continue
        _line(f"{title}, requests/s", mine.rate, other and other.rate, rate=None)
        for share, goal in zip((50, 99), GOALS[case], strict=True):
            theirs = other and other.percentile(share)
            _line(f"  p{share}, ms", mine.percentile(share), theirs, rate=False, goal=goal if name == "half" else None)
    for name, figures in found.items():
        others = ", ".join(f"{count} x {status}" for status, count in figures.others.items()) or "none"
        print(f"  {name}: not answered with 200: {others}; late: {figures.late}; hey took {figures.cores:.2f} cores")


def _line(title: str, ours: float, peer: float | None, *, rate: bool | None, goal: float | None = None) -> None:
    other = "" if peer is None else f"{peer:.1f}"
    ratio = "" if peer is None or rate is None else f"{ours / peer if rate else peer / ours:.2f}"
    met = "" if goal is None else f"{goal:g}, {'met' if ours <= goal else 'missed'}"
    print(f"{title:40}  {ours:10.1f}  {other:>10}  {ratio:>8}  {met}".rstrip())


def soak(server: Server, clients: dict[str, list[Client]], keys: Sequence[str], *, seconds: float) -> None:
    """Let 32 clients ask flat out, every second one with a photo, and print failures and memory."""
    mixed = [clients[(TEXT, PHOTO)[n % 2]][n // 2 % len(clients[TEXT])] for n in range(SOAK_CLIENTS)]
    mixed = [replace(client, key=key) for client, key in zip(mixed, keys, strict=True)]
    memory: list[tuple[float, float]] = []
    done = threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not done.wait(0.5):
            memory.append((time.monotonic() - began, resident(server.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    load = flat_out(server.url(TEXT), mixed, seconds=seconds)
    done.set()
    watcher.join()
    settled = np.array(memory[len(memory) // 3 :])
    slope = 60 * float(np.polyfit(settled[:, 0], settled[:, 1], 1)[0])
    failed = sum(count for status, count in load.statuses.items() if not status.isdigit() or int(status) >= 500)
    print(f"\n{SOAK_CLIENTS} clients flat out for {seconds:g} s, half of them with photos")
    print(f"  {dict(load.statuses)}; {failed} failed; {load.rate:.1f} requests/s; slowest {load.slowest:.0f} ms")
    print(f"  memory {settled[0, 1]:.0f} MiB after a third, {settled[-1, 1]:.0f} at the end: {slope:+.1f} MiB a minute")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", type=Path, help="what `aisle train` wrote")
    parser.add_argument("catalog", type=Path, help="whose products are asked about")
    parser.add_argument("--clients", type=int, default=8, help="each has one connection")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run at half load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--soak",
        type=float,
        nargs="?",
        const=SOAK_SECONDS,
        metavar="SECONDS",
        help="only this: 32 clients flat out for a minute, failures and memory",
    )
    options = parser.parse_args()
    find_hey()
    engine = options.engine.resolve()
    print(f"{os.cpu_count()} cores; load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        folder = Path(name)
        clients = make_clients(read_catalog(options.catalog).products, count=options.clients, folder=folder)
        ours = running.enter_context(started(our_side(engine, folder / "aisle.db"), folder))
        keys = create_keys(folder / "aisle.db", max(SOAK_CLIENTS, options.clients))
        if options.soak:
            soak(ours, clients, keys[:SOAK_CLIENTS], seconds=options.soak)
            return
        clients = {
            case: [replace(client, key=key) for client, key in zip(each, keys, strict=False)]
            for case, each in clients.items()
        }
        servers = [ours]
        if all(importlib.util.find_spec(each) for each in ("torch", "transformers", "efficientnet_lite_pytorch")):
            servers.append(running.enter_context(started(torch_side(engine), folder)))
        else:
            print("torch is not installed: make test-torch, and run with .venv-torch/bin/python")
        check_alike(servers, clients)
        print(f"{options.clients} clients; best of {options.rounds} rounds in turn")
        for case, each in clients.items():
            print_figures(case, measure(servers, case, each, seconds=options.seconds, rounds=options.rounds))


if __name__ == "__main__":
    main()

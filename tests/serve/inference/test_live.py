"""Engines exchanged while requests go on: no request fails, and what cannot be used never answers."""

import gc
import shutil
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError
from aisle.product import Product
from aisle.serve.inference.golden import golden_answers
from aisle.serve.inference.live import LiveEngine
from aisle.settings import Settings
from aisle.store.engines import promote, register, rollback
from aisle.store.records import StoredEngine

PRODUCTS = [Product(title="acme steel pot 12"), Product(title="nova usb charger", description="fast plug")]


def open_one(folder):
    return load_engine(folder, settings=Settings(threads=1))


@pytest.fixture
def folders(tmp_path, engine_folder, other_folder):
    """Copies that a test may spoil, and their fingerprints."""
    found = {}
    for name, source in (("old", engine_folder), ("new", other_folder)):
        shutil.copytree(source, tmp_path / name)
        found[name] = tmp_path / name
    return SimpleNamespace(**found)


@pytest.fixture
def two(engine_folder, other_folder):
    """What either engine is called, and what it answers."""
    made = []
    for folder in (engine_folder, other_folder):
        engine = open_one(folder)
        found = [prediction.probability for prediction in engine.predict(PRODUCTS)]
        made.append(SimpleNamespace(id=engine.fingerprint, answers=found, golden=golden_answers(engine)))
    return made


def wait_until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_swap_changes_everything_that_belongs_to_an_engine(folders, two):
    live = LiveEngine(folders.old)
    before = live.loaded
    assert (live.version, live.folder, live.previous) == (two[0].id, folders.old, None)
    assert live.taxonomy == live.current.taxonomy
    assert live.search.find("mugs") == [("Kitchen", "Mugs")]
    assert live.swap(folders.new, golden=two[1].golden, version=two[1].id) == two[1].id
    assert (live.version, live.folder, live.previous, live.swaps) == (two[1].id, folders.new, before, 1)
    assert live.current.fingerprint == two[1].id


def test_requests_go_on_while_engines_are_exchanged_and_each_is_answered_by_one(folders, two):
    live = LiveEngine(folders.old)
    known = {each.id: each.answers for each in two}
    seen, wrong = set(), []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            try:
                found = live.current.predict(PRODUCTS)
                (version,) = {prediction.engine for prediction in found}
                if [prediction.probability for prediction in found] != pytest.approx(known[version], abs=1e-5):
                    wrong.append(found)
                seen.add(version)
            except BaseException as err:  # what a client would see
                wrong.append(err)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        live.swap(folders.new, golden=two[1].golden)
        with pytest.raises(EngineError):
            live.swap(folders.old, golden=two[1].golden)
        live.rollback()
        live.swap(folders.new)
        live.swap(folders.old)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert seen == {two[0].id, two[1].id}


def spoil_bytes(folder):
    file = next(file for file in folder.rglob("*.safetensors"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_bytes, "is not the file that the engine was made with"),
        (shutil.rmtree, "there is no engine at"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest"),
    ],
)
def test_a_candidate_that_cannot_be_used_leaves_the_old_one(folders, two, spoil, said):
    live = LiveEngine(folders.old)
    spoil(folders.new)
    with pytest.raises(EngineError, match=said):
        live.swap(folders.new)
    assert said in live.error
    assert (live.version, live.failures, live.swaps, live.previous) == (two[0].id, 1, 0, None)
    live.swap(folders.old)
    assert live.error == ""


def test_a_candidate_that_answers_otherwise_or_is_another_leaves_the_old_one(folders, two):
    live = LiveEngine(folders.old)
    with pytest.raises(EngineError, match="does not answer as it did"):
        live.swap(folders.new, golden=two[0].golden)
    with pytest.raises(EngineError, match=f"holds engine {two[1].id}, not 000000000000"):
        live.swap(folders.new, version="000000000000")
    assert (live.version, live.failures) == (two[0].id, 2)


def test_a_candidate_that_fails_in_an_unknown_way_leaves_the_old_one(folders):
    def load(folder):
        if folder == folders.new:
            raise MemoryError("no room")
        return open_one(folder)

    live = LiveEngine(folders.old, load=load)
    with pytest.raises(EngineError, match="no room"):
        live.swap(folders.new)
    assert "no room" in live.error


def test_the_first_engine_is_tested_as_well(folders, two):
    with pytest.raises(EngineError, match="does not answer as it did"):
        LiveEngine(folders.old, golden=two[1].golden)


def test_going_back_reads_nothing(folders, two):
    live = LiveEngine(folders.old)
    with pytest.raises(EngineError, match="before"):
        live.rollback()
    live.swap(folders.new)
    shutil.rmtree(folders.old)
    assert live.rollback() == two[0].id
    assert live.rollback() == two[1].id
    assert live.swap(folders.old, version=two[0].id) == two[0].id


def test_an_engine_two_swaps_ago_gives_its_memory_back(folders, engine_files, tmp_path):
    live = LiveEngine(folders.old)
    first = weakref.ref(live.current)
    live.current.predict(PRODUCTS)
    write_artifact(tmp_path / "third", engine_files, about={"number": 3})
    gc.collect()
    gc.disable()  # at once, and not whenever cycles are looked for
    try:
        live.swap(folders.new)
        assert first() is not None
        live.swap(tmp_path / "third")
        assert first() is None
    finally:
        gc.enable()


@pytest.fixture
def registered(database, folders, two):
    with database.write() as c:
        for number, (each, folder) in enumerate(zip(two, (folders.old, folders.new), strict=True)):
            stored = StoredEngine(
                id=each.id, folder=str(folder), golden=each.golden, registered_at=number, registered_by="test"
            )
            register(c, stored)
        promote(c, id=two[0].id, by="test", now=1)
    return database


@pytest.fixture
def watching(folders, registered):
    live = LiveEngine(folders.old)
    live.watch(registered, seconds=0.01)
    yield live
    live.close()


def test_what_the_database_calls_live_is_followed(watching, registered, two):
    with registered.write() as c:
        promote(c, id=two[1].id, by="test", now=2)
    wait_until(lambda: watching.version == two[1].id)
    with registered.write() as c:
        rollback(c, by="test", now=3)
    wait_until(lambda: watching.version == two[0].id)
    assert watching.swaps == 2


def test_a_candidate_of_the_database_that_cannot_be_used_is_tried_once_and_not_every_second(
    watching, registered, folders, two
):
    spoil_bytes(folders.new)
    with registered.write() as c:
        promote(c, id=two[1].id, by="test", now=2)
    wait_until(lambda: watching.failures)
    time.sleep(0.1)
    assert (watching.failures, watching.version) == (1, two[0].id)
    assert "is not the file" in watching.error
    with registered.write() as c:
        rollback(c, by="test", now=3)
    wait_until(lambda: not watching.error)


def test_a_database_that_is_away_changes_nothing_until_it_is_back(folders, registered, two, caplog):
    away = threading.Event()
    away.set()
    asked = []

    def read():
        asked.append(1)
        if away.is_set():
            raise OSError("connection refused")
        return registered.read()

    with registered.write() as c:
        promote(c, id=two[1].id, by="test", now=2)
    live = LiveEngine(folders.old)
    live.watch(SimpleNamespace(read=read), seconds=0.01)
    try:
        wait_until(lambda: len(asked) > 3)
        assert live.version == two[0].id
        away.clear()
        wait_until(lambda: live.version == two[1].id)
    finally:
        live.close()
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "the database is away",
        "the database is back",
    ]

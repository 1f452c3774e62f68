"""What an engine that answers has in memory: nothing that trains, fetches or draws."""

import importlib.metadata
import json
import subprocess
import sys

import pytest

UNWANTED = (
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "torch",
    "onnx",
    "huggingface_hub",
    "cv2",
    "gensim",
    "matplotlib",
    "aisle.train",
    "aisle.weights",
    "aisle.study",
    "aisle.heads.fit",
    "aisle.encode.encoders",
)

SCRIPT = """
import json, sys, importlib.abc
unwanted = json.loads(sys.argv[1])
asked = {}

class Witness(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in unwanted) and name not in asked:
            frame, ways = sys._getframe(1), []
            while frame:
                if "importlib" not in frame.f_code.co_filename:
                    ways.append(f"{frame.f_globals.get('__name__')}:{frame.f_lineno}")
                frame = frame.f_back
            asked[name] = ways[:6]

sys.meta_path.insert(0, Witness())
import aisle
from aisle.product import Product
engine = aisle.load(sys.argv[2])
products = [Product(title="gel iphone skin", description="cover", photo=open(sys.argv[3], "rb").read(),
                    attributes={"brand": "acme"}), Product(), Product(title="oil filter", photo=b"broken")]
found = engine.predict(products)
assert len(found) == 3 and found[0].evidence.nearest
loaded = [one for one in unwanted if one in sys.modules]
print(json.dumps({"loaded": loaded, "asked": asked}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_networks):
    """A small engine on a disk, and a photo beside it."""
    import io

    from PIL import Image

    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.store import to_files
    from aisle.product import Product
    from aisle.settings import Settings
    from aisle.train import TrainingOptions, train_engine

    def picture(place):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (40 + 5 * place, 200 - 5 * place, 90)).save(buffer, "PNG")
        return buffer.getvalue()

    kinds = {("Phones",): "iphone gel skin", ("Cars",): "oil car filter"}
    products = [
        Product(
            id=f"{kind[0]}{place}",
            title=f"{words} {place}",
            description=words,
            attributes={"brand": words},
            photo=picture(place),
            category=kind,
        )
        for kind, words in kinds.items()
        for place in range(15)
    ]
    place = tmp_path_factory.mktemp("loading")
    settings = Settings(cache_dir=place / "cache", offline=True, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        tiny_networks(patch)
        trained = train_engine(products, options=TrainingOptions(), settings=settings)
    write_artifact(place / "engine", to_files(trained.knowledge), about={})
    (place / "photo.png").write_bytes(picture(3))
    return place


def test_answering_loads_nothing_that_trains(folder):
    words = [json.dumps(UNWANTED), str(folder / "engine"), str(folder / "photo.png")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loaded"] == [], "\n".join(
        f"{name} is loaded by {' < '.join(ways)}" for name, ways in found["asked"].items() if name in found["loaded"]
    )


def test_answering_opens_no_connection_and_starts_no_process(folder):
    script = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event.startswith(('socket.connect', 'socket.getaddrinfo', 'subprocess.', 'os.system', 'os.exec')):\n"
        "        raise SystemExit(f'{event} {args}')\n"
        "sys.addaudithook(hook)\n"
        "import aisle\nfrom aisle.product import Product\n"
        f"engine = aisle.load({str(folder / 'engine')!r})\n"
        "engine.predict([Product(title='oil filter', photo=open(sys.argv[1], 'rb').read())])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "photo.png")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_heavy_ones_are_there_to_be_loaded():
    """Otherwise the first test would say nothing."""
    for name in ("scikit-learn", "scipy", "onnx", "pandas"):
        assert importlib.metadata.version(name)

"""Which products judge a graph in 8 bits, what is said where they are too few, and what is written in the end."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.tiny_tuning import make_shop, put_networks  # noqa: E402

from aisle.catalog.photo_pixels import PixelShape  # noqa: E402
from aisle.encode import find_encoder, open_spec  # noqa: E402
from aisle.finetune import FinetuneOptions, eight_bits, export, finetune_to_folder, quantise  # noqa: E402
from aisle.finetune.encoder_writer import EncoderFiles, PhotoFiles, TextFiles  # noqa: E402
from aisle.finetune.examples import Labels, Split  # noqa: E402
from aisle.finetune.networks import Bert, EfficientNetLite  # noqa: E402
from aisle.finetune.quantise import Int8Offer  # noqa: E402
from aisle.finetune.result import Finetuned, Tuned  # noqa: E402

TEXT = FinetuneOptions(modality="text", text_epochs=4, batch=8)
GRAPHS = ("text_model.onnx", "vision_model.onnx")
BARE = {"text": {"title": " ", "description": ""}, "photo": {"photo": None}}


@pytest.fixture
def tune(monkeypatch, tmp_path, settings):
    put_networks(monkeypatch, tmp_path / "networks")

    def run(*, shop=None, options=TEXT, **more):
        place = tmp_path / "encoder"
        return finetune_to_folder(shop or make_shop(), place, options=options, settings=settings, **more)

    return run


@pytest.fixture
def judge(monkeypatch, weights, settings):
    """Return a function that has a graph judged by held-out products: the facts, the scores, and how many it read.

    It is judged by a head that puts everything into the first category, Cups.
    """
    network = EfficientNetLite(weights.lite())
    photo, shape = export.draw_photo(network, size=40), PixelShape(width=40, height=40, resample="bicubic")
    text = export.draw_text(Bert(weights.bert(), heads=4))
    files = {
        "text": TextFiles(graph=text, tokenizer=weights.tokenizer(), max_tokens=16),
        "photo": PhotoFiles(graph=photo, shape=shape, norm=network.pixel_norm),
    }
    head = export.LinearHead(np.zeros((3, 24), np.float32), np.array([9, 0, 0], np.float32))

    def run(kind, learned, held_out):
        asked = []

        def offer(graph, *, feed, score):
            asked.append((score(graph), sum(len(next(iter(batch.values()))) for batch in feed)))
            return Int8Offer(graph=None, speedup=1.0, loss=None, reason="slow")

        monkeypatch.setattr(eight_bits, "offer_int8", offer)
        none = np.empty(0, np.uint64)
        encoder = Tuned(None, None, head, (), best=1, batch=8, share=1.0, products=len(learned), seen=none)
        shop = (*learned, *held_out)
        tuned = Finetuned(
            **{"text": None, "photo": None, kind: encoder},
            products=shop,
            labels=Labels.of([item.category for item in shop]),
            groups=np.arange(len(shop)),
            split=Split(np.arange(len(learned)), np.arange(len(learned), len(shop))),
        )
        about = {"precision": {kind: "float32"}}
        content = EncoderFiles(**{kind: files[kind]}, about=about, seen={}, products=len(learned), card="")
        after, facts = eight_bits.shrink(tuned, content, settings=settings)
        assert after is content
        return facts[kind], asked

    return run


def without(kind, shop):
    return [replace(item, **BARE[kind]) for item in shop]


@pytest.mark.parametrize("kind", ["text", "photo"])
def test_products_that_lack_the_field_do_not_judge(judge, kind):
    shop = make_shop(count=720)
    held_out = [*without(kind, shop[:100] * 6), *shop[100:610]]
    if kind == "photo":
        held_out[:30] = [replace(item, photo=b"cannot be read") for item in held_out[:30]]
    learned = [*without(kind, shop[:80]), *shop[610:]]
    facts, asked = judge(kind, learned, held_out)
    assert facts == {"offered": False, "speedup": 1.0, "loss": None, "reason": "slow"}
    ((score, read),) = asked
    assert score == pytest.approx(170 / 510)  # every third is a cup
    texts = {bool(item.description): 1 + bool(item.description) for item in shop}
    assert read == 64 if kind == "photo" else 64 * texts[False] < read <= 64 * texts[True]


def test_those_that_judge_are_drawn_from_all(judge):
    """A catalogue comes sorted by category, as often as not."""
    shop = make_shop(count=2100, photos=False)
    cups, others = shop[1::3], [item for row, item in enumerate(shop[60:]) if row % 3 != 1]
    found = [judge("text", shop[:60], [*cups, *others])[1][0][0] for _ in range(2)]
    assert found[0] == found[1]
    assert found[0] == pytest.approx(700 / 2060, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "wanted"), [("text", "a title or a description"), ("photo", "a photo that can be read")]
)
@pytest.mark.parametrize(("count", "said"), [(0, "none"), (499, "499"), (500, None)])
def test_too_few_to_tell_the_loss(judge, kind, wanted, count, said):
    """Of 500 products one is 0.2 points."""
    shop = make_shop(count=580)
    bare = without("text", shop[:30]) if kind == "text" else [replace(item, photo=b"broken") for item in shop[:30]]
    facts, asked = judge(kind, shop[500:], [*bare, *shop[:count]])
    if said is None:
        assert len(asked) == 1
        return
    reason = f"a loss of 0.2 points can be told on at least 500 held-out products with {wanted}, and there are {said}"
    assert facts == {"offered": False, "speedup": None, "loss": None, "reason": reason}
    assert not asked


@pytest.mark.parametrize("offered", [True, False])
def test_a_graph_in_8_bits_is_written_only_where_it_is_offered(tune, tmp_path, monkeypatch, offered):
    asked = {}
    monkeypatch.setattr(quantise, "MOST_LOSS", 100.0)  # so few products can tell no less

    def offer(graph, *, feed, score):
        asked[next(iter(feed[0]))] = score(graph)
        model = onnx.load_model_from_string(graph)
        model.doc_string = "small"
        small = model.SerializeToString() if offered else None
        return Int8Offer(graph=small, speedup=1.5, loss=0.1 if offered else 2.0, reason="so it is")

    monkeypatch.setattr(eight_bits, "offer_int8", offer)
    summary = tune(options=FinetuneOptions(text_epochs=3, photo_epochs=1, batch=8), int8=True)
    for name, graph in zip(("text", "photo"), GRAPHS, strict=True):
        assert summary["encoders"][name]["int8"] == {
            "offered": offered,
            "speedup": 1.5,
            "loss": 0.1 if offered else 2.0,
            "reason": "so it is",
        }
        assert (onnx.load(tmp_path / "encoder" / graph).doc_string == "small") == offered
    precision = json.loads((tmp_path / "encoder/encoder.json").read_text())["precision"]
    assert precision == dict.fromkeys(("text", "photo"), "int8" if offered else "float32")
    assert set(asked) == {"input_ids", "pixel_values"}
    said = "is offered: so it is" if offered else "is not offered: so it is"
    assert said in (tmp_path / "encoder/README.md").read_text().replace("\n", " ")


def test_real_graphs_in_8_bits_are_judged_and_opened(tune, tmp_path, monkeypatch, settings):
    monkeypatch.setattr(quantise, "LEAST_SPEEDUP", 0.0)
    monkeypatch.setattr(quantise, "MOST_LOSS", 100.0)
    summary = tune(options=FinetuneOptions(text_epochs=2, photo_epochs=1, batch=8), int8=True)
    assert [each["int8"]["offered"] for each in summary["encoders"].values()] == [True, True]
    text = open_spec(find_encoder(f"{tmp_path / 'encoder'}#text", settings=settings), settings=settings)
    assert text.encode(["word1 word2"]).shape == (1, 24)
    operators = {node.op_type for node in onnx.load(tmp_path / "encoder/text_model.onnx").graph.node}
    assert "MatMulInteger" in operators


def test_the_score_counts_products(tune, monkeypatch):
    scores = []
    monkeypatch.setattr(quantise, "MOST_LOSS", 100.0)
    offer = Int8Offer(graph=None, speedup=1.0, loss=None, reason="slow")
    monkeypatch.setattr(eight_bits, "offer_int8", lambda graph, *, feed, score: scores.append(score(graph)) or offer)
    titles_alone = [replace(item, description="") for item in make_shop(count=60)]
    summary = tune(shop=titles_alone, options=replace(TEXT, text_epochs=12), int8=True)["encoders"]["text"]
    # Training judged its best epoch by the same texts and the same head, in torch.
    assert scores == [pytest.approx(summary["epochs"][summary["best"] - 1]["validation_accuracy"])]

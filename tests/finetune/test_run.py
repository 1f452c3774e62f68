"""From labelled products to tuned encoders: what is learned, from whom, and what is said where that cannot be."""

import logging
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.tiny_tuning import make_shop, put_networks  # noqa: E402

from aisle.encode import seen_rows, training_keys  # noqa: E402
from aisle.errors import TrainingError, UnknownEncoderError  # noqa: E402
from aisle.finetune import FinetuneOptions, finetune, loop, pretune  # noqa: E402
from aisle.finetune.tasks import TextTask  # noqa: E402
from aisle.settings import Settings  # noqa: E402

QUICK = FinetuneOptions(modality="text", text_epochs=4, photo_epochs=2, batch=8)


@pytest.fixture
def tune(monkeypatch, tmp_path, settings):
    put_networks(monkeypatch, tmp_path / "networks")

    def run(shop, *, start=None, **options):
        return finetune(shop, options=replace(QUICK, **options), start=start, settings=settings)

    return run


def test_text_is_learned(tune):
    tuned = tune(make_shop(count=120), text_epochs=24).text
    losses = [epoch.training_loss for epoch in tuned.epochs]
    assert losses[-1] < 0.8 * losses[0]
    assert tuned.epochs[tuned.best - 1].validation_accuracy >= 0.85  # of three categories


def test_photos_are_learned(tune):
    tuned = tune(make_shop(count=90, texts=False), modality="photo", photo_epochs=4).photo
    assert tuned.epochs[-1].training_loss < tuned.epochs[0].training_loss
    assert tuned.epochs[tuned.best - 1].validation_accuracy >= 0.65


def test_what_was_learned_from_is_remembered_and_nothing_else(tune):
    shop = make_shop()
    found = tune([*shop, replace(shop[0], title="no label", category=())])
    assert found.products == tuple(shop)
    assert set(found.split.train) | set(found.split.validation) == set(range(len(shop)))
    seen = np.flatnonzero(seen_rows(shop, found.seen["text"]))
    assert seen.tolist() == found.split.train.tolist()
    np.testing.assert_array_equal(found.seen["text"], found.text.seen)


def test_an_encoder_that_stays_as_it_was_has_seen_nothing(tune, monkeypatch):
    monkeypatch.setattr(loop, "BLENDS", (0.0,))
    judge = loop._Run._judge_as_is
    losses = iter([5.0, 5.0, 5.0, 1.0])  # of two epochs, of the best of them, and of the weights of the start

    def found(self):
        judged = judge(self)
        return replace(judged, losses=(next(losses),), labelled=(1,))

    monkeypatch.setattr(loop._Run, "_judge_as_is", found)
    shop = make_shop(photos=False)
    tuned = tune(shop, modality="text", text_epochs=2)
    assert tuned.text.share == 0.0
    assert (tuned.text.products, len(tuned.seen["text"])) == (0, 0)
    assert not seen_rows(shop, tuned.seen["text"]).any()


def test_categories_are_cut_at_the_level(tune):
    shop = make_shop()
    assert [len(names) for names in tune(shop, level=1).labels.names] == [3]
    assert len(tune(shop).labels.names) == 2


def test_the_seed_decides(tune):
    def weights(seed):
        return torch.cat([value.flatten() for value in tune(make_shop(), seed=seed).text.network.parameters()])

    first, again, other = weights(0), weights(0), weights(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_both_together(tune):
    shop = make_shop()
    mixed = [replace(item, photo=None) if row % 6 == 0 else item for row, item in enumerate(shop)]
    found = tune(mixed, modality="both", joint=True)
    with_photo = {row for row, item in enumerate(mixed) if item.photo is not None}
    assert set(found.split.train) | set(found.split.validation) == with_photo  # nothing is matched with no photo
    assert found.text.products == found.photo.products == len(found.split.train)
    assert found.text.epochs == found.photo.epochs


def test_texts_may_be_tuned_to_other_products_first(tune, settings):
    others = make_shop(count=60, seed=7, photos=False)
    start = pretune(others, options=QUICK, settings=settings)
    before = start.network.state_dict()["embeddings.word_embeddings.weight"].clone()
    found = tune(make_shop(), start=start)
    assert seen_rows(others, start.seen).sum() == start.products > 40
    assert seen_rows(others, found.seen["text"]).sum() == start.products  # and they are still known as seen
    assert torch.equal(start.network.state_dict()["embeddings.word_embeddings.weight"], before)  # others start from it


def test_other_products_teach_their_whole_paths_whatever_the_depth(tune, settings):
    others = make_shop(count=60, seed=7, photos=False)
    whole, cut = (pretune(others, options=replace(QUICK, level=level), settings=settings) for level in (None, 1))
    top = pretune([replace(p, category=p.category[:1]) for p in others], options=QUICK, settings=settings)
    name = "embeddings.word_embeddings.weight"
    weights = [each.network.state_dict()[name] for each in (whole, cut, top)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"count": 19}, {}, "19 products have a category; fine-tuning needs at least 20"),
        ({"photos": False}, {"modality": "photo"}, "0 labelled products have a photo; fine-tuning needs"),
        ({"photos": False}, {"modality": "both", "joint": True}, "0 labelled products have a photo"),
        ({"texts": False}, {}, "0 labelled products have a title or a description"),
        ({"photos": False, "texts": False}, {"modality": "both"}, "0 labelled products have a photo"),
        ({}, {"device": "cuda"}, "no GPU"),
    ],
)
def test_too_little_is_said(tune, monkeypatch, change, options, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=message):
        tune(make_shop(**change), **options)


def test_one_category_is_nothing_to_tell_apart(tune):
    with pytest.raises(TrainingError, match="one category, Lamps"):
        tune([replace(item, category=("Lamps",)) for item in make_shop()])


def test_photos_that_cannot_be_read_are_no_photos(tune):
    broken = [replace(item, photo=b"not a photo") for item in make_shop()]
    with pytest.raises(TrainingError, match="0 labelled products have a photo that can be read"):
        tune(broken, modality="photo")


@pytest.mark.parametrize(
    ("shop", "left"),
    [
        (make_shop(photos=False), "text"),
        ([replace(item, photo=b"broken") for item in make_shop()], "text"),
        (make_shop(texts=False), "photo"),
    ],
)
def test_where_one_modality_is_missing_the_other_is_tuned_alone(tune, caplog, shop, left):
    with caplog.at_level(logging.WARNING):
        found = tune(shop, modality="both")
    assert (found.text is not None, found.photo is not None) == (left == "text", left == "photo")
    assert f"only the {left} encoder is tuned: 0 labelled products have" in caplog.text


def test_a_category_with_one_product_is_no_trouble(tune):
    shop = make_shop()
    found = tune([*shop, replace(shop[0], id="one", title="word39 flute", category=("Music",))])
    assert len(found.labels.names[0]) == 4
    assert len(found.products) == len(shop) + 1


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"text_encoder": "minilmm"}, "minilmm"),
        ({"text_encoder": "tfidf"}, "'tfidf' is no text encoder that can be fine-tuned; these can: minilm"),
        ({"modality": "photo", "photo_encoder": "vgg16"}, "'vgg16' is no photo encoder .* efficientnet-lite0-avg"),
        ({"text_encoder": "resnet50-avg"}, "is no text encoder"),
    ],
)
def test_what_cannot_be_tuned_is_said_before_anything_is_read(tune, monkeypatch, named, message):
    monkeypatch.setattr("aisle.finetune.labelled.group_duplicates", None)
    with pytest.raises(UnknownEncoderError, match=message):
        tune(make_shop(), **named)


def test_where_memory_ends_half_the_products_are_taken_at_once(tune, monkeypatch, caplog):
    learn = TextTask.loss

    def loss(self, rows, rng):
        if len(rows) > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory")
        return learn(self, rows, rng)

    monkeypatch.setattr(TextTask, "loss", loss)
    found = tune(make_shop())
    assert found.text.batch == 4
    assert caplog.text.count("out of memory; going on with 4 products at once") == 1
    assert len(found.text.epochs) == 4


def test_changed_photos_are_another_run(tune, tmp_path, settings, caplog):
    shop = make_shop(texts=False)
    options = replace(QUICK, modality="photo")
    first = finetune(shop, options=options, checkpoints=tmp_path / "kept", settings=settings)
    held_out = set(first.split.validation.tolist())
    late = make_shop(texts=False, seed=3)
    other = [replace(item, photo=late[row].photo) if row in held_out else item for row, item in enumerate(shop)]
    finetune(other, options=options, checkpoints=tmp_path / "kept", settings=settings)
    assert "of other products, options or weights" in caplog.text
    assert "goes on after" not in caplog.text


def test_settings_of_this_machine_are_the_default(monkeypatch, tmp_path):
    put_networks(monkeypatch, tmp_path / "networks")
    monkeypatch.setattr(Settings, "load", lambda: Settings(cache_dir=tmp_path / "cache", offline=True, threads=1))
    found = finetune(make_shop(photos=False), options=replace(QUICK, text_epochs=1))
    np.testing.assert_array_equal(
        found.seen["text"], training_keys([found.products[row] for row in found.split.train.tolist()])
    )


@pytest.fixture
def killed(monkeypatch, tmp_path, settings):
    """Start a run that is killed in its second epoch; return what goes on with it, and whether it was taken up."""
    put_networks(monkeypatch, tmp_path / "networks")
    learn, steps = TextTask.loss, []

    def loss(self, rows, rng):
        steps.append(len(rows))
        if len(steps) == 8:
            raise KeyboardInterrupt
        return learn(self, rows, rng)

    monkeypatch.setattr(TextTask, "loss", loss)
    with pytest.raises(KeyboardInterrupt):
        finetune(make_shop(), options=QUICK, checkpoints=tmp_path / "kept", settings=settings)

    def go_on(caplog, **changed):
        options = replace(QUICK, **changed)
        found = finetune(make_shop(), options=options, checkpoints=tmp_path / "kept", settings=settings)
        return found.text, "tuning texts goes on after epoch 1 of 4" in caplog.text

    return go_on


def test_a_run_is_taken_up_however_heads_would_be_fitted_now(killed, tune, monkeypatch, caplog):
    wanted = tune(make_shop()).text.network.state_dict()
    monkeypatch.setattr("aisle.finetune.tasks.fit_heads", None)  # with other threads it gives other bits
    tuned, taken_up = killed(caplog)
    assert taken_up
    assert all(torch.equal(value, wanted[name]) for name, value in tuned.network.state_dict().items())


def test_another_depth_of_labels_is_another_run(killed, caplog):
    _, taken_up = killed(caplog, level=1)
    assert not taken_up
    assert "of other products, options or weights" in caplog.text


def test_another_recipe_is_another_run(killed, monkeypatch, caplog):
    monkeypatch.setattr("aisle.finetune.labelled.RECIPE", 10**6)
    assert not killed(caplog)[1]

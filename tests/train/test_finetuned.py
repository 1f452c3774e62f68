"""Does fine-tuning help? Nothing that is judged was seen; what was, is caught."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.tiny_tuning import make_shop, put_networks  # noqa: E402

from aisle.encode import seen_rows, training_keys  # noqa: E402
from aisle.engine.gather import group_duplicates  # noqa: E402
from aisle.errors import TrainingError  # noqa: E402
from aisle.finetune import FinetuneOptions  # noqa: E402
from aisle.finetune.checkpoint import Checkpoints  # noqa: E402
from aisle.settings import Settings  # noqa: E402
from aisle.train import TrainingOptions, finetuned, folds  # noqa: E402
from aisle.train.finetuned import FinetuneTrial, cross_validate_finetuned  # noqa: E402

TEXT = FinetuneOptions(modality="text", text_epochs=1, photo_epochs=1, batch=8)
COUNT = 72


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Run folds over tiny networks, and look over the shoulder of who tunes and who judges."""
    encoders = put_networks(monkeypatch, tmp_path / "networks")
    settings = Settings(cache_dir=tmp_path / "cache", offline=True, threads=1)
    seen = SimpleNamespace(tuned=[], pretuned=[], judged=[], said=[], settings=settings)
    import aisle.finetune as package

    tune, start, judge = package.finetune_to_folder, package.pretune, finetuned.run_folds

    def spy_tune(products, out, **options):
        seen.tuned.append((list(products), out))
        return tune(products, out, **options)

    def spy_start(products, **options):
        seen.pretuned.append(list(products))
        return start(products, **options)

    def spy_judge(work, tasks, **options):
        found = judge(work, tasks, **options)
        seen.judged.append((work, tasks[0], found[0]))
        return found

    monkeypatch.setattr(package, "finetune_to_folder", spy_tune)
    monkeypatch.setattr(package, "pretune", spy_start)
    monkeypatch.setattr(finetuned, "run_folds", spy_judge)

    def run(shop, *, pretune=(), options=TEXT, **more):
        trial = FinetuneTrial(finetune=options, pretune=tuple(pretune))
        training = TrainingOptions(encoders=encoders)
        chosen = {"folds": 2, "settings": settings, "say": seen.said.append} | more
        return cross_validate_finetuned(shop, trial, options=training, **chosen)

    seen.run = run
    return seen


@pytest.fixture
def shop():
    return make_shop(count=COUNT, photos=False)


def with_twins(shop):
    """Add to every sixth product one that says nearly the same."""
    twins = [
        replace(item, id=f"twin{item.id}", title=f"{item.title} new", description=f"{item.description}!")
        for item in shop[::6]
    ]
    return [*shop, *twins]


def test_no_encoder_has_seen_what_it_is_judged_by(world, shop):
    found = world.run(shop)
    assert len(world.tuned) == 2
    for number, (products, _) in enumerate(world.tuned):
        frozen, tuned = world.judged[2 * number : 2 * number + 2]
        assert frozen[1] is tuned[1]
        test = {shop[row].id for row in tuned[1].test.tolist()}
        assert len(test) == COUNT // 2
        assert {item.id for item in products} == {item.id for item in shop} - test
    assert found["products"] == COUNT
    assert [line.split(":")[0] for line in world.said] == ["fold 1 of 2", "fold 2 of 2"]


def test_near_duplicates_stay_on_one_side_where_that_is_asked(world, shop):
    shop = with_twins(shop)
    groups = group_duplicates(shop, threads=1)
    assert len(set(groups.tolist())) == COUNT  # the twins are found
    numbers = {item.id: group for item, group in zip(shop, groups.tolist(), strict=True)}
    world.run(shop, grouped=True)
    for (products, _), (_, task, _) in zip(world.tuned, world.judged[1::2], strict=True):
        assert not {numbers[item.id] for item in products} & {int(groups[row]) for row in task.test}


def test_a_planted_leak_is_caught(world, shop, monkeypatch):
    honest = finetuned.Tuner.tune
    monkeypatch.setattr(finetuned.Tuner, "tune", lambda self, rows: honest(self, np.arange(COUNT)))
    with pytest.raises(TrainingError, match=r"has learned from \d+ of the 36 products that it is to be judged by"):
        world.run(shop)


def test_copies_of_training_products_are_judged_by_neither(world, shop):
    copies = [replace(item, id=f"copy{item.id}", title=item.title.upper()) for item in shop[:20]]
    shop = [*shop, *copies]
    found = world.run(shop)
    for frozen, tuned in zip(world.judged[::2], world.judged[1::2], strict=True):
        learned = training_keys([shop[row] for row in frozen[1].train.tolist()])
        assert not seen_rows([shop[row] for row in frozen[1].test.tolist()], learned).any()
        assert frozen[1] is tuned[1]
    judged = sum(len(task.test) for _, task, _ in world.judged[::2])
    assert judged < len(shop)
    assert found["copies"] == len(shop) - judged
    for arm in ("subsets", "frozen"):
        assert [row["products"] for row in found[arm] if row["fields"] == ["title"]] == [judged]


def test_a_second_run_tunes_nothing_and_says_the_same(world, shop):
    others = make_shop(count=40, seed=5, photos=False)
    first = world.run(shop, pretune=others)
    assert (len(world.tuned), len(world.pretuned)) == (2, 1)
    epochs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aisle.finetune.loop._Run._epoch", lambda *_: epochs.append(1))
        second = world.run(shop, pretune=others)
    assert (len(world.tuned), len(world.pretuned)) == (2, 1)
    assert not epochs
    assert first == second
    assert min(first["tuning"]["seconds"]) > 0
    assert first["tuning"]["went_on"] == [False, False]
    kept = world.settings.cache_dir / "finetune"
    [place] = kept.glob("pretuned-*/*")  # the states of its training, several times as large, are gone
    place.write_bytes(place.read_bytes()[:-1])
    third = world.run(shop, pretune=others)
    assert len(world.pretuned) == 2
    assert third == first


def test_a_run_that_was_stopped_tunes_only_what_is_missing(world, shop):
    world.run(shop)
    shutil.rmtree(world.tuned[1][1])
    world.run(shop)
    assert [out for _, out in world.tuned] == [world.tuned[0][1], world.tuned[1][1], world.tuned[1][1]]


def test_a_fold_that_went_on_is_marked_for_good(world, shop):
    save, saved = Checkpoints.save, []

    def killed(self, state, *, epoch):
        save(self, state, epoch=epoch)
        saved.append(epoch)
        if saved == [0, 1, 0, 1]:  # in the second fold, after its first epoch
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            world.run(shop)
    for _ in range(2):  # also where both are found in the cache
        assert world.run(shop)["tuning"]["went_on"] == [False, True]
    shutil.rmtree(world.tuned[1][1])
    assert world.run(shop)["tuning"]["went_on"] == [False, False]


def test_other_labels_are_tuned_anew(world, shop):
    world.run(shop)
    first = {out for _, out in world.tuned}
    world.tuned.clear()
    world.run([replace(item, category=("Other",)) if row == 0 else item for row, item in enumerate(shop)])
    assert not first & {out for _, out in world.tuned}


def test_products_to_tune_to_first_say_nothing_of_the_catalogue(world, shop):
    others = make_shop(count=40, seed=5, photos=False)
    alike = [
        replace(shop[0], id="same", category=("Elsewhere",)),
        replace(shop[1], id="nearly", title=f"{shop[1].title} new", category=("Elsewhere",)),
        replace(shop[2], id="bare", title="", category=("Elsewhere",)),
    ]
    bare = [*shop, replace(shop[2], id="bare2", title="")]
    found = world.run(bare, pretune=[*others, *alike, replace(others[0], id="none", category=())])
    assert [item.id for item in world.pretuned[0]] == [item.id for item in others]
    counts = found["tuning"]["pretune"]
    assert (counts["given"], counts["used"]) == (len(others) + 4, len(others))
    assert 20 < counts["learned_from"] < len(others)  # some are held out
    with pytest.raises(TrainingError, match="none of the 3 products to tune to first"):
        world.run(bare, pretune=alike)


def test_what_is_gained_is_paired_by_fold(world, shop):
    found = world.run(shop, folds=3, options=replace(TEXT, text_epochs=3))
    for place, subset in enumerate(found["subsets"]):
        gains = []
        for frozen, tuned in zip(world.judged[::2], world.judged[1::2], strict=True):
            shares = []
            for _, task, results in (frozen, tuned):
                rows = results[tuple(subset["fields"])]
                assert 0 < len(rows.truths) <= len(task.test)
                shares.append(rows.figures["level_1"])
            gains.append(shares[1] - shares[0])
        mean = sum(gains) / 3
        spread = (sum((gain - mean) ** 2 for gain in gains) / 2) ** 0.5
        # Nadeau and Bengio (2003): the folds share most of their training rows; 4.303 is t for 2 degrees of freedom.
        half = 4.303 * spread * (1 / 3 + 1 / 2) ** 0.5
        gain = found["differences"][place]["level_1"]
        assert found["differences"][place]["fields"] == subset["fields"]
        assert gain["mean"] == pytest.approx(mean)
        assert (gain["low"], gain["high"]) == (
            pytest.approx(mean - half, abs=1e-3),
            pytest.approx(mean + half, abs=1e-3),
        )


def test_thresholds_rest_on_products_that_the_encoders_have_not_seen(world, shop, monkeypatch):
    fits = []
    fit = folds.fit_classifier
    monkeypatch.setattr(folds, "fit_classifier", lambda *words, **named: fits.append(fit(*words, **named)) or fits[-1])
    world.run(shop)
    for number, (products, out) in enumerate(world.tuned):
        frozen, tuned = fits[2 * number : 2 * number + 2]
        seen = seen_rows(products, np.load(out / "seen.npy"))
        assert len(products) / 2 < seen.sum() < len(products)
        judged = [~np.isnan(found.held_out[("title",)][:, 0]) for found in (frozen, tuned)]
        assert judged[0].all()
        np.testing.assert_array_equal(judged[1], ~seen[tuned.rows])  # rows of the training side, in their order


def test_a_catalogue_without_photos_keeps_the_frozen_photo_encoder(world, shop):
    found = world.run(shop, options=replace(TEXT, modality="both"))
    assert {"subsets", "frozen", "differences"} <= found.keys()
    assert (world.tuned[0][1] / "text_model.onnx").exists()
    assert not (world.tuned[0][1] / "vision_model.onnx").exists()


def test_others_that_join_help_both_and_are_tuned_on_by_none(world, shop):
    others = [replace(item, id=f"x{item.id}") for item in make_shop(count=30, seed=6, photos=False)]
    found = world.run(shop, extra=[*others, replace(shop[0], id="copy")])
    assert found["extra"] == {"given": 31, "joined": 30}
    assert found["with_extra"] is None
    assert all(task.with_extra for _, task, _ in world.judged)
    assert not {item.id for products, _ in world.tuned for item in products} & {item.id for item in others}


def test_products_that_are_all_one_are_nothing_to_judge_on(world, shop):
    with pytest.raises(TrainingError, match="nothing to judge on"):
        world.run([replace(item, title="word1 word2", description="") for item in shop])

"""Catalogues as they come: no photos, no texts, a few of either, odd names, too much of the same."""

import json

import numpy as np
import pytest
from PIL import Image

from aisle.errors import StudyError, UnknownEncoderError
from aisle.study import run_study

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def study(settings):
    """Return a function that studies rows with classical encoders and checks what must always hold."""

    def run(source, *, encoders="tfidf", seeds=2, **options):
        found = run_study(source, encoders=encoders, seeds=seeds, settings=settings, **options)
        json.dumps(found.summary, allow_nan=False)
        found._repr_html_()
        assert found.verdict
        return found

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Draw forty photos full of corners, ten for each of four tile sizes."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    paths = []
    for number in range(40):
        side = (6, 10, 15, 24)[number % 4]
        tiles = rng.integers(0, 255, size=(120 // side + 1, 120 // side + 1), dtype=np.uint8)
        pixels = np.kron(tiles, np.ones((side, side), dtype=np.uint8))[:120, :120]
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def with_photos(rows, photos, places):
    for count, place in enumerate(places):
        rows[place]["photo"] = str(photos[count])
    return rows


SIZES = {"Mugs": 10, "Watches": 10, "Towels": 10}


def test_texts_alone(study, make_rows, settings):
    summary = study(make_rows(SIZES), encoders="tfidf,orb,vgg16").summary
    assert summary["fused"] == []
    assert summary["best_per_category"] is None
    assert {row["features"] for row in summary["classifier"]} == {"text"}
    assert summary["classifier"][0]["accuracy_mean"] > 0.9
    photo_rows = [row for row in summary["features"] if row["modality"] == "photo"]
    assert [(row["status"], row["reason"]) for row in photo_rows] == [
        ("too few products", "no product has a photo")
    ] * 2
    assert not (settings.cache_dir / "weights").exists()


def test_photos_alone(study, photos, tmp_path):
    for place, path in enumerate(photos[:32]):
        folder = tmp_path / "shop" / ("fine", "small", "medium", "coarse")[place % 4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"IMG_{place:04}.png").write_bytes(path.read_bytes())
    found = study(tmp_path / "shop", encoders=["tfidf", "orb"])
    assert {row["features"] for row in found.summary["classifier"]} == {"photo"}
    assert found.summary["classifier"][0]["accuracy_mean"] > 0.5
    assert found.summary["catalog"]["photos"] == 32
    assert [row["reason"] for row in found.summary["features"] if row["name"] == "tfidf"] == ["no product has a text"]
    assert {"x", "y", "photo_embedding"} <= found.table.keys()
    found.save(tmp_path / "out")


def test_the_same_photo_under_other_texts_stays_on_one_side(study, make_rows, photos):
    rows = make_rows(SIZES)
    for place, row in enumerate(rows):
        row["photo"] = str(photos[place // 2])
    near = study(rows).summary["catalog"]["near_duplicates"]
    assert near["products"] == 30
    assert near["groups"] <= 15


def test_a_data_frame(study, make_rows):
    pandas = pytest.importorskip("pandas")
    rows = make_rows(SIZES)
    found = study(pandas.DataFrame(rows))
    assert found.summary["catalog"]["source"] == "DataFrame"
    assert found.summary["features"][0]["ari_mean"] == study(rows).summary["features"][0]["ari_mean"]


def test_columns_may_be_named(study, make_rows):
    rows = [{"nom": row["title"], "rayon": row["category"]} for row in make_rows(SIZES)]
    assert study(rows, columns={"title": "nom", "category": "rayon"}).summary["catalog"]["studied"] == 30


def test_photos_as_bytes_in_a_frame(study, make_rows, photos, tmp_path):
    pandas = pytest.importorskip("pandas")
    rows = make_rows(SIZES)
    for place, row in enumerate(rows):
        row["photo"] = photos[place].read_bytes()
    rows[3]["photo"] = b"no photo"
    found = study(pandas.DataFrame(rows), encoders="tfidf,orb")
    assert [row["code"] for row in found.summary["catalog"]["photos_broken"]] == ["not_an_image"]
    assert found.details["products"][0]["photo"] is None  # there is no file to show
    found.save(tmp_path / "out")


def test_unlabelled_products_are_left_out(study, make_rows):
    rows = make_rows(SIZES)
    for row in rows[:4]:
        row["category"] = ""
    catalog = study(rows).summary["catalog"]
    assert (catalog["unlabelled"], catalog["studied"], catalog["categories"]["Mugs"]) == (4, 26, 6)


def test_only_some_products_have_photos(study, make_rows, photos):
    rows = with_photos(make_rows(SIZES), photos, [*range(7), *range(10, 17), *range(20, 27)])
    summary = study(rows, encoders="tfidf,orb").summary
    products: dict[str, int] = {}
    for row in (*summary["features"], *summary["fused"]):
        products.setdefault(row["modality"], row["products"])  # of the plain variant: a filter may leave no corner
    assert products == {"text": 30, "photo": 21, "fused": 30}
    assert {row["features"]: row["products"] for row in summary["classifier"]} == {
        "text + photo": 30,
        "text": 30,
        "photo": 21,
    }
    assert any("21 of 30 products have one" in point for point in summary["verdict"]["points"])


def test_a_category_without_photos(study, make_rows, photos):
    rows = with_photos(make_rows(SIZES), photos, [*range(10), *range(20, 28), 10, 11])
    found = study(rows, encoders="tfidf,orb")
    (photo, *_) = [row for row in found.summary["features"] if row["modality"] == "photo"]
    assert (photo["status"], photo["clusters"], photo["products"]) == ("ok", 2, 18)
    watches = next(row for row in found.summary["best_per_category"]["categories"] if row["category"] == "Watches")
    assert (watches["modality"], watches["photo_recall"]) == ("text", None)
    assert (
        "fewer than 5 products have a photo in Watches: not in the photo clusters" in found.summary["catalog"]["notes"]
    )
    assert {row["products"] for row in found.summary["fused"]} == {30}


@pytest.mark.parametrize("places", [[], [0], [0, 10, 20], range(8)])
def test_too_few_photos_to_say_anything(study, make_rows, photos, places):
    """With a photo or two in each category every photo would be its own cluster, and agree perfectly."""
    summary = study(with_photos(make_rows(SIZES), photos, places), encoders="tfidf,orb").summary
    assert {row["status"] for row in summary["features"] if row["name"] == "orb"} == {"too few products"}
    assert summary["fused"] == []
    assert {row["features"] for row in summary["classifier"]} == {"text"}


def test_two_categories_and_the_fewest_products(study, make_rows):
    summary = study(make_rows({"Mugs": 6, "Watches": 6})).summary
    assert summary["catalog"]["studied"] == 12
    assert summary["classifier"][0]["repeats"] == 1
    assert len(summary["classifier"]) == 2


def test_many_small_categories(study):
    rows = [{"title": f"kind{n % 40} thing{n % 40} no {n}", "category": f"c{n % 40}"} for n in range(200)]
    summary = study(rows, seeds=1).summary
    assert len(summary["catalog"]["categories"]) == 40
    assert summary["features"][0]["clusters"] == 40
    assert summary["features"][0]["ari_mean"] > 0.9


def test_all_products_have_the_same_text(study, make_rows):
    rows = [row | {"title": "a thing"} for row in make_rows(SIZES)]
    summary = study(rows).summary
    assert summary["verdict"]["feasible"] == "no"
    assert {row["grouped_accuracy_mean"] for row in summary["classifier"]} == {None}
    assert {row["ari_mean"] for row in summary["features"] if row["status"] == "ok"} == {0.0}


def test_titles_without_a_word(study, make_rows, photos):
    rows = [row | {"title": "?!"} for row in make_rows(SIZES)]
    study(with_photos(rows, photos, range(30)), encoders="tfidf,bow,orb")


def test_levels(study, make_rows):
    rows = make_rows(SIZES)
    for place, row in enumerate(rows):
        row["category"] += f" > part {place % 2}"
    summary = study(rows, level=2).summary
    assert len(summary["catalog"]["categories"]) == 6
    assert summary["level"] == 2
    assert "Mugs > part 0" in summary["catalog"]["categories"]


HOSTILE = (
    "<script>alert(1)</script>", "=HYPERLINK()", "\ud800 half a pair", "\x00\x1b[2J", "{{ 7 * 7 }}",
    "'; DROP TABLE kept;", "चाय का कप", "机械手表", "\u202egnp.exe", "x" * 20_000, "</style>", "%s %d {0}",
)  # fmt: skip


def test_hostile_titles_and_categories(study, make_rows, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = make_rows(SIZES)
    for place, title in enumerate(HOSTILE):
        rows[place]["title"] += title
    for row in rows[20:]:
        row["category"] = "</script>\ud800 Caf\u00e9, Tea & Co"
    file = tmp_path / "shop.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    found = study(file)
    written = found.save(tmp_path / "out")
    assert parquet.read_table(written["embeddings"]).num_rows == found.summary["catalog"]["studied"]
    json.loads(written["summary"].read_text(encoding="utf-8"))
    assert "<script>alert(1)" not in written["report"].read_text(encoding="utf-8")


def refuse(*_, **__):
    raise AssertionError("no work was to be begun")


def test_an_unknown_encoder_is_told_before_any_work(settings, monkeypatch):
    monkeypatch.setattr("aisle.study.run.read_catalog", refuse)
    with pytest.raises(UnknownEncoderError, match=r"no encoder 'minlm'.*Did you mean 'minilm'"):
        run_study("nowhere.csv", encoders=["tfidf", "minlm"], settings=settings)


@pytest.mark.parametrize("encoders", ["", ",", [], [" "]])
def test_no_encoder_is_named(settings, encoders):
    with pytest.raises(StudyError, match="no encoder is named"):
        run_study("nowhere.csv", encoders=encoders, settings=settings)


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds(settings, seeds):
    with pytest.raises(StudyError, match=f"{seeds}: at least one seed"):
        run_study("nowhere.csv", seeds=seeds, settings=settings)


def test_a_repository_out_of_reach_is_a_row_and_one_warning(study, make_rows, caplog):
    summary = study(make_rows(SIZES), encoders=["hub:nobody/nothing", "tfidf", "bert", "use"]).summary
    rows = {row["name"]: row for row in summary["features"] if row["status"] == "weights not reachable"}
    assert set(rows) == {"hub:nobody/nothing", "bert", "use"}
    assert all(row["reason"] for row in rows.values())
    (record,) = [record for record in caplog.records if record.name.startswith("aisle.study")]
    assert len(record.getMessage()) < 160
    assert "bert, use, hub:nobody/nothing" in record.getMessage()


def test_nothing_but_encoders_out_of_reach(settings, make_rows):
    with pytest.raises(StudyError, match="none of the encoders could be used: bert: "):
        run_study(make_rows(SIZES), encoders="bert", settings=settings)


def test_an_encoder_that_gives_no_numbers(study, make_rows, monkeypatch):
    from aisle.encode.encoders import CorpusText

    plain = CorpusText.encode

    def encode(self, texts, *, threads=1):
        rows = plain(self, texts, threads=threads)
        if self.spec.name == "bow":
            rows[2] = np.nan
        return rows

    monkeypatch.setattr(CorpusText, "encode", encode)
    summary = study(make_rows(SIZES), encoders="bow,tfidf").summary
    reasons = {row["reason"] for row in summary["features"] if row["name"] == "bow"}
    assert reasons == {"its output for 1 products holds numbers that are not finite"}
    assert all(row["status"] == "ok" for row in summary["features"] if row["name"] == "tfidf")


def test_a_missing_library_is_told_before_the_work(settings, monkeypatch, make_rows):
    import sys

    from aisle.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr("aisle.study.run.read_catalog", refuse)
    with pytest.raises(MissingExtraError, match=r"aisle\[study\]"):
        run_study(make_rows(SIZES), settings=settings)


def test_a_library_that_one_encoder_needs(study, make_rows, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gensim.models", None)
    monkeypatch.setitem(sys.modules, "gensim", None)
    summary = study(make_rows(SIZES), encoders="word2vec,tfidf").summary
    (row,) = [row for row in summary["features"] if row["name"] == "word2vec"]
    assert row["status"] == "cannot be used"
    assert "aisle[study]" in row["reason"]

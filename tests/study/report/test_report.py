"""What a reader finds in the report, and what a hostile title cannot do to it."""

import json
import re
from html.parser import HTMLParser

import pytest

from aisle.study.report.render import notebook_html, render_report

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg onload=alert(1)>",
    "&lt;b&gt; \u2028 \ud800 \x00 ${alert(1)} {{ 7 * 7 }} ]]> <!--",
    "'; alert(1); //",
)
EXTERNAL = re.compile(r"^(?:[a-z]+:)?//|^(?:https?|ftp|javascript|file):", re.IGNORECASE)
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Reads a page the way a browser would, as far as these tests need it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.elements.append((tag, values))
        if tag == "script":
            self.scripts.append((values, ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            values, text = self.scripts[-1]
            self.scripts[-1] = (values, text + data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.elements if name == tag]


def read(study, **changes) -> Page:
    return Page(render_report(*study(**changes)))


def assert_inert(page: Page, *, scripts: int) -> None:
    assert len(page.scripts) == scripts
    for tag, values in page.elements:
        assert not [name for name in values if name.startswith("on")], (tag, values)
        assert tag not in ("iframe", "object", "embed", "link", "base", "form")
        for name in ("src", "href", "xlink:href", "action", "srcset", "data", "poster"):
            assert not EXTERNAL.match(values.get(name, "")), (tag, values)
        if tag == "img" and "src" in values:
            assert values["src"].startswith("data:image/webp;base64,")
        if tag == "a":
            assert values["href"].startswith("#")


def test_the_verdict_comes_first_and_the_numbers_are_those_of_the_summary(study):
    page = read(study)
    assert page.text.index("can tell these categories apart") < page.text.index("Each encoder alone")
    assert "An SVC is right for 95.7 % of the products" in page.text
    for wanted in ("0.583 ± 0.027", "0.671 ± 0.027", "95.7 %", "94.4 to 96.9", "94.5 %", "913 of 1050"):
        assert wanted in page.text, wanted
    assert "273 products in 83 groups, the largest of 21" in page.text
    assert "22 November 2026, 16:00 UTC" in page.text
    assert "8 min 32 s" in page.text


def test_the_best_variant_is_picked_by_the_mean_not_by_the_maximum(study):
    summary, details = study(modalities=("text",), unreachable=())
    lucky = next(row for row in summary["features"] if row["variant"] == "title, lemmatised")
    lucky |= {"name": "minilm", "title": "MiniLM-L6-v2", "ari_mean": 0.3, "ari_max": 0.999}
    table = render_report(summary, details).split("All 36 variants")[0]
    assert "0.583 ± 0.027" in table
    assert "0.999" not in table


def test_the_key_number_is_that_of_the_verdict_not_of_the_luckiest_row(study):
    summary, details = study(original=False)
    lucky = next(row for row in summary["classifier"] if row["features"] == "text")
    lucky["accuracy_mean"] = 0.991
    opening = Page(render_report(summary, details)).text.split("Each encoder alone")[0]
    assert re.search(r"classified right by a trained classifier\s+95\.7 %", opening)
    assert "99.1 %" not in opening


def test_the_original_study_stands_beside_its_own_catalogue_only(study):
    own, other = read(study), read(study, original=False)
    assert "Original, mean" in own.text
    assert "0.435" in own.text  # Word2Vec, in the notebook
    assert "original study" not in other.text.lower()
    assert "0.435" not in other.text


def test_unreachable_encoders_are_listed_with_their_reason(study):
    page = read(study)
    assert "weights not reachable" in page.text
    assert "cannot reach the model hub" in page.text
    assert "Not measured here" in page.text
    assert "0.551" in page.text  # what the notebook measured for it is still shown


def test_unreachable_encoders_of_one_modality_leave_the_other(study):
    photo = ("sift", "orb", "vgg16", "efficientnet-lite0-max", "resnet50-max")
    page = read(study, unreachable=photo, original=False)
    assert "0.583 ± 0.027" in page.text
    assert "0.489 ± 0.027" not in page.text


@pytest.mark.parametrize("modality", ["text", "photo"])
def test_one_modality_is_enough(study, modality):
    page = read(study, modalities=(modality,), original=False)
    assert_inert(page, scripts=2)
    assert "Text and photo together" not in page.text
    assert "The better clustering of each category" not in page.text
    assert "A trained classifier" in page.text


def test_a_study_without_details_still_has_a_report(study):
    summary, _ = study()
    page = Page(render_report(summary, {}))
    assert_inert(page, scripts=1)
    assert "0.583 ± 0.027" in page.text


def test_an_empty_summary_is_a_page_too():
    assert "The study gave no verdict." in Page(render_report({}, {})).text


def test_broken_photos_are_listed_with_the_reason_and_capped(study):
    summary, details = study()
    page = Page(render_report(summary, details))
    assert "broken-1" in page.text
    assert "truncated: the photo x.jpg is cut off" in page.text
    many = [{"id": f"b{i}", "code": "empty", "message": "m"} for i in range(120)]
    summary["catalog"]["photos_broken"] = many
    page = Page(render_report(summary, details))
    assert "b49" in page.text
    assert "b50" not in page.text
    assert "and 70 more" in page.text


def test_sixty_categories_stay_readable(study):
    page = read(study, products=600, categories=tuple(f"Category {i}" for i in range(60)), original=False)
    assert "other (37)" in page.text
    legends = [values for tag, values in page.elements if tag == "li" and "data-key" in values]
    assert len(legends) <= 6 * 32
    assert "Category 59" in page.text  # in the table of sizes


def test_titles_may_be_empty_or_of_any_script(study, photo):
    titles = ("", "ساعة يد للرجال", "時計 メンズ", "🕰️ e\u0301", "A" * 5000)
    page = read(study, titles=titles, photos=(photo, None))
    assert "ساعة يد للرجال" in page.text
    assert "(no title)" in page.text
    data = json.loads(page.scripts[0][1])
    assert data["products"][2][0] == "時計 メンズ"
    assert max(len(title) for title, *_ in data["products"]) < 300


def test_hostile_text_is_inert_wherever_it_stands(study):
    categories = tuple(f"{text} {i}" for i, text in enumerate(HOSTILE))
    summary, details = study(titles=HOSTILE, categories=categories)
    bad = HOSTILE[0] + HOSTILE[1]
    summary["verdict"] = {"feasible": bad, "sentence": bad, "points": [bad]}
    catalog = summary["catalog"]
    catalog |= {"source": bad, "notes": [bad], "small_categories": {bad: 1}}
    catalog["photos_broken"] = [{"id": bad, "code": bad, "message": bad}]
    for row in (*summary["features"], *summary["fused"]):
        row |= {"title": bad, "variant": bad, "name": bad + row["name"]}
    summary["features"][0] |= {"ari_mean": None, "status": bad, "reason": bad}
    for row in summary["classifier"]:
        row |= {"features": bad, "model": bad}
    for entry in (*details["maps"], *details["confusions"]):
        entry["title"] = bad
    details["confusions"][0] |= {"chosen": bad, "clusters": [bad] * len(categories)}
    text = render_report(summary, details)
    page = Page(text)
    assert_inert(page, scripts=2)
    text.encode("utf-8")
    data = json.loads(page.scripts[0][1])
    assert data["products"][0][0] == HOSTILE[0]
    assert "49" not in page.text.split("{{ 7 * 7 }}")[0][-40:]
    assert_inert(Page(notebook_html(summary, details)), scripts=0)


def test_the_page_forbids_itself_every_request_and_foreign_script(study):
    page = read(study)
    policy = next(values["content"] for values in page.all("meta") if "http-equiv" in values)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not re.search(r"url\(|@import", render_report(*study()))


def test_thumbnails_are_small_and_come_from_the_photos(study, photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a photo")
    page = read(study, photos=(photo, None, str(broken), str(tmp_path / "gone.jpg")))
    pictures = [picture for _, _, picture in json.loads(page.scripts[0][1])["products"]]
    assert pictures[0]
    assert not any(pictures[1:4])
    assert max(map(len, pictures)) <= 1600  # 1200 bytes in base64
    assert [values for values in page.all("img") if values.get("width") == "144"]


def test_without_any_photo_the_examples_say_so(study):
    page = read(study)
    assert "no photo" in page.text
    assert "Labelled Home Furnishing , looks like Computers" in page.text


def test_a_large_catalogue_is_sampled_and_the_caption_says_it(study):
    page = read(study, products=4400)
    assert "a sample of 4,000 of 4,400 products" in page.text
    assert len(json.loads(page.scripts[0][1])["products"]) == 4000


def test_every_drawing_and_table_has_a_name(study):
    page = read(study)
    drawings = [values for values in page.all("svg") if values.get("aria-hidden") != "true"]
    assert all(values.get("aria-label") for values in drawings)
    assert len(page.all("caption")) == len(page.all("table"))
    assert page.all("html")[0]["lang"] == "en"
    assert all("scope" in values for values in page.all("th"))


def test_the_notebook_view_needs_no_script_and_shows_the_verdict(study):
    page = Page(notebook_html(*study()))
    assert_inert(page, scripts=0)
    assert "can tell these categories apart" in page.text
    assert "0.583 ± 0.027" in page.text
    assert page.all("svg")

"""The page of a training: what it says, what it draws, and what a hostile name cannot do."""

import copy
import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")
pytestmark = pytest.mark.torch  # the package is imported with torch
pytest.importorskip("torch")

VOID = {"meta", "br", "hr"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag, kind=None):
        return [values for name, values in self.elements if name == tag and kind in (None, values.get("class"))]


def render(summary):
    from aisle.finetune.report import render_training

    return Page(render_training(summary))


def alone(summary, name, **changed):
    found = copy.deepcopy(summary)
    found["encoders"] = {name: found["encoders"][name] | changed}
    return found


def outcome(before, after, low, high):
    return {
        "before": {"right": before, "of": 211},
        "after": {"right": after, "of": 211},
        "difference": {"mean": (after - before) / 211, "low": low, "high": high},
    }


def test_it_says_what_was_tuned_and_whether_it_helped(summary):
    page = render(summary)
    assert "Tuning made the text encoder better; it may have made the photo encoder better" in page.text
    assert "cannot be told from chance" in page.text
    assert "learned from 836 products in 7 top categories; 211 others were held out" in page.text
    assert "91.5 % before; +4.7 points, 95 % interval +1.2 to +8.3" in page.text  # 193 and 203 of 211
    assert "5 min 12 s" in page.text
    assert "97 products have a near-duplicate" in page.text
    command = next(text for text in page.words if text.startswith("aisle train"))
    in_a_line = "aisle train CATALOG --out ENGINE --text-encoder ENCODER --photo-encoder ENCODER"
    assert " ".join(command.replace("\\\n", "").split()) == in_a_line


@pytest.mark.parametrize(
    ("changed", "headline", "advised"),
    [
        (outcome(190, 200, 0.01, 0.08), "Tuning made the text encoder better.", True),
        (outcome(190, 192, -0.02, 0.04), "Tuning may have made the text encoder better, which cannot be told", True),
        (outcome(190, 190, -0.02, 0.02), "Tuning did not make the text encoder better.", False),
        (outcome(190, 188, -0.03, 0.01), "Tuning did not make the text encoder better, rather worse.", False),
        (outcome(190, 170, -0.13, -0.06), "Tuning made the text encoder worse.", False),
        ({"before": None, "after": None, "difference": None}, "Tuning was not measured on the text encoder.", True),
    ],
)
def test_it_advises_against_what_is_no_better(summary, changed, headline, advised):
    page = render(alone(summary, "text", **changed))
    assert headline in page.text
    assert ("Do not use it" not in page.text) == advised
    assert ("Better not." not in page.text) == advised


def test_the_command_leaves_out_the_encoder_that_is_no_better(summary):
    summary["encoders"]["photo"] |= outcome(190, 170, -0.13, -0.06)
    page = render(summary)
    command = next(text for text in page.words if text.startswith("aisle train"))
    assert "--text-encoder" in command
    assert "--photo-encoder" not in command
    assert "The tuned photo encoder is left out" in page.text


def test_curves_have_a_point_for_every_epoch_and_mark_the_one_kept(summary):
    page = render(alone(summary, "photo"))  # 8 epochs, the sixth kept
    figures = page.all("svg")
    assert [figure["aria-label"].split(" of ")[0] for figure in figures] == ["Loss", "Validation accuracy"]
    lines = [values["points"].split() for values in page.all("polyline")]
    assert [len(points) for points in lines] == [8, 8, 8]
    for points in lines:
        across = [float(point.split(",")[0]) for point in points]
        assert across == sorted(across)
    rings = {(values["cx"], values["cy"]) for values in page.all("circle", "ring")}
    for points in lines:
        assert tuple(points[5].split(",")) in rings
        assert not any(tuple(points[other].split(",")) in rings for other in (0, 1, 2, 3, 4, 6, 7))
    kept = [values for values in page.all("tr") if values.get("class") == "kept"]
    assert len(kept) == 1
    assert "6 kept 0.517 0.850 88.5 % 46 s" in page.text


def test_lower_on_the_page_is_less(summary):
    page = render(alone(summary, "photo"))
    training, _, accuracy = [values["points"].split() for values in page.all("polyline")]
    downs = [float(point.split(",")[1]) for point in training]
    assert downs == sorted(downs)  # the loss falls, pixels count from the top
    assert float(accuracy[0].split(",")[1]) > float(accuracy[5].split(",")[1])


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_one_epoch_is_a_point_inside_the_frame(summary, accuracy):
    epochs = [summary["encoders"]["text"]["epochs"][0] | {"validation_accuracy": accuracy}]
    page = render(alone(summary, "text", epochs=epochs, best=1))
    for values in page.all("circle", "ring"):
        assert 0 <= float(values["cx"]) <= 360
        assert 25 <= float(values["cy"]) <= 222.5
    assert "1 of 1" in page.text


def test_a_joint_training_has_one_log(summary):
    page = render(summary | {"joint": True})
    assert len(page.all("svg")) == 2
    assert "Text and photo, trained together" in page.text


def test_what_came_before_has_a_log_of_its_own(summary):
    summary["pretuned"] = {"products": 11_225, "epochs": summary["encoders"]["text"]["epochs"], "best": 3}
    page = render(summary)
    assert len(page.all("svg")) == 6
    assert "11,225 labelled products of other catalogues" in page.text


def test_what_was_not_done_is_said(summary):
    page = render(alone(summary | {"near_duplicates": None}, "text", int8=None, parity=None))
    assert "A graph in 8 bits was not tried" in page.text
    assert "was not compared with what was trained" in page.text
    assert "near-duplicate in the catalogue" not in page.text
    assert "not offered: 1.05 times" in render(summary).text


def test_a_hostile_name_runs_nothing_and_nothing_is_fetched(summary):
    name = '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}'
    summary["catalog"] = name
    summary["encoders"]["text"] |= {"title": name, "name": name, "licence": name}
    summary["options"]["text_encoder"] = name
    page = render(summary)
    assert page.text.count("<script>alert(1)</script>") >= 4  # shown, not run
    assert "{{ 7 * 7 }}" in page.text
    policy = next(v["content"] for v in page.all("meta") if v.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    for tag, values in page.elements:
        assert tag not in {"script", "img", "iframe", "link", "base", "form", "a", "object", "embed"}
        assert not {"src", "href"} & set(values)
        assert not [name for name in values if name.startswith("on")]

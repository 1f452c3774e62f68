"""The card of a tuned encoder: counts and advice, inert whatever the catalogue is called."""

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")


def card(summary):
    from aisle.finetune.report import render_card

    return render_card(summary)


def test_it_says_where_it_comes_from_and_what_it_learned_from(summary):
    text = card(summary)
    assert "| text | MiniLM-L6-v2 | Apache-2.0 |" in text
    assert "836 of 1,047 labelled products" in text
    assert "3 depths (7, 62, 140)" in text
    assert "`seen.npy`" in text
    assert "epoch 6 of 8 was kept" in text


def test_figures_stand_before_and_after_with_their_interval(summary):
    text = card(summary)
    assert "| text | 91.5 % | 96.2 % | +4.7 points, 95 % interval +1.2 to +8.3 |" in text
    assert "Tuning **made the text encoder better**" in text
    assert "told from chance" in text
    assert "decided when training stopped and how much of the tuned weights was kept" in text
    assert "--text-encoder ENCODER \\\n    --photo-encoder ENCODER\n" in text


def test_worse_is_called_worse(summary):
    worse = {"before": {"right": 200, "of": 211}, "after": {"right": 180, "of": 211},
             "difference": {"mean": -0.095, "low": -0.14, "high": -0.05}}  # fmt: skip
    for encoder in summary["encoders"].values():
        encoder |= worse
    text = card(summary)
    assert "Tuning **made the photo encoder worse**. Do not use it" in text
    assert "Better not" in text
    assert "\N{MINUS SIGN}9.5 points" in text


def test_one_encoder_not_compared(summary):
    del summary["encoders"]["photo"]
    summary["encoders"]["text"] |= {"before": None, "after": None, "difference": None, "int8": None}
    text = card(summary)
    assert text.startswith("# An encoder tuned")
    assert "| text | — | — | — |" in text
    assert "--photo-encoder" not in text
    assert "was not tried" in text


def test_a_hostile_name_stays_text(summary):
    summary["catalog"] = "shop\n# Not a heading <img src=x> [link](javascript:alert(1)) | cell `code`"
    summary["encoders"]["text"]["title"] = "| cell"
    text = card(summary)
    assert not [line for line in text.splitlines() if line.startswith("# Not")]
    assert "\\<img src=x>" in text
    assert "\\[link\\](" in text
    assert "| text | \\| cell | Apache-2.0 |" in text


def test_other_parts_are_said(summary):
    summary |= {"joint": True, "near_duplicates": None, "pretuned": {"products": 11_225, "epochs": [], "best": 0}}
    text = card(summary)
    assert "trained together" in text
    assert "11,225 products of other catalogues" in text
    assert "have a near-duplicate among them" not in text

"""Style, script and pictures: which are served, how long they are kept, and whether they can be read by everybody."""

import re

import pytest

from aisle.serve.pages.assets import asset_url, assets


def brightness(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio (WCAG 2.2)."""
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "card", "wash", "tint")]
TEXT += [("on-accent", "accent"), ("good", "card"), ("good", "tint"), ("bad", "bad-tint"), ("bad", "card")]


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # the grey that just suffices


@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read_in_both_themes(variables, ink, ground):
    for theme in variables(assets()["aisle.css"].data.decode()):
        assert contrast(theme[ink], theme[ground]) >= 4.5


@pytest.mark.parametrize(("ink", "ground"), [("warn", "warn-tint"), ("soft", "hush"), ("ink", "hush"), ("bad", "card")])
def test_text_of_the_moderators_pages_can_be_read_in_both_themes(variables, ink, ground):
    base, own = (variables(assets()[name].data.decode()) for name in ("aisle.css", "review.css"))
    for theme in (one | other for one, other in zip(base, own, strict=True)):
        assert contrast(theme[ink], theme[ground]) >= 4.5


@pytest.mark.parametrize(
    ("line", "ground"), [("line", "paper"), ("line", "card"), ("accent", "card"), ("good", "card")]
)
def test_borders_of_fields_can_be_seen(variables, line, ground):
    for theme in variables(assets()["aisle.css"].data.decode()):
        assert contrast(theme[line], theme[ground]) >= 3


def test_every_colour_is_a_variable_of_both_themes(variables):
    css = assets()["aisle.css"].data.decode()
    light, dark = variables(css)
    assert all(light[name] != dark[name] for name in light)
    assert set(re.findall(r"var\(--([\w-]+)", css)) <= {*light, "radius"}
    assert not re.findall(r"#[0-9a-f]{3,8}\b", re.sub(r":root \{.*?\}", "", css, flags=re.DOTALL))


def test_style_asks_nobody_and_heeds_the_reader():
    css = assets()["aisle.css"].data.decode()
    assert "url(" not in css
    assert "@import" not in css
    assert "prefers-reduced-motion" in css
    assert ":focus-visible" in css


def test_the_script_builds_no_markup_from_text():
    script = b"".join(asset.data for name, asset in assets().items() if name.endswith(".js")).decode()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|https?://", script
    )


def test_assets_are_kept_for_ever_under_a_name_with_their_hash(client):
    hashed = client.get(asset_url("aisle.css"))
    plain = client.get("/assets/aisle.css")
    assert hashed.content == plain.content
    assert "immutable" in hashed.headers["cache-control"]
    assert plain.headers["cache-control"] == "public, no-cache"
    assert hashed.headers["content-type"] == "text/css; charset=utf-8"
    again = client.get("/assets/aisle.css", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/assets/aisle.css", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "name", ["assets.py", "..%2fassets.py", "%2e%2e/assets.py", "aisle.000000000000.css", "", "%00"]
)
def test_nothing_else_is_an_asset(client, name):
    assert client.get(f"/assets/{name}").status_code == 404


def test_pages_may_load_what_they_name(seller):
    page = seller.get("/sell").text
    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
    assert {name.rsplit(".", 1)[1] for name in named} == {"css", "js", "svg"}
    assert all(seller.get(name).status_code == 200 for name in named)

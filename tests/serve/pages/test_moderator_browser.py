"""Moderating in a real browser: by keys, by the picker, without scripts, and against those who mean harm."""

import pytest
from sqlalchemy import text
from tests.moderating import decided

pytest.importorskip("playwright")
pytestmark = pytest.mark.browser

WRIST, BELTS = ["Watches", "Wrist Watches"], ["Bags & Belts", "Belts"]

HOSTILE = ["<script>document.title='ran'</script>", '"><img src=x onerror="document.title=`ran`">', "\u202egnp.exe",
             "W" * 500, "\U0001f9f8" * 60]  # fmt: skip


@pytest.fixture
def moderate(chromium, address, keys):
    """Return a function that opens a page for a moderator; what asks elsewhere, or raises, fails the test."""
    odd, contexts = [], []

    def open_page(name="review", place="/review", **options):
        context = chromium.new_context(base_url=address, locale="en-GB", **options)
        contexts.append(context)
        context.add_cookies([{"name": "aisle", "value": getattr(keys, name).token, "url": address}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda sent: None if sent.url.startswith(address) else odd.append(sent.url))
        page.on("pageerror", lambda error: odd.append(str(error)))
        page.on("dialog", lambda dialog: (odd.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda told: odd.append(told.text) if "Content Security Policy" in told.text else None)
        page.goto(place)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert odd == []


def press(page, key, item):
    """Press a key, and wait until an item is shown."""
    page.keyboard.press(key)
    page.wait_for_selector(f"#item[data-product={item}]")


def test_by_keys_alone(moderate, fill, database, wait_for):
    fill("a", "b", "c", "d")
    page = moderate()
    press(page, "1", "b")
    assert decided(database) == [("a", "accept", WRIST)]
    assert page.evaluate("document.activeElement.id") == "item-name"
    wait_for(lambda: "filed under Watches" in page.text_content("#announce"))
    press(page, "2", "c")
    press(page, "n", "d")
    press(page, "s", "d")  # the only one left comes again
    assert decided(database)[1:] == [("b", "change", BELTS), ("c", "none", None), ("d", "skip", None)]
    press(page, "u", "d")
    press(page, "u", "c")
    press(page, "u", "b")
    assert decided(database) == [("a", "accept", WRIST)]


def test_the_picker_by_keyboard(moderate, fill, database, wait_for):
    fill("a", "b")
    page = moderate()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    assert page.input_value("#find") == ""
    page.keyboard.type("1 s u n")  # keys are letters in a field
    wait_for(lambda: page.text_content("#found-status") == "No category has all of these words.")
    assert page.input_value("#find") == "1 s u n"
    page.keyboard.press("Control+a")
    page.keyboard.type("filters")
    page.wait_for_selector("[role=option] >> nth=1")
    assert page.get_attribute("#find", "aria-activedescendant") == "found-1"
    page.keyboard.press("ArrowDown")
    picked = page.get_attribute("[role=option][aria-selected=true]", "data-value")
    page.keyboard.press("Escape")
    assert page.get_attribute("#find", "aria-expanded") == "false"
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("[role=option] >> nth=1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#item[data-product=b]")
    with database.read() as c:
        assert [row.path.replace(", ", ",") for row in c.execute(text("SELECT path FROM decisions"))] == [picked]


def test_keys_with_modifiers_do_nothing(moderate, fill, database):
    fill("a", "b")
    page = moderate()
    for key in ("Control+1", "Alt+1", "Meta+1", "Shift+s", "x", "9"):
        page.keyboard.press(key)
    assert page.get_attribute("#item", "data-product") == "a"
    assert decided(database) == []


def test_an_impatient_hand_decides_one_item(moderate, fill, database):
    fill("a", "b", "c")
    page = moderate()
    page.evaluate("for (let i = 0; i < 5; i++) document.querySelector('.choice').click()")
    page.wait_for_selector("#item[data-product=b]")
    assert decided(database) == [("a", "accept", WRIST)]


def test_two_people_never_see_the_same_item(moderate, fill):
    fill("a", "b", "c", "d")
    anna, ben = moderate(), moderate("all")
    seen = {page.get_attribute("#item", "data-product") for page in (anna, ben)}
    assert seen == {"a", "b"}
    press(anna, "1", "c")
    press(ben, "1", "d")


def test_a_claim_that_ends_is_said_in_place(moderate, fill):
    fill("a")
    page = moderate()
    page.clock.install()
    page.reload()
    beats = []
    page.on("response", lambda answer: beats.append(answer.status) if "heartbeat" in answer.url else None)
    page.clock.run_for(100_000)
    page.mouse.move(50, 50)
    page.mouse.move(60, 60)
    page.wait_for_timeout(300)
    assert beats == [204]
    page.clock.run_for(299_000)
    assert page.inner_text("#lapsed") == ""
    page.clock.run_for(2_000)
    assert "somebody else may take it" in page.inner_text("#lapsed")
    page.click("#lapsed a")
    page.wait_for_selector("#lease:has-text('Yours for 5 minutes')")


def test_without_a_script(moderate, fill, database):
    fill("a", "b", "c")
    page = moderate(java_script_enabled=False)
    assert not page.is_visible("kbd >> nth=0")
    page.click("#decide .choice >> nth=0")
    page.fill("#find", "pots")
    page.click("#choose button")
    page.click(".found-list .choice >> nth=0")
    page.click("button:has-text('Skip')")
    page.click("#last button")
    assert decided(database) == [("a", "accept", WRIST), ("b", "change", ["Kitchen", "Pots"])]
    assert page.get_attribute("#item", "data-product") == "c"


@pytest.mark.parametrize("width", [320, 1280])
def test_hostile_titles_are_text_and_fit(moderate, fill, width):
    for number, title in enumerate(HOSTILE):
        fill(f"item{number}", title=title)
    page = moderate(viewport={"width": width, "height": 800})
    for _ in HOSTILE:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.title() == "Review · Aisle"
        page.keyboard.press("n")
        page.wait_for_selector("#last.fresh")
    for place in ("/review/queue", "/review/item/item3", "/review/figures"):
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.title() != "ran"


def test_nothing_waits(moderate, fill):
    page = moderate()
    assert page.inner_text("h1") == "Nothing waits"
    assert page.evaluate("document.activeElement.id") == "item-name"

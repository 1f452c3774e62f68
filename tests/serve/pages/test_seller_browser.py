"""Posting an item in a real browser: by mouse, by keyboard, without scripts, and against those who mean harm."""

import pytest

pytest.importorskip("playwright")
pytestmark = pytest.mark.browser

MUG = '["Kitchen","Mugs"]'


def test_by_mouse(visit, answers, rows, picture, wait_for):
    answers.answer = answers.predicted("accept")
    page = visit()
    page.set_input_files("#photo", picture)
    assert page.locator("#preview").get_attribute("src").startswith("blob:")
    page.locator("#title").press_sequentially("acme mug")
    page.locator(f"input[value='{MUG}']:checked").wait_for()
    assert "80 times in 100" in page.inner_text("#suggestions")
    wait_for(lambda: page.input_value("input[name=photo_kept]"))
    page.click("summary:has-text('Why?')")
    assert "analog" in page.inner_text("#reasons")
    page.click("summary:has-text('Details')")
    page.fill("[name=name] >> nth=0", "Brand")
    page.fill("[name=value] >> nth=0", "Acme")
    page.click("label[for=choice-2]")
    page.click("#post")
    page.wait_for_selector("#posted")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    (product,) = rows("products")
    assert (product.title, product.attributes) == ("acme mug", {"Brand": "Acme"})
    assert product.photo
    assert rows("decisions")[0].path == ["Kitchen", "Pots"]


def test_by_keyboard_alone(visit, answers, rows, wait_for):
    page = visit()
    keyboard = page.keyboard
    reached = []

    def tab_to(selector):
        for _ in range(40):
            keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab: {reached}")

    tab_to("#photo")
    tab_to("#title")
    keyboard.type("acme mug")
    keyboard.press("Enter")  # posts nothing
    page.wait_for_selector("#choice-1")
    tab_to("#description")
    keyboard.type("it holds tea")
    wait_for(lambda: answers.asked[-1].description == "it holds tea")
    wait_for(lambda: page.get_attribute("#suggestions", "aria-busy") != "true")
    tab_to("[name=choice]")
    keyboard.press("Space")
    assert page.is_checked("#choice-1")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert page.is_checked("#choice-none")
    tab_to("#find")
    keyboard.type("filters")
    page.wait_for_selector("[role=option] >> nth=1")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowUp")
    assert page.get_attribute("#find", "aria-expanded") == "true"
    assert page.get_attribute("#find", "aria-activedescendant") == "found-1"
    first = page.get_attribute("#found-1", "data-text")
    keyboard.press("Escape")
    assert page.get_attribute("#find", "aria-expanded") == "false"
    assert page.input_value("#find") == "filters"
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    assert page.input_value("#find") == first
    assert rows("products") == []
    tab_to("#post")
    keyboard.press("Enter")
    page.wait_for_selector("#posted")
    assert " > ".join(rows("decisions")[0].path) == first


@pytest.mark.parametrize("width", [320, 1280])
def test_without_scripts(visit, answers, rows, picture, width):
    answers.answer = answers.predicted("accept")
    page = visit(java_script_enabled=False, viewport={"width": width, "height": 800})
    page.set_input_files("#photo", picture)
    page.fill("#title", "acme mug")
    assert not page.is_visible("#post")
    page.press("#title", "Enter")
    assert page.is_checked("#choice-1")
    assert page.get_attribute("#preview", "src").startswith("/photos/")
    page.check("#choice-none")
    page.fill("#find", "skin")
    page.click("button[value=find]")
    page.check("[name=picked]")
    page.click("#post")
    assert page.is_visible("#posted")
    (product,) = rows("products")
    assert product.photo
    assert rows("decisions")[0].path == ["Phones", "Skins"]


def test_the_latest_answer_wins(visit, answers, wait_for):
    """The first question is answered last, by a browser that cannot abort."""
    answers.answer = lambda product: answers.predicted(
        leaf=("Kitchen", "Mugs"), alternatives=((("Kitchen", "Pots" if "pot" in product.title else "Mugs"), 0.6),)
    )
    answers.seconds = lambda product: 0.0 if "pot" in product.title else 1.5
    page = visit(init="AbortController.prototype.abort = () => {}")
    page.fill("#title", "mug")
    wait_for(lambda: len(answers.asked) == 1)
    page.fill("#title", "pot")
    page.wait_for_selector("#choice-1")
    assert "Pots" in page.inner_text("#suggestions")
    page.wait_for_timeout(2000)
    assert "Pots" in page.inner_text("#suggestions")
    assert "Mugs" not in page.inner_text("#suggestions")


def test_typing_asks_once(visit, answers):
    page = visit()
    page.locator("#title").press_sequentially("a red ceramic mug", delay=20)
    page.wait_for_selector("#choice-1")
    page.wait_for_timeout(600)
    assert [product.title for product in answers.asked] == ["a red ceramic mug"]
    assert page.inner_text("#status").startswith("2 suggestions. The first: Kitchen > Mugs.")


def test_what_was_chosen_outlives_new_suggestions(visit, answers, wait_for):
    answers.answer = answers.predicted("accept")
    page = visit()
    page.fill("#title", "mug")
    page.click("label[for=choice-2]")
    answers.answer = answers.predicted("accept", alternatives=((("Kitchen", "Mugs"), 0.9),))
    page.fill("#title", "a mug")
    wait_for(lambda: answers.asked[-1].title == "a mug")
    page.wait_for_selector("text=Your choice")
    assert page.locator("input[name=choice]:checked").get_attribute("value") == '["Kitchen","Pots"]'


PAYLOAD = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>{{7*7}}"


@pytest.mark.parametrize("scripts", [True, False])
def test_titles_that_mean_harm(visit, answers, rows, scripts):
    from aisle.product import Evidence, Neighbour

    neighbour = Neighbour(id="1", title=PAYLOAD, category=("Kitchen", PAYLOAD), similarity=0.5)
    evidence = Evidence(shares={PAYLOAD: 1.0}, terms=((PAYLOAD, 1.0),), nearest=(neighbour,))
    answers.answer = answers.predicted(evidence=evidence)
    page = visit(java_script_enabled=scripts)
    page.fill("#title", PAYLOAD)
    page.fill("#description", PAYLOAD)
    if not scripts:
        page.click(".actions button[value=suggest]")
    page.click("summary:has-text('Why?')")
    assert PAYLOAD in page.inner_text("#reasons")
    page.click("#post")
    page.wait_for_selector("#posted")
    assert PAYLOAD in page.inner_text("#posted")
    assert page.locator("img, svg").count() == 2  # the mark and the tick
    assert rows("products")[0].title == PAYLOAD


def test_impatience_posts_once(visit, answers, rows):
    answers.seconds = lambda _: 0.3
    page = visit()
    page.fill("#title", "mug")
    page.wait_for_selector("#choice-1")
    page.evaluate("for (let n = 0; n < 5; n++) document.getElementById('post').click()")
    page.wait_for_selector("#posted")
    assert len(rows("products")) == 1


def test_what_goes_wrong_leaves_everything_in_place(visit, answers, rows, picture, tmp_path):
    from aisle.serve.problems import Problem

    page = visit()
    text = tmp_path / "notes.txt"
    text.write_text("no photo")
    page.set_input_files("#photo", text)
    assert "cannot be read as a photo" in page.inner_text("#photo-trouble")
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(picture.read_bytes()[:3000])
    page.set_input_files("#photo", damaged)
    page.wait_for_selector("#photo-trouble >> text=damaged")
    page.set_input_files("#photo", picture)
    page.fill("#title", "mug")
    page.wait_for_selector("#choice-1")
    answers.error = Problem(503, "busy", "busy", "busy", retry_after=1)
    page.click("#post")
    page.wait_for_selector("#category-error")
    assert page.input_value("#title") == "mug"
    answers.error = None
    page.context.set_offline(True)
    page.click("#post")
    page.wait_for_selector("#trouble >> text=No connection")
    page.context.set_offline(False)
    page.context.clear_cookies()
    page.click("#post")
    page.wait_for_selector("#trouble >> text=You are not signed in")
    assert page.get_attribute("#trouble a", "href") == "/sign-in"
    assert page.input_value("#title") == "mug"
    assert rows("products") == []


def test_a_photo_is_dropped_and_removed(visit, answers, photo, wait_for):
    page = visit()
    page.evaluate(
        """data => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(data)], "a.jpg", { type: "image/jpeg" }));
          const zone = document.querySelector(".drop");
          zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        list(photo()),
    )
    wait_for(lambda: page.input_value("input[name=photo_kept]"))
    wait_for(lambda: answers.asked and answers.asked[-1].photo is not None)
    page.click("#remove")
    assert page.evaluate("document.activeElement.id") == "photo"
    assert page.input_value("input[name=photo_kept]") == ""
    assert not page.is_visible("#preview")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_never_scrolls_sideways(visit, answers, width, scheme):
    long = "W" * 120
    answers.answer = answers.predicted(alternatives=(((long, long), 0.5), (("Kitchen", "Mugs"), 0.4)))
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.fill("#title", long)
    page.wait_for_selector("#choice-1")
    page.click("summary:has-text('Why?')")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    small = page.evaluate(
        "[...document.querySelectorAll('.button, .option > label, #title')].filter((each) => each.checkVisibility()"
        " && each.getBoundingClientRect().height < 44).map((each) => each.outerHTML)"
    )
    assert small == []  # a finger meets them

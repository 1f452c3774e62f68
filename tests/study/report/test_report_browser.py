"""The report in a real browser: nothing foreign runs, and pointing at a product shows it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aisle.study.report.render import render_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=4000",
    "--dump-dom",
]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
HOSTILE = (
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "<svg onload=\"document.title='owned'\">",
)


def run(page: str, folder: Path, *, script: str, width: int = 1200) -> str:
    """Open a page that runs one more script, and return the document that it leaves."""
    path = folder / "report.html"
    path.write_text(POLICY.sub("", page).replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def point_at(selector: str) -> str:
    return f"""
      const point = document.querySelector({selector!r});
      point.scrollIntoView({{block: "center"}});
      const box = point.getBoundingClientRect();
      point.dispatchEvent(new PointerEvent("pointermove", {{bubbles: true, pointerType: "mouse",
        clientX: box.left + box.width / 2, clientY: box.top + box.height / 2}}));
    """


def card(document: str) -> str:
    found = re.search(r'<div id="card".*?</div></div>', document, flags=re.DOTALL)
    assert found
    return found[0]


def test_hostile_titles_run_no_script_even_without_the_policy(study, tmp_path):
    page = render_report(*study(titles=HOSTILE, categories=tuple(f"{text}{i}" for i, text in enumerate(HOSTILE))))
    document = run(page, tmp_path, script=point_at('.map [data-p="0"]'))
    assert "<title>Feasibility study" in document
    assert "&lt;script&gt;document.title" in card(document)


def test_pointing_at_a_product_shows_it_and_rings_it_in_both_maps(study, tmp_path, photo):
    page = render_report(*study(photos=(photo,)))
    document = run(page, tmp_path, script=point_at('.map [data-p="12"]'))
    shown = card(document)
    assert "hidden" not in shown.split(">")[0]
    assert re.search(r"Product \d+<", shown)
    assert "data:image/webp;base64," in shown
    assert document.count('class="ring"') == 2


def test_arrow_keys_walk_and_the_legend_hides(study, tmp_path):
    script = """
      const map = document.querySelector(".map");
      map.focus();
      map.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
      const first = document.querySelector("#card .name").textContent;
      map.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
      const second = document.querySelector("#card .name").textContent;
      document.querySelector(".legend [role=button]").click();
      const hidden = document.querySelectorAll("figure.maps:first-of-type .map .pt.off").length;
      document.title = JSON.stringify([first !== "" && second !== "" && first !== second, hidden > 0]);
    """
    document = run(render_report(*study()), tmp_path, script=script)
    assert "<title>[true,true]</title>" in document


def test_the_page_itself_runs_under_its_own_policy(study, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render_report(*study()), encoding="utf-8")
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    document = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'aria-pressed="true"' in document


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_never_scrolls_sideways(study, tmp_path, width):
    # A headless window cannot be narrower than 500 pixels, so the page is looked at through a frame.
    script = f"""
      if (window === top) {{
        const frame = document.createElement("iframe");
        frame.style.cssText = "position:fixed;left:0;top:0;border:0;height:800px;width:{width}px";
        frame.onload = () => {{
          const root = frame.contentDocument.documentElement;
          for (const part of root.querySelectorAll("details")) part.open = true;
          document.title = root.scrollWidth + " of " + root.clientWidth;
        }};
        frame.srcdoc = document.documentElement.outerHTML;
        document.body.append(frame);
      }}
    """
    sentence = "Yes: " + "donaudampfschifffahrtsgesellschaft" * 3
    summary, details = study(categories=("A category with a rather long name of its own" * 2, "B", "C"))
    summary["verdict"]["sentence"] = sentence
    document = run(render_report(summary, details), tmp_path, script=script)
    assert re.findall(r"<title>(.*?)</title>", document)[0] == f"{width} of {width}"

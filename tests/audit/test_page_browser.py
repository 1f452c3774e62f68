"""The page of an audit in a real browser."""

import re
import shutil
import subprocess

import pytest

from aisle.audit.report import render_audit

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.browser
OPTIONS = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def run(page, folder, *, script):
    """Open a page that runs one more script, and return the title that it leaves."""
    path = folder / "audit.html"
    path.write_text(POLICY.sub("", page).replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    command = [CHROMIUM, *OPTIONS, "--virtual-time-budget=4000", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    return re.findall(r"<title>(.*?)</title>", done.stdout)[0]


def test_a_filter_leaves_what_it_names_and_a_title_runs_nothing(found, tmp_path):
    script = """
      const shown = () => [...document.querySelectorAll(".suspect")].filter((item) => item.offsetHeight > 0);
      const all = shown().length;
      document.querySelector('[data-key="wrong-label"]').click();
      const wrong = shown().every((item) => item.querySelector(".kind").textContent === "wrong label");
      const some = shown().length;
      const category = document.getElementById("category");
      category.value = "Garden";
      category.dispatchEvent(new Event("change"));
      const given = shown().map((item) => item.dataset.given);
      document.title = JSON.stringify([all, wrong, some, given]);
    """
    count = sum(suspect.kind == "wrong label" for suspect in found.suspects)
    garden = sum(suspect.kind == "wrong label" and suspect.given == ("Garden",) for suspect in found.suspects)
    names = ",".join(['"Garden"'] * garden)
    assert run(render_audit(found), tmp_path, script=script) == f"[{len(found.suspects)},true,{count},[{names}]]"


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_never_scrolls_sideways(found, tmp_path, width):
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
    assert run(render_audit(found), tmp_path, script=script) == f"{width} of {width}"

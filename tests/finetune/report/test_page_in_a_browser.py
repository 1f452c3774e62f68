"""The page of a training in a real browser, on a desk and on a phone."""

import re
import shutil
import subprocess

import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.browser]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
SCRIPT = """
if (window === top) {
  const frame = document.createElement("iframe");
  frame.style.cssText = "position:fixed;left:0;top:0;border:0;height:800px;width:WIDTHpx";
  frame.onload = () => {
    const root = frame.contentDocument.documentElement;
    const wide = [...root.querySelectorAll("main *")].filter(
      (item) => !item.closest(".scroll, pre, svg") && item.getBoundingClientRect().right > WIDTH + 1);
    const figures = [...root.querySelectorAll("figure svg")].filter((item) => item.clientWidth > 200).length;
    document.title = [root.scrollWidth <= WIDTH, wide.length, figures].join();
  };
  frame.src = location.href;
  document.body.append(frame);
}
"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_never_scrolls_sideways(summary, tmp_path, width):
    from aisle.finetune.report import render_training

    summary["catalog"] = "a-catalogue-with-" + "a-very-long-name-" * 12
    path = tmp_path / "training.html"
    script = SCRIPT.replace("WIDTH", str(width))  # a headless window has 500 pixels at least: hence the frame
    page = POLICY.sub("", render_training(summary)).replace("</body>", f"<script>{script}</script></body>")
    path.write_text(page, encoding="utf-8")
    command = [CHROMIUM, *OPTIONS, "--allow-file-access-from-files", "--virtual-time-budget=4000"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert re.findall(r"<title>(.*?)</title>", done.stdout)[0] == "true,0,4"

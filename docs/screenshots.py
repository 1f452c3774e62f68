"""Takes the screenshots of the service's pages: python docs/screenshots.py [DIR], with an `aisle demo` in DIR.

Starts `aisle demo DIR --serve`, signs in, looks at each page as a person would, and writes docs/images/*.png. Needs
Debian's chromium.
"""

import csv
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
PORT = 8141
WIDE, PHONE = {"width": 1200, "height": 860}, {"width": 390, "height": 844}


def main(folder: str) -> None:
    """Start the demo, take all pictures, stop it."""
    command = [Path(sys.executable).parent / "aisle", "demo", folder, "--serve", "--port", str(PORT)]
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        links = read_links(service)
        IMAGES.mkdir(exist_ok=True)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            seller(browser, links["demo seller"], find_photo(Path(folder) / "new-products"))
            moderator(browser, links["demo moderator"])
    finally:
        service.terminate()
        service.wait()


def read_links(service: subprocess.Popen) -> dict[str, str]:
    """Return who signs in where, once the service listens."""
    links = {}
    for line in service.stderr:
        found = re.search(r"(demo \w+)\s+(http://\S+/sign-in/\S+)", line)
        if found:
            links[found[1]] = found[2]
        if line.startswith("Serving on"):
            return links
    raise SystemExit("the demo did not start")


def find_photo(sample: Path) -> Path:
    """Return a photo of a wrist watch."""
    with (sample / "catalog.csv").open(encoding="utf-8", errors="replace", newline="") as rows:
        for row in csv.DictReader(rows):
            if (row["category"] or "").endswith("Wrist Watches") and row["photo"].endswith(".jpg"):
                return sample / row["photo"]
    raise SystemExit("the sample holds no watch")


def signed_in(browser: Browser, link: str, *, scheme: str, size: dict[str, int]) -> Page:
    """Open a page of somebody who has used a link."""
    page = browser.new_context(viewport=size, color_scheme=scheme, locale="en").new_page()
    page.goto(link)
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


def seller(browser: Browser, link: str, photo: Path) -> None:
    """Type an item, and look at what is suggested."""
    page = signed_in(browser, link, scheme="light", size=WIDE)
    page.set_input_files("input[type=file]", photo)
    page.fill("input[name=title]", "Steel analog wrist watch for men")
    page.wait_for_timeout(3000)
    page.locator("details", has_text="Why").first.locator("summary").click()
    page.screenshot(path=IMAGES / "seller.png")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=IMAGES / "seller-phone.png")


def moderator(browser: Browser, link: str) -> None:
    """Look at an item of the queue, at the queue and at the figures."""
    page = signed_in(browser, link, scheme="light", size=WIDE)
    for name, place in (("review", "/review"), ("queue", "/review/queue"), ("figures", "/review/figures")):
        page.goto(f"http://127.0.0.1:{PORT}{place}")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / f"{name}.png")
    page.goto(f"http://127.0.0.1:{PORT}/review?lang=fr")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / "review-phone.png")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "demo")

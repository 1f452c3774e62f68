"""A moderator who opens pages and presses their buttons, and what came of it."""

import json
import re
from html.parser import HTMLParser

from sqlalchemy import text

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Forms(HTMLParser):
    """The forms of a page: where each goes, its fields, and its buttons."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append({"action": given["action"], "fields": {}, "buttons": []})
        elif tag == "input" and self.found:
            self.found[-1]["fields"][given["name"]] = given.get("value", "")
        elif tag == "button" and self.found and "value" in given:
            self.found[-1]["buttons"].append(given["value"])

    def to(self, end):
        return next(form for form in self.found if form["action"].endswith(end))


class Person:
    """Somebody who is signed in."""

    def __init__(self, client, key):
        self.client = client
        self.headers = {**key.cookie, **SAME_ORIGIN, "Accept": "text/html"}

    def open(self, address="/review"):
        self.client.cookies.clear()
        answer = self.client.get(address, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, form, **more):
        self.client.cookies.clear()
        return self.client.post(form["action"], headers=self.headers, data={**form["fields"], **more})

    def answer(self, page, choice=0):
        form = Forms(page).to("/decide")
        return self.send(form, choice=form["buttons"][choice] if isinstance(choice, int) else choice)

    def press(self, page, end):
        return self.send(Forms(page).to(end))


def rows(database, statement):
    with database.read() as c:
        return [tuple(row) for row in c.execute(text(statement))]


def decided(database):
    found = rows(database, "SELECT product_id, kind, path FROM decisions WHERE undone_at IS NULL ORDER BY id")
    return [(product, kind, path and json.loads(path)) for product, kind, path in found]


def shown(page):
    return re.search(r'data-product="([^"]*)"', page)[1]

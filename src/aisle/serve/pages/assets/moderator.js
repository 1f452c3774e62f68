// The moderator pages: keys for the buttons, a search that answers while somebody types, and a claim that lasts while
// the page is used. Without this script every button and the search work as plain forms.
"use strict";

const PAUSE = 120; // milliseconds without a key before the taxonomy is asked
const BEATS = 5; // times within a lease that a claim in use is lengthened
const LATE = 60; // seconds before the end of a claim that are marked

document.documentElement.classList.add("script");

const isField = (element) => element?.closest?.("input, textarea, select, [contenteditable]");

/** Return the key of a button that a keyboard event means; digits also where a layout has them on the second level. */
function keyOf(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return "";
  if (/^[1-9/]$/.test(event.key)) return event.key;
  if (event.shiftKey) return "";
  const digit = /^Digit([1-9])$/.exec(event.code);
  return digit ? digit[1] : event.key.toLowerCase();
}

/** Answers: by button or by key, once; a second press does nothing. */
function answerByKey() {
  let sent = false;
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    event.submitter?.classList.add("pressed");
    document.getElementById("item")?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // another item may be claimed by now
  });
  document.addEventListener("keydown", (event) => {
    if (isField(event.target)) return;
    const key = keyOf(event);
    if (key === "/") {
      const field = document.getElementById("find");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
      return;
    }
    const button = key && document.querySelector(`button[data-key="${CSS.escape(key)}"]`);
    if (!button || sent) return;
    event.preventDefault();
    button.click();
  });
}

/** The claim: lengthened while the page is used; when it has ended, that is said in place. */
class Claim {
  constructor(item) {
    this.item = item;
    this.seconds = Number(item.dataset.lease);
    this.words = document.getElementById("lease");
    this.lapsed = document.getElementById("lapsed");
    this.begin();
    for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "touchmove"]) {
      document.addEventListener(name, () => this.use(), { passive: true });
    }
    this.timer = setInterval(() => this.tick(), 1000);
  }

  begin() {
    this.from = performance.now();
    this.beat = this.from;
    this.show();
  }

  get left() {
    return this.seconds - (performance.now() - this.from) / 1000;
  }

  async use() {
    if (this.ended || performance.now() - this.beat < (1000 * this.seconds) / BEATS) return;
    this.beat = performance.now();
    try {
      const answer = await fetch(this.item.dataset.heartbeat, { method: "POST" });
      if (answer.status === 204) this.begin();
      else if (answer.status === 409 || answer.status === 404) this.end();
    } catch {
      // no connection: the claim runs on, and is tried again
    }
  }

  tick() {
    if (this.left <= 0) this.end();
    else this.show();
  }

  show() {
    const { left, minute, minutes } = this.words.dataset;
    const number = Math.round(this.left / 60);
    this.words.textContent = left.replace("{time}", number < 2 ? minute : minutes.replace("{number}", number));
    this.words.classList.toggle("soon", this.left < LATE);
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.words.textContent = "";
    const line = document.createElement("p");
    const link = document.createElement("a");
    link.href = this.lapsed.dataset.address;
    link.textContent = this.lapsed.dataset.again;
    line.append(this.lapsed.dataset.text, " ", link);
    this.lapsed.replaceChildren(line);
  }
}

/** The search for a category: a list below the field; what is picked is the answer. */
class Chooser {
  constructor(form) {
    this.form = form;
    this.input = document.getElementById("find");
    this.box = document.getElementById("found");
    this.status = document.getElementById("found-status");
    this.sequence = 0;
    this.active = -1;
    this.open = false;
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "found",
    })) this.input.setAttribute(name, value);
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), PAUSE);
    });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    this.box.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    this.box.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.pick(option);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  get options() {
    return [...this.box.querySelectorAll("[role=option]")];
  }

  async search() {
    clearTimeout(this.timer);
    const mine = ++this.sequence;
    if (!this.input.value.trim()) {
      this.close();
      return;
    }
    try {
      const asked = this.input.value;
      const query = new URLSearchParams({ search: asked });
      const answer = await fetch(`${this.form.dataset.taxonomy}?${query}`, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== this.sequence) return;
      const found = page.querySelector("ul[data-status]");
      if (!found) throw new Error(`status ${answer.status}`);
      this.show([...found.children], found.dataset.status, asked);
    } catch {
      if (mine === this.sequence) this.say(this.form.dataset.offline);
    }
  }

  show(items, status, asked) {
    if (!items.length) {
      this.say(status);
      return;
    }
    const list = Object.assign(document.createElement("ul"), { id: "found-list" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.input.placeholder);
    list.append(...items.map((item) => document.adoptNode(item)));
    this.box.replaceChildren(list);
    this.open = true;
    this.searched = asked;
    this.input.setAttribute("aria-expanded", "true");
    this.status.textContent = status;
    this.mark(0);
  }

  say(text) {
    this.close();
    this.status.textContent = text;
    const line = Object.assign(document.createElement("p"), { className: "card small", textContent: text });
    line.setAttribute("aria-hidden", "true"); // the status says it
    this.box.replaceChildren(line);
  }

  close() {
    this.sequence += 1;
    clearTimeout(this.timer);
    this.open = false;
    this.active = -1;
    this.box.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  mark(place) {
    const options = this.options;
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = place;
    options[place].setAttribute("aria-selected", "true");
    options[place].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", options[place].id);
  }

  key(event) {
    const many = this.options.length;
    if (event.isComposing) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !event.altKey) {
      event.preventDefault();
      if (!this.open) this.search();
      else this.mark((this.active + (event.key === "ArrowDown" ? 1 : -1) + many) % many);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (event.repeat) return;
      if (this.open && this.searched === this.input.value) this.pick(this.options[this.active]);
      else this.search();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.box.firstChild) this.close();
      else {
        this.input.value = "";
        document.getElementById("item-name").focus();
      }
    }
  }

  pick(option) {
    const decide = document.getElementById("decide");
    const button = Object.assign(document.createElement("button"), {
      type: "submit", name: "choice", value: option.dataset.value, hidden: true,
    });
    decide.append(button);
    this.input.value = option.dataset.text;
    this.close();
    decide.requestSubmit(button);
  }
}

/** Moments in the reader's own zone and language. */
function localTimes() {
  const language = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const written = time.dateTime;
    time.textContent = written.includes("T")
      ? moment.format(new Date(written))
      : day.format(new Date(`${written}T12:00:00`));
  }
}

/** What was answered, then the new item, read out; the focus stands at the item. */
function arrive() {
  const name = document.getElementById("item-name");
  const announce = document.getElementById("announce");
  const said = document.querySelector(".fresh #last-words");
  name?.focus({ preventScroll: true });
  if (announce && said) setTimeout(() => (announce.textContent = said.textContent.trim()), 200);
  const address = new URL(location.href); // what was told once is not told again after a reload
  for (const told of ["done", "note", "of"]) address.searchParams.delete(told);
  history.replaceState(null, "", address);
}

localTimes();
if (document.querySelector(".desk")) {
  answerByKey();
  const item = document.getElementById("item");
  if (item) new Claim(item);
  const form = document.getElementById("choose");
  if (form) new Chooser(form);
  arrive();
}

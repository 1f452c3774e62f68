// The seller page asks for suggestions while somebody types, and posts without leaving the page. Without this script
// the same form does the same by its buttons.
"use strict";

const WAIT = 250; // milliseconds without a key before the service is asked
const LONGEST_RETRY = 10; // seconds

document.documentElement.classList.add("script");

/** Return what a problem page says; null where a text is none. */
function problemIn(page) {
  const problem = page.getElementById("problem");
  if (!problem) return null;
  const text = `${problem.querySelector("h1").textContent}. ${page.getElementById("problem-advice").textContent}`;
  return { text, link: problem.querySelector("a.button") };
}

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

/** Show a message in a box that is read out; without one, empty it. */
function say(box, text, link) {
  box.textContent = "";
  if (!text) return;
  const line = document.createElement("p");
  line.className = "error";
  line.textContent = text + " ";
  if (link) {
    const copy = document.createElement("a");
    copy.href = link.getAttribute("href");
    copy.target = "_blank";
    copy.textContent = link.textContent;
    line.append(copy);
  }
  box.append(line);
}

/** Suggestions: asked for after a pause; of several answers the latest question's is shown. */
class Suggestions {
  constructor(form, photo) {
    this.form = form;
    this.photo = photo;
    this.sequence = 0;
    this.asking = null;
    this.timer = 0;
    form.addEventListener("input", (event) => {
      if (event.target.closest(".item") && event.target.type !== "file") this.soon();
    });
  }

  soon(wait = WAIT) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  cancel() {
    clearTimeout(this.timer);
    this.sequence += 1;
    this.asking?.abort();
    this.busy("");
  }

  async ask() {
    clearTimeout(this.timer);
    const mine = ++this.sequence;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const body = new FormData(this.form);
    body.delete("photo"); // it goes by itself, once
    this.busy(this.form.dataset.looking);
    try {
      const answer = await fetch(this.form.dataset.suggest, {
        method: "POST", body, signal: asking.signal, headers: { Accept: "text/html" },
      });
      const page = parse(await answer.text());
      if (mine !== this.sequence) return;
      this.show(answer, page);
    } catch (error) {
      if (mine === this.sequence && error.name !== "AbortError") this.busy(this.form.dataset.offline);
    }
  }

  show(answer, page) {
    const problem = problemIn(page);
    const part = page.getElementById("suggestions");
    this.busy("");
    if (part && !problem) {
      this.replace(part);
      this.read(part.querySelector("#category-error")?.textContent || part.dataset.status);
    } else if (problem) {
      const old = document.getElementById("suggestions");
      let box = old.querySelector(".trouble");
      if (!box) old.prepend((box = Object.assign(document.createElement("div"), { className: "trouble" })));
      say(box, problem.text, problem.link);
      this.read(problem.text);
    }
    const retry = Number(answer.headers.get("Retry-After"));
    if (!answer.ok && retry > 0) this.soon(1000 * Math.min(retry, LONGEST_RETRY));
  }

  /** Exchange the suggestions; the focus, what was just chosen, and what was opened stay. */
  replace(part) {
    const old = document.getElementById("suggestions");
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const value = focused?.value;
    const chosen = old.querySelector("input[name=choice]:checked");
    const open = old.querySelector("#reasons")?.open;
    const elsewhere = this.form.querySelector(".rest input[name=choice]:checked");
    const before = old.querySelector("input[name=preselected]").value;
    old.replaceWith(document.adoptNode(part));
    const radios = [...part.querySelectorAll("input[name=choice]")];
    if (elsewhere) elsewhere.checked = true;
    else if (chosen && chosen.value !== before) {
      const same = radios.find((radio) => radio.value === chosen.value);
      if (same) same.checked = true;
    }
    const reasons = part.querySelector("#reasons");
    if (reasons && open) reasons.open = true;
    if (focused?.closest("#reasons")) reasons?.querySelector("summary").focus();
    else if (focused) (radios.find((radio) => radio.value === value) ?? radios[0])?.focus();
  }

  read(text) {
    const status = document.getElementById("status");
    if (status.textContent !== text) status.textContent = text;
  }

  busy(text) {
    document.getElementById("progress").textContent = text;
    document.getElementById("suggestions").setAttribute("aria-busy", String(text === this.form.dataset.looking));
  }
}

/** The photo: shown at once, sent once; then the form knows it by its hash. */
class Photo {
  constructor(form) {
    this.form = form;
    this.field = document.getElementById("photo-field");
    this.input = document.getElementById("photo");
    this.image = document.getElementById("preview");
    this.kept = form.elements.photo_kept;
    this.trouble = document.getElementById("photo-trouble");
    this.sending = null;
    this.url = "";
    this.onChange = () => {};
    this.input.addEventListener("change", () => this.take(this.input.files[0]));
    document.getElementById("remove").addEventListener("click", (event) => {
      event.preventDefault();
      this.clear();
      this.input.focus();
      this.onChange();
    });
    this.listenForDrops(this.field.querySelector(".drop"));
    if (this.input.files.length) this.take(this.input.files[0]);
  }

  listenForDrops(zone) {
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
    }
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      const file = event.dataTransfer.files[0];
      if (!file) return;
      const one = new DataTransfer();
      one.items.add(file);
      this.input.files = one.files;
      this.take(file);
    });
  }

  take(file) {
    this.reset();
    if (!file) return this.onChange();
    if (file.size > Number(this.form.dataset.mostBytes)) return this.refuse(this.form.dataset.tooLarge);
    if (file.type && !/^image\/(jpeg|png|webp|gif)$/.test(file.type)) return this.refuse(this.form.dataset.noPhoto);
    this.url = URL.createObjectURL(file);
    this.image.src = this.url;
    this.field.classList.add("has-photo"); // which hides where it was chosen
    document.getElementById("remove").focus({ preventScroll: true });
    this.send(file);
  }

  /** Send a photo; until it is kept, suggestions go by the words alone. */
  send(file) {
    const control = new AbortController();
    const sent = (async () => {
      const body = new FormData();
      body.append("photo", file);
      document.getElementById("progress").textContent = this.form.dataset.sending;
      try {
        const answer = await fetch(this.form.dataset.suggest, {
          method: "POST", body, signal: control.signal, headers: { Accept: "text/html" },
        });
        const page = parse(await answer.text());
        if (this.sending?.control !== control) return;
        const part = page.getElementById("suggestions");
        const problem = problemIn(page);
        if (part?.dataset.photo) this.kept.value = part.dataset.photo;
        else if (part?.dataset.photoError && answer.status < 500) this.refuse(part.dataset.photoError);
        else say(this.trouble, part?.dataset.photoError || problem?.text || this.form.dataset.offline, problem?.link);
      } catch (error) {
        if (error.name === "AbortError") return;
        say(this.trouble, this.form.dataset.offline); // it stays in the form, and goes when that is posted
      }
      this.sending = null;
      this.onChange();
    })();
    this.sending = { control, sent };
  }

  refuse(text, link) {
    this.clear();
    say(this.trouble, text, link);
    this.input.setAttribute("aria-invalid", "true");
  }

  clear() {
    this.input.value = "";
    this.reset();
  }

  reset() {
    this.sending?.control.abort();
    this.sending = null;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    this.kept.value = "";
    this.image.removeAttribute("src");
    this.field.classList.remove("has-photo");
    this.input.removeAttribute("aria-invalid");
    say(this.trouble, "");
    document.getElementById("progress").textContent = "";
  }
}

/** A field that lists categories while somebody types: the combobox with a list box of the ARIA practices. */
class Picker {
  constructor(form) {
    this.form = form;
    this.input = document.getElementById("find");
    this.box = document.getElementById("found");
    this.status = document.getElementById("found-status");
    this.sequence = 0;
    this.timer = 0;
    this.active = -1;
    this.open = false;
    const picked = document.getElementById("picked");
    this.value = Object.assign(document.createElement("input"), { type: "hidden", name: "picked" });
    this.value.value = picked.dataset.value;
    if (picked.dataset.text) this.input.value = picked.dataset.text;
    picked.replaceChildren(this.value);
    const roles = { role: "combobox", "aria-expanded": "false", "aria-controls": "found-list", "aria-autocomplete": "list" };
    for (const [name, text] of Object.entries(roles)) this.input.setAttribute(name, text);
    this.list([]);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("blur", () => this.close());
    this.box.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the field
    this.box.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.pick(option);
    });
  }

  get options() {
    return [...this.box.querySelectorAll("[role=option]")];
  }

  list(items) {
    const list = Object.assign(document.createElement("ul"), { id: "found-list" });
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.form.querySelector("#picker > label").textContent);
    list.append(...items);
    this.box.replaceChildren(list);
    this.box.hidden = true;
    this.open = false;
    this.mark(-1);
  }

  typed() {
    this.value.value = "";
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), WAIT / 2);
  }

  async search() {
    const mine = ++this.sequence;
    const query = new URLSearchParams({ search: this.input.value });
    try {
      const answer = await fetch(`${this.form.dataset.taxonomy}?${query}`, { headers: { Accept: "text/html" } });
      const page = parse(await answer.text());
      if (mine !== this.sequence) return;
      const found = page.querySelector("ul[data-status]");
      const problem = problemIn(page);
      this.list(found ? [...found.children] : []);
      this.status.textContent = found ? found.dataset.status : problem?.text ?? "";
      if (found && !found.children.length) this.box.replaceChildren(this.nothing(found.dataset.status));
      if (document.activeElement === this.input) this.show();
    } catch {
      this.status.textContent = this.form.dataset.offline;
    }
  }

  nothing(text) {
    const line = Object.assign(document.createElement("p"), { className: "card small", textContent: text });
    line.setAttribute("aria-hidden", "true"); // the status says it
    return line;
  }

  show() {
    this.box.hidden = false;
    this.open = this.options.length > 0;
    this.input.setAttribute("aria-expanded", String(this.open));
  }

  close() {
    this.sequence += 1;
    clearTimeout(this.timer);
    this.box.hidden = true;
    this.open = false;
    this.input.setAttribute("aria-expanded", "false");
    this.mark(-1);
  }

  mark(place) {
    const options = this.options;
    options[this.active]?.setAttribute("aria-selected", "false");
    this.active = place;
    const option = options[place];
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option.id);
    } else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const many = this.options.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!this.open) {
        if (many) this.show();
        else this.search();
      } else if (!event.altKey) {
        const from = this.active < 0 && event.key === "ArrowUp" ? 0 : this.active;
        this.mark((from + (event.key === "ArrowDown" ? 1 : -1) + many) % many);
      }
    } else if (event.key === "Enter") {
      event.preventDefault(); // never posts the item
      if (this.open && this.active >= 0) this.pick(this.options[this.active]);
    } else if (event.key === "Escape") {
      if (this.open) {
        event.preventDefault();
        this.close();
      } else if (this.input.value) {
        this.input.value = "";
        this.value.value = "";
      }
    }
  }

  pick(option) {
    this.value.value = option.dataset.value;
    this.input.value = option.dataset.text;
    this.status.textContent = option.dataset.text;
    document.getElementById("choice-none").checked = true;
    this.close();
  }
}

/** Further rows for details. */
function growRows(form) {
  const rows = document.getElementById("rows");
  const button = document.getElementById("add-row");
  const check = () => (button.hidden = rows.children.length >= Number(form.dataset.mostRows));
  button.addEventListener("click", () => {
    const row = rows.lastElementChild.cloneNode(true);
    for (const input of row.querySelectorAll("input")) input.value = "";
    rows.append(row);
    row.querySelector("input").focus();
    check();
  });
  check();
}

/** Post without leaving the page, so that whatever goes wrong leaves what was typed where it is. */
function postInPlace(form, photo, suggestions) {
  const trouble = document.getElementById("trouble");
  const button = document.getElementById("post");
  let posting = false;

  async function send(submitter) {
    await photo.sending?.sent;
    suggestions.cancel();
    const body = new FormData(form);
    body.append(submitter.name, submitter.value);
    if (photo.kept.value) body.delete("photo");
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    const page = parse(await answer.text());
    const problem = problemIn(page);
    if (problem || !page.querySelector("#sell, #posted")) {
      say(trouble, problem?.text ?? form.dataset.offline, problem?.link);
      trouble.scrollIntoView({ block: "center" });
      return;
    }
    document.title = page.title;
    document.getElementById("main").replaceWith(document.adoptNode(page.getElementById("main")));
    document.querySelector(".bottom").replaceWith(document.adoptNode(page.querySelector(".bottom")));
    start();
    const first = document.querySelector("[aria-invalid=true]") ?? document.querySelector("#posted h1");
    if (first) first.focus();
    else document.getElementById("trouble")?.scrollIntoView({ block: "center" });
  }

  form.addEventListener("submit", async (event) => {
    const submitter = event.submitter ?? button;
    if (submitter.name === "lang") {
      if (photo.kept.value) photo.input.disabled = true;
      return;
    }
    event.preventDefault();
    if (posting) return;
    posting = true;
    button.setAttribute("aria-disabled", "true");
    say(trouble, "");
    document.getElementById("status").textContent = form.dataset.posting;
    try {
      await send(submitter);
    } catch {
      say(trouble, form.dataset.offline);
      trouble.scrollIntoView({ block: "center" });
    } finally {
      posting = false;
      button.removeAttribute("aria-disabled");
    }
  });
}

function start() {
  const form = document.getElementById("sell");
  if (!form) return;
  form.querySelector("[data-default]").disabled = true; // Enter in a field posts nothing
  const photo = new Photo(form);
  const suggestions = new Suggestions(form, photo);
  photo.onChange = () => suggestions.ask();
  new Picker(form);
  growRows(form);
  postInPlace(form, photo, suggestions);
  const kept = document.querySelector("#suggestions .option");
  if (!kept && (form.elements.title.value || photo.kept.value)) suggestions.ask();
}

start();

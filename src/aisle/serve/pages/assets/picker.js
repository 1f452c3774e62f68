// The search of all categories.

import { parse, problemIn } from "./answers.js";

const WAIT = 125; // milliseconds without a key before the service is asked

/** A field that lists categories while somebody types: the combobox with a list box of the ARIA practices. */
export class Picker {
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
    this.timer = setTimeout(() => this.search(), WAIT);
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
      const items = found ? [...found.children] : [];
      this.list(items);
      this.status.textContent = found ? found.dataset.status : problem?.text ?? "";
      if (found && !items.length) this.box.replaceChildren(this.nothing(found.dataset.status));
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

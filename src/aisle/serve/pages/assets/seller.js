// The seller page asks for suggestions while somebody types, and posts without leaving the page. Without this script
// the same form does the same by its buttons.
import { parse, problemIn, say } from "./answers.js";
import { Photo } from "./photo.js";
import { Picker } from "./picker.js";

const WAIT = 250; // milliseconds without a key before the service is asked
const LONGEST_RETRY = 10; // seconds

document.documentElement.classList.add("script");

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
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "text/html" } });
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

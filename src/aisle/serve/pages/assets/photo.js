// The photo of an item.

import { parse, problemIn, say } from "./answers.js";

/** The photo: shown at once, sent once; then the form knows it by its hash. */
export class Photo {
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

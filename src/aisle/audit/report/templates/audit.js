"use strict";
(() => {
  const bar = document.getElementById("filters");
  if (!bar) return;
  const buttons = [...bar.querySelectorAll("button")];
  const category = document.getElementById("category");
  const nothing = document.getElementById("nothing");
  const suspects = [...document.querySelectorAll(".suspect")];
  const show = () => {
    const key = buttons.find((button) => button.getAttribute("aria-pressed") === "true").dataset.key;
    let shown = 0;
    for (const suspect of suspects) {
      const fits = (!key || suspect.dataset.keys.split(" ").includes(key)) &&
        (!category.value || suspect.dataset.given === category.value);
      suspect.hidden = !fits;
      shown += fits;
    }
    nothing.hidden = shown > 0;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
  }
  category.addEventListener("change", show);
})();

// What the service answers, and how it is told.

/** Return what a problem page says; null where a text is none. */
export function problemIn(page) {
  const problem = page.getElementById("problem");
  if (!problem) return null;
  const text = `${problem.querySelector("h1").textContent}. ${page.getElementById("problem-advice").textContent}`;
  return { text, link: problem.querySelector("a.button") };
}

/** Return the document of an answer's text. */
export const parse = (text) => new DOMParser().parseFromString(text, "text/html");

/** Show a message in a box that is read out; without one, empty it. */
export function say(box, text, link) {
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

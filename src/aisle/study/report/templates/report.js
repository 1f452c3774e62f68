"use strict";
(() => {
  const SIDE = 480; // the maps' own pixels
  const REACH = 16; // how far from a point, on the screen, still counts as pointing at it
  const source = document.getElementById("aisle-data");
  const card = document.getElementById("card");

  const show = (map, data, product, x, y) => {
    const [title, category, picture] = data.products[product];
    const group = data.maps[map];
    const cluster = group.clusters[product];
    const image = card.querySelector("img");
    image.hidden = !picture;
    if (picture) image.src = "data:image/webp;base64," + picture;
    card.querySelector(".name").textContent = title || "(no title)";
    card.querySelector(".category").textContent = data.categories[category] ?? "none";
    card.querySelector(".cluster").textContent = cluster === null ? "none" : group.names[cluster] ?? "none";
    card.hidden = false;
    const box = card.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
    const top = y + 16 + box.height > innerHeight ? y - 16 - box.height : y + 16;
    card.style.left = Math.max(8, Math.min(left, innerWidth - box.width - 8)) + "px";
    card.style.top = Math.max(8, Math.min(top, innerHeight - box.height - 8)) + "px";
  };

  const readPoints = (drawing) => {
    const points = new Map();
    for (const element of drawing.querySelectorAll("[data-p]")) {
      const round = element.localName === "circle";
      const box = round ? null : element.getBBox();
      points.set(Number(element.dataset.p), {
        element,
        x: round ? Number(element.getAttribute("cx")) : box.x + box.width / 2,
        y: round ? Number(element.getAttribute("cy")) : box.y + box.height / 2,
        key: /(?:^| )k(\d+)/.exec(element.getAttribute("class"))[1],
        off: false,
      });
    }
    return points;
  };

  const setUp = (figure, data) => {
    const map = Number(figure.dataset.map);
    const panels = [...figure.querySelectorAll(".panel")].map((element) => {
      const drawing = element.querySelector("svg.map");
      const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      ring.setAttribute("class", "ring");
      ring.setAttribute("r", "8");
      return { element, drawing, ring, hidden: new Set(), cached: null };
    });
    const points = (panel) => (panel.cached ??= readPoints(panel.drawing));
    let current = null;

    const leave = () => {
      current = null;
      card.hidden = true;
      for (const panel of panels) panel.ring.remove();
    };
    const enter = (panel, product) => {
      current = product;
      for (const each of panels) {
        const point = points(each).get(product);
        if (!point) continue;
        each.ring.setAttribute("cx", point.x);
        each.ring.setAttribute("cy", point.y);
        each.drawing.append(each.ring);
      }
      const point = points(panel).get(product);
      const box = panel.drawing.getBoundingClientRect();
      const scale = box.width / SIDE;
      show(map, data, product, box.left + point.x * scale, box.top + point.y * scale);
    };
    const nearest = (panel, x, y, reach, accept) => {
      let best = null;
      let least = reach * reach;
      for (const [product, point] of points(panel)) {
        const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
        if (!point.off && distance < least && (!accept || accept(point.x - x, point.y - y))) {
          best = product;
          least = distance;
        }
      }
      return best;
    };
    const seek = (panel, event) => {
      const box = panel.drawing.getBoundingClientRect();
      const scale = SIDE / box.width;
      const x = (event.clientX - box.left) * scale;
      const y = (event.clientY - box.top) * scale;
      const found = nearest(panel, x, y, REACH * scale);
      if (found === null) leave();
      else if (found !== current || card.hidden) enter(panel, found);
    };
    const steps = {
      ArrowRight: (x, y) => x > 0 && Math.abs(y) <= x,
      ArrowLeft: (x, y) => x < 0 && Math.abs(y) <= -x,
      ArrowDown: (x, y) => y > 0 && Math.abs(x) <= y,
      ArrowUp: (x, y) => y < 0 && Math.abs(x) <= -y,
    };
    const walk = (panel, event) => {
      if (event.key === "Escape") return leave();
      const step = steps[event.key];
      if (!step) return undefined;
      event.preventDefault();
      const from = current === null ? null : points(panel).get(current);
      const found = from
        ? nearest(panel, from.x, from.y, 2 * SIDE, step)
        : nearest(panel, SIDE / 2, SIDE / 2, 2 * SIDE);
      if (found !== null) enter(panel, found);
      return undefined;
    };
    const redraw = () => {
      for (const panel of panels) {
        for (const [product, point] of points(panel)) {
          point.off = panels.some((other) => other.hidden.has(points(other).get(product)?.key));
          point.element.classList.toggle("off", point.off);
        }
        for (const name of panel.drawing.querySelectorAll(".place")) {
          const key = /(?:^| )n(\d+)/.exec(name.getAttribute("class"))[1];
          name.classList.toggle("off", panel.hidden.has(key));
        }
      }
    };
    const toggle = (panel, entry) => {
      const key = entry.dataset.key;
      const gone = !panel.hidden.delete(key);
      if (gone) panel.hidden.add(key);
      entry.firstChild.setAttribute("aria-pressed", String(!gone));
      leave();
      redraw();
    };

    for (const panel of panels) {
      const { drawing } = panel;
      drawing.setAttribute("tabindex", "0");
      drawing.setAttribute("role", "application");
      drawing.setAttribute("aria-label", drawing.getAttribute("aria-label") + ". Arrow keys move between products.");
      drawing.addEventListener("pointermove", (event) => event.pointerType !== "touch" && seek(panel, event));
      drawing.addEventListener("pointerdown", (event) => seek(panel, event));
      drawing.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && leave());
      drawing.addEventListener("keydown", (event) => walk(panel, event));
      drawing.addEventListener("blur", leave);
      for (const entry of panel.element.querySelectorAll(".legend li")) {
        const button = document.createElement("span");
        button.setAttribute("role", "button");
        button.setAttribute("tabindex", "0");
        button.setAttribute("aria-pressed", "true");
        button.className = "entry";
        button.append(...entry.childNodes);
        entry.append(button);
        button.addEventListener("click", () => toggle(panel, entry));
        button.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          toggle(panel, entry);
        });
      }
    }
    document.addEventListener("pointerdown", (event) => {
      if (!panels.some((panel) => panel.drawing.contains(event.target))) leave();
    });
  };

  const order = (row, column) => {
    const cell = row.cells[Math.min(column, row.cells.length - 1)];
    return cell.dataset.order ?? cell.textContent.trim();
  };
  const sort = (table, column, heading) => {
    const body = table.tBodies[0];
    const numeric = heading.classList.contains("number");
    const rising = heading.getAttribute("aria-sort") === (numeric ? "descending" : null) ||
      (!numeric && heading.getAttribute("aria-sort") !== "ascending");
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => ({ row, value: numeric ? order(row, column) : row.cells[column]?.textContent.trim() ?? "" }));
    rows.sort((a, b) => {
      const last = (item) => item.row.classList.contains("muted") || (numeric && item.value === "");
      if (last(a) !== last(b)) return last(a) ? 1 : -1;
      const sign = numeric ? Number(a.value) - Number(b.value) : a.value.localeCompare(b.value);
      return rising ? sign : -sign;
    });
    body.append(...rows.map((item) => item.row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, column, heading));
    });
  }
  if (source && card) {
    const data = JSON.parse(source.textContent);
    for (const figure of document.querySelectorAll("[data-map]")) setUp(figure, data);
  }
})();

"use strict";
(() => {
  const table = document.getElementById("table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const read = (row, column, kind) => {
    const text = row.cells[column].textContent.trim();
    if (kind === "text") return text.toLowerCase();
    const value = parseFloat(text);
    return Number.isNaN(value) ? null : value;
  };
  const sort = (column) => {
    const head = heads[column];
    const kind = head.dataset.kind;
    const down = kind === "number" ? "descending" : "ascending";
    const up = down === "descending" ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === down ? up : down;
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => [read(row, column, kind), row]);
    // Labels without a figure stay at the end.
    keyed.sort(([a], [b]) => {
      if (a === b) return 0;
      if (a === null) return 1;
      if (b === null) return -1;
      return (a < b ? -1 : 1) * sign;
    });
    body.append(...keyed.map(([, row]) => row));
  };
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sort(column));
  });
  const search = document.getElementById("search");
  const group = document.getElementById("group");
  const shown = document.getElementById("shown");
  // The whole path, of which the page may show a part, and the title of a code.
  const texts = rows.map((row) => (row.dataset.label + " " + row.cells[0].textContent).toLowerCase());
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    let n = 0;
    rows.forEach((row, i) => {
      const inGroup = !group.value || row.cells[1].textContent.startsWith(group.value);
      row.hidden = !inGroup || !texts[i].includes(wanted);
      n += row.hidden ? 0 : 1;
    });
    shown.textContent = n + (n === 1 ? " label" : " labels");
  };
  search.addEventListener("input", filter);
  group.addEventListener("change", filter);
  const toggle = (open) => {
    document.querySelectorAll(".tree details").forEach((node) => { node.open = open; });
  };
  // Labels of one level have no tree.
  document.getElementById("open")?.addEventListener("click", () => toggle(true));
  document.getElementById("close")?.addEventListener("click", () => toggle(false));
})();


"use strict";
// The endpoint table: sort by a click on a heading, filter by name. Without this script it is read as it stands.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.v ?? row.cells[column].textContent;
  const compare = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const order = before ? (before === "descending" ? "ascending" : "descending") : column > 1 ? "descending" : "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const absent = (row) => column > 1 && row.cells[column].dataset.v === undefined;
      const rows = [...body.rows].sort(
        (a, b) => absent(a) - absent(b) || sign * compare(key(a, column), key(b, column))
      );
      body.append(...rows);
    });
  });
  if (body.rows.length > 8) {
    const filter = document.createElement("input");
    filter.type = "search";
    filter.className = "filter";
    filter.placeholder = "Filter by method or name";
    filter.setAttribute("aria-label", filter.placeholder);
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of body.rows) {
        const text = row.cells[0].textContent + " " + row.cells[1].textContent;
        row.hidden = !text.toLowerCase().includes(wanted);
      }
    });
    table.parentElement.before(filter);
  }
}

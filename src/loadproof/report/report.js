"use strict";
// What a reader with scripts gets beside what stands on the page: a table of endpoints that sorts, filters and opens to
// charts of each, and charts that say their values at the pointer and at the arrow keys.
const data = JSON.parse(document.getElementById("data").textContent);
document.documentElement.classList.add("scripted");

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// --- Charts: the same pictures as svg.py draws, from the same data. ---

const COLOURS = { blue: "#2f6fd0", green: "#1a8a5a", orange: "#c2620a", red: "#cc3a3f", violet: "#7b4fc9", grey: "#6b737c" };
const TOP = 26, RIGHT = 16, FOOT = 22, TITLE = 16, LETTER = 6.6, LONGEST = 40;
const at = (pixels) => String(Math.floor(pixels * 10 + 0.5) / 10);

const axis = ([form, low, high, isLog, title, ticks]) => ({
  form, title, ticks,
  share: (v) => (isLog ? Math.log10(v / low) / Math.log10(high / low) : (v - low) / (high - low)),
  value: (share) => (isLog ? low * (high / low) ** share : low + share * (high - low)),
});

const layout = (plot) => {
  const [isBars, isSmall, height] = plot.k;
  const [left, width] = isSmall ? [52, 300] : [64, 900];
  const x = axis(plot.x), y = axis(plot.y);
  return {
    isBars, height, left, width, axes: { x, y }, foot: TOP + height,
    x: (v) => at(left + width * x.share(v)),
    y: (v) => at(TOP + height - height * y.share(v)),
  };
};

const SVG = "http://www.w3.org/2000/svg";
const shape = (parent, name, attributes, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (value !== "") made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};

const draw = (plot, label) => {
  const place = layout(plot);
  const { left, width, height, foot, isBars, axes } = place;
  const whole = left + width + RIGHT;
  const tall = TOP + height + FOOT + (axes.x.title ? TITLE : 0);
  const svg = document.createElementNS(SVG, "svg");
  const write = (x, y, text, anchor = "", ink = false) =>
    shape(svg, "text", { class: ink ? "ink" : "quiet", fill: ink ? "#3d444d" : "#59636e", x, y, "text-anchor": anchor }, text);
  Object.entries({
    class: "chart", role: "img", "aria-label": label, width: whole, height: tall, viewBox: `0 0 ${whole} ${tall}`,
    "font-family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "font-size": 11,
  }).forEach(([key, value]) => svg.setAttribute(key, value));
  shape(svg, "rect", { class: "ground", width: whole, height: tall, fill: "#ffffff" });
  let edge = left;
  for (const [name, colour, dash] of plot.s) {
    if (isBars) shape(svg, "rect", { class: `bar ${colour}`, x: at(edge), y: 5, width: 10, height: 10, fill: COLOURS[colour] });
    else shape(svg, "path", { class: `line ${colour}`, d: `M${at(edge)},10h16`, stroke: COLOURS[colour], "stroke-width": 2, fill: "none", "stroke-dasharray": dash });
    edge += isBars ? 14 : 21;
    const letters = [...name];
    const short = letters.length <= LONGEST ? name : letters.slice(0, LONGEST - 1).join("") + "…";
    write(at(edge), 14, short, "", true);
    edge += [...short].length * LETTER + 16;
  }
  for (const [from, to, colour, word, opacity] of plot.b) {
    shape(svg, "rect", { class: `shade ${colour}`, x: place.x(from), y: TOP, width: at(place.x(to) - place.x(from)), height, fill: COLOURS[colour], opacity });
    if (word) write(at(+place.x(from) + 3), TOP + 10, word);
  }
  const rows = axes.y.ticks.map(([v]) => `M${left},${place.y(v)}h${width}`).join("");
  const ticks = axes.x.ticks.map(([v]) => `M${place.x(v)},${foot}v4`).join("");
  shape(svg, "path", { class: "grid", d: rows + ticks, fill: "none", stroke: "#e4e8ec" });
  for (const [v, word] of axes.y.ticks) write(left - 6, at(foot - height * axes.y.share(v) + 4), word, "end");
  for (const [v, word] of axes.x.ticks) {
    const share = axes.x.share(v);
    write(place.x(v), foot + 16, word, share < 0.01 ? "" : share > 0.97 ? "end" : "middle");
  }
  if (isBars) {
    const edges = plot.p.map((v) => +place.x(v));
    const below = Array(edges.length - 1).fill(0);
    for (const [, colour, , values] of plot.s) {
      let path = "";
      values.forEach((count, i) => {
        if (!count) return;
        const top = place.y(below[i] + count), low = place.y(below[i]);
        below[i] += count;
        path += `M${at(edges[i])},${low}V${top}H${at(Math.max(edges[i] + 1, edges[i + 1] - 1))}V${low}Z`;
      });
      shape(svg, "path", { class: `bar ${colour}`, fill: COLOURS[colour], d: path });
    }
  } else {
    for (const [, colour, dash, values] of plot.s) {
      let path = "", pen = "M";
      values.forEach((v, i) => {
        if (v === null) { pen = "M"; return; }
        path += `${pen}${place.x(plot.p[i])},${place.y(v)}`;
        if (pen === "M" && (i + 1 === values.length || values[i + 1] === null)) path += "h0";
        pen = "L";
      });
      shape(svg, "path", {
        class: `line ${colour}`, stroke: COLOURS[colour], fill: "none", "stroke-width": 1.8, "stroke-linejoin": "round",
        "stroke-linecap": "round", "stroke-dasharray": dash, d: path,
      });
    }
  }
  return svg;
};

// --- Values at the pointer and at the arrow keys. ---

const digits = (v) => (v >= 1000 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(3)));
const clock = (s) => {
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, sec] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, Math.floor(s) % 60];
  return h ? `${h}:${two(m)}:${two(sec)}` : `${m}:${two(sec)}`;
};
const WRITERS = {
  clock,
  number: digits,
  rate: (v) => `${digits(v)}/s`,
  share: (v) => `${digits(v * 100)}%`,
  duration: (v) => (v === 0 ? "0 s" : v >= 1 ? `${digits(v)} s` : v >= 1e-6 ? `${digits(v * 1e3)} ms` : `${digits(v * 1e6)} µs`),
  percentile: (v) => (v <= 1 ? "p0" : `p${+(100 - 100 / v).toFixed(Math.max(2, Math.ceil(Math.log10(v))))}`),
};
const said = (form, v) => (v === null ? "–" : WRITERS[form](v));

const tip = element("div", { class: "tip", hidden: "" });
const spoken = element("p", { class: "spoken", "aria-live": "polite" });
document.body.append(tip, spoken);
const overTime = []; // charts that share the axis of time: their pointers move together

const explore = (svg, plot) => {
  const place = layout(plot);
  const { axes, isBars, left, width, foot } = place;
  const points = isBars ? plot.p.slice(0, -1).map((v, i) => Math.sqrt(v * plot.p[i + 1])) : plot.p;
  const rule = shape(svg, "path", { class: "rule", fill: "none", stroke: "#59636e", visibility: "hidden" });
  const dots = isBars ? [] : plot.s.map(([, colour]) => shape(svg, "circle", { class: `bar ${colour}`, r: 3.5, fill: COLOURS[colour], visibility: "hidden" }));
  let current = -1;
  const chart = {
    nearest: (x) => {
      let best = 0;
      points.forEach((v, i) => { if (Math.abs(axes.x.share(v) - x) < Math.abs(axes.x.share(points[best]) - x)) best = i; });
      return best;
    },
    show: (i) => {
      current = i;
      rule.setAttribute("d", `M${place.x(points[i])},${TOP}V${foot}`);
      rule.setAttribute("visibility", i < 0 ? "hidden" : "visible");
      dots.forEach((dot, n) => {
        const v = i < 0 ? null : plot.s[n][3][i];
        dot.setAttribute("visibility", v === null ? "hidden" : "visible");
        if (v !== null) { dot.setAttribute("cx", place.x(points[i])); dot.setAttribute("cy", place.y(v)); }
      });
    },
    hide: () => { current = -1; [rule, ...dots].forEach((each) => each.setAttribute("visibility", "hidden")); },
  };
  const together = overTime.includes(svg.dataset.plot) ? overTime : null;
  const all = () => (together ? together.charts : [chart]);
  const hide = () => { all().forEach((each) => each.hide()); tip.hidden = true; };
  const show = (i) => {
    all().forEach((each) => each.show(i));
    const where = isBars
      ? `${WRITERS.duration(plot.p[i])} to ${WRITERS.duration(plot.p[i + 1])}`
      : WRITERS[axes.x.form](points[i]);
    const values = plot.s.map(([name, colour, , v]) => [name, colour, said(axes.y.form, v[i])]);
    tip.replaceChildren(element("b", {}, where), ...values.map(([name, colour, v]) => {
      return element("div", {}, element("i", { class: `bar ${colour}` }), `${name} `, element("b", {}, v));
    }));
    tip.hidden = false;
    const box = svg.getBoundingClientRect();
    const x = box.left + (box.width * +place.x(points[i])) / (left + width + RIGHT);
    const side = x > innerWidth / 2 ? x - tip.offsetWidth - 12 : x + 12;
    tip.style.left = `${Math.max(0, side) + scrollX}px`;
    tip.style.top = `${box.top + scrollY + 20}px`;
    return `${where}: ${values.map(([name, , v]) => `${name} ${v}`).join(", ")}`;
  };
  if (together) together.charts.push(chart);
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("aria-description", "The left and right arrow keys say its values");
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * (left + width + RIGHT);
    show(chart.nearest((x - left) / width));
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const last = points.length - 1;
    const to = { ArrowRight: current + 1, ArrowLeft: current < 0 ? last : current - 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    spoken.textContent = show(Math.min(last, Math.max(0, to)));
  });
};

overTime.charts = [];
for (const svg of document.querySelectorAll("#time svg[data-plot]")) {
  if (data.plots[svg.dataset.plot].x[0] === "clock") overTime.push(svg.dataset.plot);
}
for (const svg of document.querySelectorAll("#time svg[data-plot]")) explore(svg, data.plots[svg.dataset.plot]);

// --- Tables that are wider than the page: the keyboard can scroll them too. ---

const wide = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
});
for (const each of document.querySelectorAll(".wide")) wide.observe(each);

// --- The table of endpoints. ---

const table = document.getElementById("endpoint-table");
if (table) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const entries = [...body.rows].map((row, i) => ({ row, charts: data.endpoints[i] ?? [], opened: null }));

  headings.forEach((heading, column) => {
    const button = element("button", { type: "button" }, ...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const order = before ? (before === "descending" ? "ascending" : "descending") : column > 1 ? "descending" : "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = ({ row }) => row.cells[column].dataset.v ?? (column > 1 ? null : row.cells[column].textContent.trim());
      const compare = (a, b) => (column > 1 ? a - b : a.localeCompare(b));
      entries.sort((a, b) => {
        const [one, two] = [key(a), key(b)];
        if (one === null || two === null) return (one === null) - (two === null);
        return sign * compare(one, two);
      });
      body.append(...entries.flatMap(({ row, opened }) => (opened ? [row, opened] : [row])));
    });
  });

  entries.forEach((entry, number) => {
    if (!entry.charts.length) return;
    const name = entry.row.cells[1];
    const title = `${entry.row.cells[0].textContent} ${name.textContent}`;
    const button = element("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-label": `Charts of ${title}` });
    name.prepend(button);
    button.addEventListener("click", () => {
      if (!entry.opened) {
        const figures = entry.charts.map(([about, plot]) => {
          const svg = draw(plot, `${about} of ${title}`);
          explore(svg, plot);
          return element("figure", {}, element("figcaption", {}, about[0].toUpperCase() + about.slice(1)), svg);
        });
        const cell = element("td", { colspan: headings.length }, element("div", { class: "small" }, ...figures));
        entry.opened = element("tr", { class: "opened", id: `charts-${number}` }, cell);
        entry.row.after(entry.opened);
        button.setAttribute("aria-controls", entry.opened.id);
      } else {
        entry.opened.hidden = !entry.opened.hidden;
      }
      button.setAttribute("aria-expanded", String(!entry.opened.hidden));
    });
  });

  if (entries.length > 8) {
    const filter = element("input", {
      type: "search", class: "filter", placeholder: "Filter by method or name", "aria-label": "Filter by method or name",
    });
    const count = element("span", { class: "quiet", role: "status" });
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      let shown = 0;
      for (const { row, opened } of entries) {
        row.hidden = !`${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase().includes(wanted);
        shown += !row.hidden;
        opened?.classList.toggle("filtered", row.hidden);
      }
      count.textContent = wanted ? `${shown} of ${entries.length} endpoints` : "";
    });
    table.parentElement.before(element("p", { class: "filtering" }, filter, " ", count));
  }
}

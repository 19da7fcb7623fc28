"use strict";
// Everything that comes from outside goes into the page as text: nothing here ever makes markup of a string.

const EVERY = 1000; // milliseconds
const GONE = "The web interface does not answer: these are the last figures that came.";

const at = (id) => document.getElementById(id);

// An element with properties and children; strings become text.
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value !== "" && value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children);
  return element;
}

// A table; a column is {title, cell(row) -> [text or nodes], number, head, tone(row), spans}. A row with `span` covers
// the next ones, which are marked `follows`, in the columns that span.
function table(caption, columns, rows) {
  const classes = (column, row) =>
    [column.number && "number", column.kind, row && column.tone && column.tone(row)].filter(Boolean).join(" ");
  const head = columns.map((column) => make("th", { scope: "col", class: classes(column) }, column.title));
  const cell = (column, row) => make(column.head ? "th" : "td", {
    scope: column.head && (row.span ? "rowgroup" : "row"), rowspan: column.spans && row.span, class: classes(column, row),
  }, ...[column.cell(row)].flat());
  const line = (row) => make("tr", { class: row.span && "pair" },
    ...columns.filter((column) => !(column.spans && row.follows)).map((column) => cell(column, row)));
  const whole = make("table", { "aria-label": caption }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows.map(line)));
  // A table that is wider than the window can be moved by the keyboard.
  return make("div", {}, make("p", { class: "quiet" }, caption),
    make("div", { class: "wide", tabindex: "0", role: "group", "aria-label": caption }, whole));
}

const tiles = (pairs) => make("dl", {}, ...pairs.map(([label, value, bad]) =>
  make("div", {}, make("dt", {}, label), make("dd", { class: bad && "bad" }, value))));

const outcome = { title: "Outcome", kind: "outcome", tone: (row) => row.tone, cell: (row) => `${row.mark} ${row.outcome ?? row.state}` };
const text = (title, key, more) => ({ title, cell: (row) => row[key], ...more });

const sections = {
  rules: (view) => view.rules.length
    ? [table(view.tone === "unfinished" ? "As things stand; the run is judged when it is over." : "As the run was judged.", [
        outcome,
        text("Rule", "rule", { head: true }),
        text("Value", "value", { number: true }),
        text("Limit", "limit", { number: true }),
        text("95% interval", "interval", { number: true }),
        text("Note", "note", { kind: "text" }),
      ], view.rules)]
    : [make("p", {}, view.levels.length ? "Each level of the search has a verdict of its own." : "No rule is judged.")],

  figures: (view) => [
    ...(view.recent.length ? [make("h3", {}, "Last 10 seconds"), tiles(view.recent)] : []),
    make("h3", {}, "Measured part, without the warm-up"),
    tiles([[view.tone === "unfinished" ? "Users" : "Users, most", view.users, false], ...view.totals]),
  ],

  search: (view) => view.levels.length || view.answer ? [
    ...(view.answer ? [make("p", {}, view.answer)] : []),
    table("Levels that are over, in their order. Times are of successful requests.", [
      text("Level", "number", { head: true }),
      text("Load", "load", { number: true }),
      text("Role", "role"),
      outcome,
      ...["Achieved", "p50", "p95", "p99", "Errors", "Dropped"].map((title) => text(title, title.toLowerCase(), { number: true })),
      text("Reason", "reason", { kind: "text" }),
    ], view.levels)] : null,

  arrivals: (view) => view.arrivals && [tiles(view.arrivals)],

  percentiles: (view) => [
    table("Worst first: by failures, then by the 95th percentile. Times are of successful requests; ~ stands before a percentile that has fewer samples than it needs.", [
      text("Method", "method", { spans: true }),
      text("Endpoint", "name", { head: true, spans: true }),
      text("Requests", "requests", { number: true, spans: true }),
      text("Failed", "failed", { number: true, spans: true, tone: (row) => row.failing && "bad" }),
      text("Rate", "rate", { number: true, spans: true }),
      text("Time", "what"),
      ...view.quantiles.map((title, i) => ({ title, number: true, cell: (row) => row.times[i] })),
    ], view.endpoints.flatMap((each) => [
      { ...each, what: "response", times: each.response, span: 2 },
      { what: "service", times: each.service, follows: true },
    ])),
    ...(view.left_out ? [make("p", { class: "quiet" }, `And ${view.left_out} more endpoints; the report has them all.`)] : []),
  ],

  errors: (view) => view.errors.length
    ? [table("Failed requests by kind, most frequent first.", [
        text("Kind", "kind", { head: true }),
        text("Count", "count", { number: true, tone: () => "bad" }),
        text("Where", "where", { kind: "text" }),
      ], view.errors)]
    : [make("p", {}, "No request has failed.")],

  generator: (view) => [
    make("p", { class: view.cautions.length || view.doubts.length ? "warn" : view.sampled ? "pass" : "quiet" },
      view.cautions.length || view.doubts.length ? "⚠ Read these before you trust the figures:"
        : view.sampled ? "✓ Nothing unusual: the figures are those of the service." : "Not sampled yet."),
    ...(view.cautions.length ? [make("ul", {}, ...view.cautions.map((each) => make("li", {}, each)))] : []),
    ...(view.doubts.length ? [table("What cannot be judged, or not fully, because of the generator.", [
      text("Quantity", "quantity", { head: true }), text("Reason", "reason", { kind: "text" })], view.doubts)] : []),
    make("h3", {}, "Measured"),
    tiles(view.generator),
  ],

  reports: (view, shown) => {
    const now = { run: view.run, test: view.test, state: view.state, tone: view.tone, mark: "…", reason: "so far" };
    const runs = view.tone === "unfinished" ? [now, ...shown.runs] : shown.runs;
    const links = (row) => shown.files.flatMap((name, i) => {
      const href = `loadproof/runs/${encodeURIComponent(row.run)}/${encodeURIComponent(name)}`;
      const open = name.endsWith(".html")
        ? [make("a", { href, target: "_blank", rel: "noopener", "aria-label": `open ${name} of run ${row.run}` }, "open"), " · "] : [];
      return [...(i ? [" · "] : []), ...open,
        make("a", { href, download: `${row.run}-${name}`, "aria-label": `download ${name} of run ${row.run}` }, name)];
    });
    return [table("This run and those before it. Of a run that goes on, the report is that of the run so far.", [
      text("Run", "run", { head: true }),
      outcome,
      text("Why", "reason", { kind: "text" }),
      { title: "Files", cell: links },
    ], runs)];
  },
};

const known = {};

// Build a part of the page anew, where it is not as it was: what is selected or has the focus stays meanwhile.
function show(id, content) {
  const section = at(id);
  section.hidden = content === null || content === undefined;
  if (section.hidden) return;
  const place = section.querySelector("div");
  const fresh = make("div", {}, ...content);
  if (known[id] === fresh.innerHTML) return;
  known[id] = fresh.innerHTML;
  const focused = place.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  const moved = [...place.querySelectorAll(".wide")].map((each) => each.scrollLeft);
  place.replaceWith(fresh);
  fresh.querySelectorAll(".wide").forEach((each, i) => { each.scrollLeft = moved[i] ?? 0; });
  if (focused) [...fresh.querySelectorAll("[aria-label]")].find((each) => each.getAttribute("aria-label") === focused)?.focus({ preventScroll: true });
}

function write(id, words) {
  if (at(id).textContent !== words) at(id).textContent = words;
}

function trouble(why) {
  write("trouble", why);
  at("trouble").hidden = !why;
  document.documentElement.classList.toggle("stale", Boolean(why));
}

function draw(shown) {
  const view = shown.view;
  at("none").hidden = view !== null;
  at("all").hidden = view === null;
  write("state", view === null ? "WAITING" : view.state);
  at("state").className = `badge ${view === null ? "unfinished" : view.tone}`;
  if (view === null) return;
  write("test", view.test);
  write("line", view.line);
  write("reason", view.reason);
  write("spoken", `${view.test}: ${view.state}`);
  document.title = `${view.state} ${view.test} – Loadproof`;
  for (const [id, content] of Object.entries(sections)) show(id, content(view, shown));
}

async function look() {
  try {
    const answer = await fetch("loadproof/view", { cache: "no-store" });
    if (answer.redirected) {
      location.reload(); // the login is over
      return;
    }
    const shown = await answer.json();
    trouble(shown.why ?? "");
    if (!shown.why) draw(shown);
  } catch {
    trouble(GONE);
  }
}

async function follow() {
  if (!document.hidden) await look();
  setTimeout(follow, EVERY);
}

// Dark or light as on Locust's page, which keeps what was chosen there.
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
function colour() {
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch { /* none can be kept */ }
  document.documentElement.classList.toggle("dark", chosen ? chosen === "dark" : prefersDark.matches);
}

colour();
prefersDark.addEventListener("change", colour);
addEventListener("storage", colour);
document.addEventListener("visibilitychange", () => { if (!document.hidden) colour(); });
follow();

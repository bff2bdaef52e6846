// What an answer was made from: a line below it, and a drawer with every step.
//
// The server wrote it; nothing is left out here, and what a step names is shown as it is.

import { el } from "./dom.js";

/** The line that opens the drawer, and the drawer, closed. */
export function receipt(message) {
  const drawer = el("div", { class: "drawer", hidden: true });
  const line = el("button", {
    type: "button", class: "receipt", "aria-expanded": "false", title: "What this answer was made from",
    onclick: () => {
      if (!drawer.childNodes.length) drawer.append(...contents(message));
      drawer.hidden = !drawer.hidden;
      line.setAttribute("aria-expanded", String(!drawer.hidden));
    },
  }, summary(message));
  return { line, drawer };
}

function summary(message) {
  const { model, receipt: told = {} } = message;
  const tokens = told.completion_tokens;
  const persona = told.persona && told.persona !== "default" ? told.persona : null;
  const parts = [persona, model];
  if (tokens !== undefined) parts.push(`${tokens} ${tokens === 1 ? "token" : "tokens"}`);
  if (told.timings?.tokens_per_s) parts.push(`${Math.round(told.timings.tokens_per_s)} tokens/s`);
  const summed = told.steps?.find((each) => each.name === "compact")?.covers?.messages;
  if (summed) parts.push(`the first ${summed} messages summed up`);
  const dropped = (told.dropped ?? []).reduce((sum, each) => sum + each.messages, 0);
  if (dropped) parts.push(`without the first ${dropped} messages: the window is full`);
  return parts.filter(Boolean).join(" · ");
}

function contents({ receipt: told = {} }) {
  const made = [];
  const put = (title, ...rows) => {
    const shown = rows.filter(Boolean);
    if (shown.length) made.push(el("section", {}, el("h3", {}, title), el("table", {}, el("tbody", {}, ...shown))));
  };
  put("Steps", ...(told.steps ?? []).map(step));
  put("What was sent, in tokens", ...sent(told.sent ?? {}));
  put("Left out", ...(told.dropped ?? []).map((each) => row(`${each.messages} messages`, each.reason)));
  put("Tools", ...(told.tools ?? []).map((each) => row(each.name, words({ ...each, name: undefined, id: undefined }))));
  put("Passages", ...(told.sources ?? []).map((each) => row(`[${each.number}]`, words({ ...each, number: undefined }))));
  put("Answer",
    row("finished", told.finish_reason ?? "no"),
    told.mean_logprob === null || told.mean_logprob === undefined
      ? null : row("mean log-probability", String(told.mean_logprob)),
    row("sampling", words(told.sampling ?? {}) || "the model’s own"),
    row("time", words(told.timings ?? {})));
  return made;
}

function step({ stage, name, ms, ...found }) {
  return el("tr", {}, el("th", { scope: "row" }, `${stage}: ${name}`), el("td", { class: "number" }, `${ms} ms`), el("td", {}, words(found)));
}

/** `inside`: of which steps' sections these are, with a space behind. */
function sent(parts, inside = "") {
  const rows = [];
  for (const [name, count] of Object.entries(parts)) {
    if (typeof count === "object") rows.push(...sent(count ?? {}, "section "));
    else if (count) rows.push(row(inside + name, String(count)));
  }
  return rows;
}

const row = (name, value) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { colspan: "2" }, value));

/** Any value of a receipt, in one line. */
function words(value) {
  if (Array.isArray(value)) return value.map(words).join("; ");
  if (value === null || value === undefined) return "none";
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([name, each]) => `${name.replaceAll("_", " ")} ${words(each)}`).join(", ");
}

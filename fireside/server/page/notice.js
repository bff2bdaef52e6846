// Who answers here, said once and plainly, and the better model that this machine could run.

import { ask, stream } from "./api.js";
import { el, iconButton } from "./dom.js";

const place = document.getElementById("notice");
const honest = document.getElementById("honest");

/** `onUse(name)`: the person wants this model from now on. */
export async function showNotice(onUse) {
  const told = await ask("/api/notice");
  honest.textContent = told.answers;
  tell(false);
  const seen = `fireside.notice.${told.model}`;
  if (told.problem) place.replaceChildren(el("p", { class: "bad" }, told.problem));
  else if (localStorage.getItem(seen)) return;
  else place.replaceChildren(card(told, onUse, () => {
    localStorage.setItem(seen, "seen");
    tell(false);
  }));
  tell(true);
}

/** The card says it in full; without it, a line under the question box does. */
function tell(inFull) {
  place.hidden = !inFull;
  honest.hidden = inFull;
}

function card(told, onUse, dismiss) {
  const { better, unknown } = told;
  const words = el("div", {}, el("p", {}, el("strong", {}, told.answers)));
  if (unknown) words.append(el("p", { lang: unknown.language }, unknown.line));
  const row = el("div", { class: "row" });
  if (better) {
    words.append(el("p", {}, better.installed
      ? `${better.name} is on this machine too and knows more.`
      : `${better.name} fits this machine and knows more: ${better.summary}. ${size(better.size_bytes)}, ${better.licence}.`));
    row.append(better.installed ? use(better.name, onUse, dismiss) : pull(better, row, onUse, dismiss));
    if (!better.installed) words.append(el("p", { class: "fine" }, "Or in a terminal: ", el("code", {}, `fireside models pull ${better.name}`)));
  }
  return el("div", { class: "card" }, words, row, iconButton("close", "Understood, do not say it again", dismiss));
}

function use(name, onUse, dismiss) {
  return el("button", { type: "button", class: "primary", onclick: () => {
    dismiss();
    onUse(name);
  } }, `Use ${name}`);
}

function pull(better, row, onUse, dismiss) {
  return el("button", { type: "button", class: "primary", onclick: async () => {
    const bar = el("progress", { max: "1", "aria-label": `Fetching ${better.name}` });
    const line = el("span", { class: "fine", role: "status" }, "Starting …");
    row.replaceChildren(bar, line);
    try {
      for await (const event of stream("/api/models/pull", { method: "POST", body: { name: better.name } })) {
        if (event.type !== "progress") continue;
        if (event.total) bar.value = event.done / event.total;
        line.textContent = event.total
          ? `${event.text}: ${size(event.done)} of ${size(event.total)}` : `${event.text} …`;
      }
      row.replaceChildren(el("span", {}, `${better.name} is here.`), use(better.name, onUse, dismiss));
    } catch (error) {
      row.replaceChildren(el("span", { class: "bad", role: "alert" }, error.message), pull(better, row, onUse, dismiss));
    }
  } }, `Get ${better.name}`);
}

function size(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

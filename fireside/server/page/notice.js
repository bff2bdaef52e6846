// Who answers here, said once and plainly, and the better model that this machine could run.

import { ask } from "./api.js";
import { el, iconButton } from "./dom.js";
import { readableSize, showDownload } from "./download.js";

const place = document.getElementById("notice");
const honest = document.getElementById("honest");
let download = ""; // what is being fetched while the chat goes on

/** `onUse(name)`: the person wants this model from now on. */
export async function showNotice(onUse) {
  const told = await ask("/api/notice");
  tell(told, false);
  const seen = `fireside.notice.${told.model}`;
  const dismiss = () => {
    localStorage.setItem(seen, "seen");
    tell(told, false);
  };
  if (told.problem) place.replaceChildren(el("p", { class: "bad" }, told.problem));
  else if (localStorage.getItem(seen) && !told.better?.download) return;
  else place.replaceChildren(card(told, onUse, dismiss));
  tell(told, true);
}

/** The card says it in full; without it, or while something is fetched, a line under the question
 *  box does: the card is at the top of the conversation. */
function tell(told, inFull) {
  place.hidden = !inFull;
  honest.textContent = inFull ? download : [told.answers, download].filter(Boolean).join(" ");
  honest.hidden = inFull && !download;
}

function card(told, onUse, dismiss) {
  const { better, unknown } = told;
  const words = el("div", {}, el("p", {}, el("strong", {}, told.answers)));
  if (unknown) words.append(el("p", { lang: unknown.language }, unknown.line));
  const row = el("div", { class: "row" });
  if (better) {
    words.append(el("p", {}, better.installed
      ? `${better.name} is on this machine too and knows more.` : offer(better)));
    const use = () => el("button", { type: "button", class: "primary", onclick: () => {
      dismiss();
      onUse(better.name);
    } }, `Use ${better.name}`);
    if (better.installed) row.append(use());
    else {
      showDownload(row, better, use, (line) => {
        download = line;
        tell(told, !place.hidden);
      });
      words.append(el("p", { class: "fine" }, "Or in a terminal: ", el("code", {}, `fireside models pull ${better.name}`)));
    }
  }
  return el("div", { class: "card" }, words, row, iconButton("close", "Understood, do not say it again", dismiss));
}

function offer({ name, summary, size_bytes: size, tokens_per_s: speed, licence }) {
  const pace = speed ? `, about ${Math.round(speed)} tokens a second` : "";
  return `This machine can run ${name}: ${summary}. ${readableSize(size)}${pace}, ${licence}.`;
}

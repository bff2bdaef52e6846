// Models that think first write their reasoning between <think> and </think>.  It is shown folded,
// apart from the answer, and never copied with it.

import { el } from "./dom.js";
import { Live } from "./markdown.js";

const OPEN = "<think>";
const CLOSE = "</think>";

/** `{ thought, said }`; `thinking` while the reasoning has no end yet. */
export function split(text) {
  const start = text.trimStart();
  if (!start.startsWith(OPEN)) {
    // The mark itself may still be on its way.
    return { thought: "", said: OPEN.startsWith(start) ? "" : text, thinking: false };
  }
  const end = start.indexOf(CLOSE);
  if (end < 0) return { thought: start.slice(OPEN.length), said: "", thinking: true };
  return { thought: start.slice(OPEN.length, end), said: start.slice(end + CLOSE.length), thinking: false };
}

/** An answer's text with its reasoning, if any, growing inside `place`. */
export class Prose {
  constructor(place) {
    this.place = place;
    this.said = el("div", { class: "prose" });
    this.answer = new Live(this.said);
    this.folded = null;
    place.append(this.said);
  }

  update(text) {
    const { thought, said, thinking } = split(text);
    if (thought.trim()) this.think(thought, thinking);
    this.answer.update(said);
  }

  think(thought, thinking) {
    if (!this.folded) {
      const body = el("div", { class: "prose" });
      this.label = el("summary", {});
      this.reasoning = new Live(body);
      this.folded = el("details", { class: "thought" }, this.label, body);
      this.place.prepend(this.folded);
    }
    this.label.textContent = thinking ? "Thinking …" : "How it reasoned";
    this.reasoning.update(thought);
  }
}

// The messages of one conversation, and the answer that is being written.

import { copyButton, el, iconButton, settle } from "./dom.js";
import { receipt } from "./receipt.js";
import { Prose, split } from "./thought.js";

const thread = document.getElementById("thread");
const scroll = document.getElementById("scroll");
const latest = document.getElementById("latest");
const NEAR = 80; // pixels from the end within which the view follows the answer

export class Thread {
  /** To be set: `actions`: regenerate(message), goOn(message), select(id), edit(message, text), consent(message, yes). */
  constructor() {
    this.actions = {};
    this.nodes = new Map(); // what the server told of a message, in JSON → its node
    this.following = true;
    scroll.addEventListener("scroll", () => this.onScroll(), { passive: true });
    latest.addEventListener("click", () => this.toEnd());
  }

  /** `again`: the same conversation, so a reader who has scrolled up is left where they read. */
  show(messages, again = false, earlier = 0) {
    const reading = again && !this.following;
    const place = scroll.scrollTop;
    const before = this.nodes;
    this.nodes = new Map();
    for (const each of messages) {
      const message = { ...each, last: each === messages.at(-1) };
      const said = JSON.stringify(message);
      this.nodes.set(said, before.get(said) ?? this.message(message));
    }
    const above = earlier ? [this.earlier(earlier)] : [];
    settle(thread, [...above, ...this.nodes.values()]);
    if (reading) scroll.scrollTop = place;
    else this.toEnd();
  }

  earlier(count) {
    return el("p", { class: "earlier" }, el(
      "button", { type: "button", onclick: () => this.actions.showEarlier() }, `Show the ${count} earlier messages`));
  }

  /** Remove this message and all under it. */
  cutAt(id) {
    const node = thread.querySelector(`[data-id="${CSS.escape(id)}"]`);
    while (node?.nextSibling) node.nextSibling.remove();
    node?.remove();
  }

  /** A question for consent has its answer. */
  answeredTo(id) {
    thread.querySelector(`[data-id="${CSS.escape(id)}"] .consent .row`)?.remove();
  }

  addQuestion(text) {
    const node = this.message({ id: "", role: "user", content: text, siblings: [] });
    thread.append(node);
    this.toEnd();
    return node;
  }

  /** An empty answer that grows: `push(text)`. */
  addAnswer() {
    const node = el("article", { class: "answer live", "aria-label": "Answer", "aria-busy": "true" });
    const prose = new Prose(node);
    let text = "";
    let due = false;
    const draw = () => {
      node.classList.toggle("begun", Boolean(text));
      prose.update(text);
    };
    const show = () => {
      draw();
      thread.append(node);
      this.toEnd();
    };
    show();
    return {
      push: (more) => {
        text += more;
        if (due) return;
        due = true; // one rendering per frame, however fast the words come
        requestAnimationFrame(() => {
          due = false;
          if (!node.isConnected) return;
          draw();
          if (this.following) this.toEnd();
        });
      },
      note: (name) => {
        node.querySelector(".remark")?.remove();
        if (name) node.append(el("p", { class: "remark" }, `${name} …`));
      },
      end: (message) => node.replaceWith(this.message(message)),
      show,
      isShown: () => node.isConnected,
    };
  }

  message(message) {
    return message.role === "user" ? this.question(message) : this.answer(message);
  }

  question(message) {
    const text = el("div", { class: "bubble" }, message.content);
    const bar = el("div", { class: "bar" }, copyButton("Copy message", () => message.content));
    const node = el("article", { class: "question", "data-id": message.id, "aria-label": "You" }, text, bar);
    if (message.id) {
      bar.append(iconButton("pen", "Edit and ask again", () => this.editQuestion(node, message)));
      this.siblings(bar, message);
    }
    return node;
  }

  answer(message) {
    const bar = el("div", { class: "bar" }, copyButton("Copy answer", () => split(message.content).said.trim()));
    bar.append(iconButton("again", "Answer again", () => this.actions.regenerate(message)));
    this.siblings(bar, message);
    const { line, drawer } = receipt(message);
    bar.append(line);
    const remark = remarkOn(message);
    const name = `Answer of ${message.model ?? "the model"}`;
    const node = el("article", { class: "answer", "data-id": message.id, "aria-label": name });
    new Prose(node).update(message.content);
    for (const notice of message.receipt?.notices ?? []) node.append(el("p", { class: "remark" }, notice));
    if (remark) node.append(el("p", { class: "remark" }, remark));
    if (message.last && isTooSmall(message)) {
      node.append(el("p", {}, el(
        "button", { type: "button", onclick: () => this.actions.regenerate(message, true) }, "Try anyway")));
    }
    if (message.receipt?.asks) node.append(this.consentTo(message));
    if (message.can_go_on && !message.running) {
      const goOn = () => this.actions.goOn(message);
      node.append(el("div", { class: "row go-on" }, el("button", { type: "button", onclick: goOn }, "Continue")));
    }
    node.append(bar, drawer);
    return node;
  }

  /** What a tool asks before it runs; answered, once the conversation has gone on. */
  consentTo(message) {
    const asked = message.receipt.asks.map(
      (each) => el("p", {}, each.question ?? `May ${each.name} run with ${each.arguments}?`));
    const answer = (yes) => () => this.actions.consent(message, yes);
    const row = message.last
      ? el("div", { class: "row" },
        el("button", { type: "button", onclick: answer(false) }, "No"),
        el("button", { type: "button", class: "primary", onclick: answer(true) }, "Yes"))
      : "";
    return el("div", { class: "consent", role: "group", "aria-label": "Consent" }, ...asked, row);
  }

  siblings(bar, message) {
    const all = message.siblings ?? [];
    const place = all.indexOf(message.id);
    if (all.length < 2) return;
    const step = (name, label, to) => {
      const button = iconButton(name, label, () => this.actions.select(all[to]));
      button.disabled = to < 0 || to >= all.length;
      return button;
    };
    bar.append(el(
      "span", { class: "siblings" },
      step("left", "Previous version", place - 1), `${place + 1}/${all.length}`,
      step("right", "Next version", place + 1),
    ));
  }

  editQuestion(node, message) {
    const area = el("textarea", { "aria-label": "Your message, edited", rows: "3" });
    area.value = message.content;
    const shown = [...node.childNodes];
    const back = () => node.replaceChildren(...shown);
    const form = el(
      "form", { class: "edit", onsubmit: (event) => {
        event.preventDefault();
        this.actions.edit(message, area.value); // if it is refused, the words are still here
      } },
      area,
      el("div", { class: "row" },
        el("button", { type: "button", onclick: back }, "Cancel"),
        el("button", { class: "primary" }, "Ask again")),
    );
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation(); // an answer being written elsewhere is not meant
        back();
      }
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    node.replaceChildren(form);
    area.focus();
  }

  toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
    this.onScroll();
  }

  onScroll() {
    this.following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
    latest.hidden = this.following;
  }
}

/** The answer says that the model is too small, and nothing was tried. */
function isTooSmall({ receipt: told = {} }) {
  const ability = told.steps?.find((each) => each.name === "ability");
  return ability?.state === "needs_larger" && !ability.anyway && !told.sent;
}

function remarkOn(message) {
  if (message.running) return "Still being written …";
  if (message.status === "stopped") return stoppedBy(message.receipt);
  if (message.status === "partial") return "This answer was cut off: the program ended while it was written.";
  if (message.status === "error") return `This answer failed. ${message.receipt?.error ?? ""}`;
  return "";
}

function stoppedBy(receipt) {
  return receipt?.finish_reason === "interrupted"
    ? "The server was stopped while this answer was written." : "You stopped this answer.";
}

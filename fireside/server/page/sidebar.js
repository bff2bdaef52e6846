// The list of conversations: open, rename, delete.  On a phone it is a drawer.

import { ask } from "./api.js";
import { el, iconButton } from "./dom.js";

const sidebar = document.getElementById("sidebar");
const shade = document.getElementById("shade");
const opener = document.getElementById("open-sidebar");
const list = document.getElementById("conversations");
const more = document.getElementById("more");
const confirm = document.getElementById("confirm");

export class Sidebar {
  /** `actions`: open(id), deleted(id), renamed(conversation), failed(error). */
  constructor(actions) {
    this.actions = actions;
    this.current = null;
    this.shown = [];
    opener.addEventListener("click", () => this.drawer(true));
    shade.addEventListener("click", () => this.drawer(false));
    sidebar.addEventListener("keydown", (event) => event.key === "Escape" && this.drawer(false));
    more.addEventListener("click", () => this.load(this.shown.at(-1)?.id));
  }

  drawer(open) {
    const wasOpen = document.body.classList.toggle("drawer", open);
    shade.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (wasOpen) list.querySelector("button")?.focus();
  }

  async load(before) {
    const query = before ? `?before=${encodeURIComponent(before)}` : "";
    const { data, has_more: hasMore } = await ask(`/api/conversations${query}`);
    this.shown = before ? [...this.shown, ...data] : data;
    more.hidden = !hasMore;
    this.draw();
  }

  mark(id) {
    this.current = id;
    this.draw();
  }

  draw() {
    const items = [];
    let heading = null;
    for (const each of this.shown) {
      const when = age(each.updated_at);
      if (when !== heading) items.push(el("li", { class: "when" }, (heading = when)));
      items.push(this.item(each));
    }
    list.replaceChildren(...items);
  }

  item(conversation) {
    const { id } = conversation;
    const title = conversation.title || "Untitled";
    const open = el("button", {
      type: "button", class: "open", title, "aria-current": id === this.current ? "page" : undefined,
      onclick: () => {
        this.drawer(false);
        this.actions.open(id);
      },
    }, title);
    const node = el("li", {}, open,
      iconButton("pen", `Rename ${title}`, () => this.rename(node, conversation)),
      iconButton("bin", `Delete ${title}`, () => this.remove(conversation)));
    return node;
  }

  rename(node, conversation) {
    const input = el("input", { type: "text", maxlength: "200", "aria-label": "New name" });
    input.value = conversation.title;
    let over = false;
    const end = async (keep) => {
      if (over) return;
      over = true;
      const title = input.value.trim();
      try {
        if (keep && title && title !== conversation.title) {
          await ask(`/api/conversations/${conversation.id}`, { method: "PATCH", body: { title } });
          conversation.title = title;
          this.actions.renamed(conversation);
        }
      } catch (error) {
        this.actions.failed(error);
      }
      this.draw();
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    input.addEventListener("blur", () => end(true));
    node.replaceChildren(input);
    input.select();
  }

  async remove(conversation) {
    document.getElementById("confirm-text").textContent =
      `Delete “${conversation.title || "Untitled"}” with all its messages? This cannot be undone.`;
    confirm.returnValue = "";
    confirm.showModal();
    await new Promise((done) => confirm.addEventListener("close", done, { once: true }));
    if (confirm.returnValue !== "yes") return;
    try {
      await ask(`/api/conversations/${conversation.id}`, { method: "DELETE" });
      this.shown = this.shown.filter((each) => each !== conversation);
      this.draw();
      this.actions.deleted(conversation.id);
    } catch (error) {
      this.actions.failed(error);
    }
  }
}

function age(seconds) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.ceil((midnight - seconds * 1000) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "This week";
  return new Date(seconds * 1000).toLocaleDateString(undefined, { month: "long", year: "numeric" });
}

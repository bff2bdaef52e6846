// The list of conversations: open, rename, delete.  On a phone it is a drawer.

import { ask } from "./api.js";
import { el, iconButton, settle } from "./dom.js";

const sidebar = document.getElementById("sidebar");
const shade = document.getElementById("shade");
const opener = document.getElementById("open-sidebar");
const list = document.getElementById("conversations");
const more = document.getElementById("more");
const confirm = document.getElementById("confirm");

export class Sidebar {
  /** `actions`: open(id), deleted(id), renamed(id, title), failed(error). */
  constructor(actions) {
    this.actions = actions;
    this.current = null;
    this.shown = [];
    this.loads = 0;
    this.nodes = new Map(); // what an entry says, in JSON → its node
    this.renaming = null; // the node in which a name is being typed
    opener.addEventListener("click", () => this.drawer(true));
    shade.addEventListener("click", () => this.drawer(false));
    sidebar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || shade.hidden) return;
      event.stopPropagation(); // it closes the drawer, and stops no answer
      this.drawer(false);
    });
    more.addEventListener("click", () => this.loadOlder().catch((error) => this.actions.failed(error)));
  }

  drawer(open) {
    const wasOpen = document.body.classList.toggle("drawer", open);
    shade.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (wasOpen) list.querySelector("button")?.focus();
  }

  /** Learn the newest; those before them that were asked for stay. */
  async load() {
    const turn = ++this.loads;
    const { data, has_more: hasMore } = await ask("/api/conversations");
    if (turn !== this.loads) return; // a later reply knows better
    const oldest = data.at(-1)?.updated_at;
    const older = hasMore ? this.shown.filter((each) => each.updated_at < oldest) : [];
    this.shown = [...data, ...older];
    if (!older.length) more.hidden = !hasMore;
    this.draw();
  }

  async loadOlder() {
    const last = this.shown.at(-1).id;
    const { data, has_more: hasMore } = await ask(`/api/conversations?before=${encodeURIComponent(last)}`);
    if (this.shown.at(-1)?.id !== last) return; // asked twice
    this.shown = [...this.shown, ...data];
    more.hidden = !hasMore;
    this.draw();
  }

  titleOf(id) {
    return this.shown.find((each) => each.id === id)?.title;
  }

  /** This conversation is no more. */
  forget(id) {
    this.shown = this.shown.filter((each) => each.id !== id);
    this.draw();
    return this.load(); // a reply on its way may still have it
  }

  mark(id) {
    this.current = id;
    this.draw();
  }

  draw() {
    if (this.renaming) return; // it is drawn when the new name is there
    const before = this.nodes;
    this.nodes = new Map();
    const put = (said, make) => this.nodes.set(said, before.get(said) ?? make());
    let heading = null;
    for (const each of this.shown) {
      const when = age(each.updated_at);
      if (when !== heading) put(when, () => el("li", { class: "when" }, when));
      heading = when;
      put(JSON.stringify([each.id, each.title, each.id === this.current]), () => this.item(each));
    }
    settle(list, [...this.nodes.values()]);
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

  rename(node, { id, title: before }) {
    const input = el("input", { type: "text", maxlength: "200", "aria-label": "New name" });
    input.value = before;
    const named = async (title) => {
      await ask(`/api/conversations/${id}`, { method: "PATCH", body: { title } });
      for (const each of this.shown) if (each.id === id) each.title = title;
      this.actions.renamed(id, title);
    };
    const back = () => {
      for (const [said, each] of this.nodes) if (each === node) this.nodes.delete(said);
      if (this.renaming === node) this.renaming = null;
      this.draw();
    };
    let over = false;
    const end = async (keep) => {
      if (over) return;
      over = true;
      const title = input.value.trim();
      const changed = keep && title && title !== before;
      try {
        if (changed) await named(title);
        back();
        if (changed) await this.load();
      } catch (error) {
        back();
        this.actions.failed(error);
      }
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && !event.isComposing) end(true);
      if (event.key === "Escape") end(false);
    });
    input.addEventListener("blur", () => end(true));
    this.renaming = node;
    node.replaceChildren(input);
    input.select();
  }

  async remove({ id, title }) {
    document.getElementById("confirm-text").textContent =
      `Delete “${title || "Untitled"}” with all its messages? This cannot be undone.`;
    confirm.returnValue = "";
    confirm.showModal();
    await new Promise((done) => confirm.addEventListener("close", done, { once: true }));
    if (confirm.returnValue !== "yes") return;
    try {
      await ask(`/api/conversations/${id}`, { method: "DELETE" });
      this.actions.deleted(id);
      await this.forget(id);
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

// What the page shows: one conversation, kept by the server.  The address names it (#/c/ID), so a
// reload, a bookmark and the back button all find it again.
//
// Replies come late, and in any order.  So a reply changes what is shown only if it is about what
// is shown by then, and nothing newer was told before it.

import { ask } from "./api.js";
import { mark } from "./models.js";
import { Sidebar } from "./sidebar.js";
import { Thread } from "./thread.js";
import { words } from "./words.js";

const byId = (id) => document.getElementById(id);
const problem = byId("problem");
export const LOOK_AGAIN = 500; // milliseconds

export const here = {
  conversation: null, // as the server last told it; null is a chat not begun
  visit: {}, // another object whenever the person goes somewhere
  arrival: Promise.resolve(true), // false: what the address names is not there
};

/** What this page is asking: by the conversation's id, or by the visit of a chat not begun.
 *  `{ answerId, stopping, live }`; the answer has no id until the server has named it. */
export const asking = new Map();

let looks = 0; // questions to the server about conversations, counted
let told = 0; // the one whose reply is shown
let readOn;
let otherConversation = () => {};

export const thread = new Thread();
export const sidebar = new Sidebar({
  open: (id) => go(`#/c/${id}`),
  deleted: (id) => id === here.conversation?.id && newChat(),
  renamed: (id, title) => id === here.conversation?.id && setTitle(title),
  failed: complain,
});

export function complain(error) {
  problem.textContent = error?.message ?? "";
  problem.hidden = !error;
}

export function setTitle(title) {
  if (here.conversation) here.conversation.title = title;
  byId("title").textContent = title || words("New chat");
  document.title = title ? `${title} · Fireside` : "Fireside";
}

/** `listener(conversationId, answerId)` reads an answer that is being written, and was not asked
 *  here: in another window, or on this page before it was loaded again. */
export function onRunning(listener) {
  readOn = listener;
}

/** `listener(conversationId)` hears of it when another conversation is shown, or none. */
export function onOther(listener) {
  otherConversation = listener;
}

export function show(next) {
  const before = here.conversation;
  const messages = next?.messages ?? [];
  const last = messages.at(-1);
  if (last?.running && !asking.has(next.id)) readOn(next.id, last.id).catch(complain);
  const written = asking.get(next?.id); // here, before the reader's eyes
  const grows = last && written?.answerId === last.id;
  here.conversation = next;
  setTitle(next?.title);
  thread.show(
    grows ? messages.slice(0, -1) : messages, Boolean(next) && next.id === before?.id, next?.earlier ?? 0,
  );
  if (grows) written.live.show();
  byId("hero").hidden = Boolean(last);
  if (next || before) mark(next?.model); // the model chosen for a chat not begun stays
  sidebar.mark(next?.id ?? null);
  showBusy();
  if (next?.id !== before?.id) otherConversation(next?.id);
}

/** The chat not begun is a conversation now. */
export function adopt(begun) {
  here.conversation = begun;
  history.replaceState(null, "", `#/c/${begun.id}`);
  sidebar.mark(begun.id);
}

/** The answer that is being written here. */
export function current() {
  const last = here.conversation?.messages.at(-1);
  return askingHere() ?? (last?.running ? { answerId: last.id } : null);
}

const askingHere = () => asking.get(here.conversation?.id ?? here.visit);

export function showBusy() {
  const busy = Boolean(current());
  if (busy === byId("send").hidden) return;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  byId("status").textContent = busy ? "Answering" : "The answer is complete";
}

/** `asked` has its answer, or was refused. */
export function over(asked) {
  asking.delete(asked.key);
  showBusy();
}

const long = new Set(); // conversations of which the person wants to see all
const pathOf = (id) => `/api/conversations/${id}${long.has(id) ? "?messages=1000000" : ""}`;

/** The messages before those that are shown. */
export function showEarlier() {
  const { id } = here.conversation;
  long.add(id);
  look(id).catch(complain);
}

/** Show what the server tells of conversation `id`, unless it is out of date when it comes.
 *  `ending`: what was asked is over when it comes. */
export async function look(id, { path = pathOf(id), method, ending } = {}) {
  const turn = ++looks;
  let next;
  try {
    next = await ask(path, { method });
  } finally {
    if (ending) over(ending);
  }
  if (here.conversation?.id !== id || turn < told) return;
  if (askingHere()?.live.isShown()) return;
  told = turn;
  show(next);
}

// Going somewhere

export function newChat() {
  go("");
  byId("question").focus();
}

function go(hash) {
  if (location.hash !== hash) history.pushState(null, "", location.pathname + hash);
  follow();
}

/** Show what the address names. */
export function follow() {
  here.visit = {};
  here.arrival = arrive(here.visit);
  return here.arrival;
}

async function arrive(visit) {
  complain(null);
  const id = /^#\/c\/([\w-]+)$/.exec(location.hash)?.[1];
  if (!id) show(null);
  if (!id || id === here.conversation?.id) return true;
  const turn = ++looks;
  const next = await ask(pathOf(id)).catch((error) => error);
  if (visit !== here.visit) return here.arrival; // the person has gone on meanwhile
  told = turn;
  const found = !(next instanceof Error);
  show(found ? next : null);
  if (!found) complain(next);
  return found;
}

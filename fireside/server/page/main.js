// The page: one conversation at a time, kept by the server.  The address names it (#/c/ID), so a
// reload, a bookmark and the back button all find it again.

import { ask, stream } from "./api.js";
import { el } from "./dom.js";
import { showNotice } from "./notice.js";
import { Sidebar } from "./sidebar.js";
import { Thread } from "./thread.js";

const byId = (id) => document.getElementById(id);
const question = byId("question");
const problem = byId("problem");
const modelChoice = byId("model");

let conversation = null; // as the server last told it; null is a chat not begun
const running = new Map(); // conversation id → { answerId, stopping } while this page reads its answer
let defaultModel = null;

const thread = new Thread({ regenerate, select, edit });
const sidebar = new Sidebar({
  open: (id) => (location.hash = `#/c/${id}`),
  deleted: (id) => id === conversation?.id && newChat(),
  renamed: (each) => each.id === conversation?.id && setTitle(each.title),
  failed: complain,
});

// What is on the page

function complain(error) {
  problem.textContent = error?.message ?? "";
  problem.hidden = !error;
}

function setTitle(title) {
  byId("title").textContent = title || "New chat";
  document.title = title ? `${title} · Fireside` : "Fireside";
}

function show(next) {
  const again = next?.id === conversation?.id;
  conversation = next;
  setTitle(next?.title);
  thread.show(next?.messages ?? [], again);
  byId("hero").hidden = Boolean(next?.messages.length);
  modelChoice.value = next?.model ?? defaultModel;
  sidebar.mark(next?.id ?? null);
  showBusy();
}

/** The answer that is being written here: `answerId` is null until the server has named it. */
function current() {
  const last = conversation?.messages.at(-1);
  return running.get(conversation?.id) ?? (last?.running ? { answerId: last.id } : null);
}

function showBusy() {
  const busy = Boolean(current());
  if (busy === byId("send").hidden) return;
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  byId("status").textContent = busy ? "Answering" : "The answer is complete";
}

function newChat() {
  if (location.hash) location.hash = "";
  else show(null);
  question.focus();
}

async function follow() {
  complain(null);
  const id = /^#\/c\/([\w-]+)$/.exec(location.hash)?.[1];
  if (id && id === conversation?.id) return;
  try {
    show(id ? await ask(`/api/conversations/${id}`) : null);
    watch();
  } catch (error) {
    show(null);
    complain(error);
  }
}

/** An answer that somebody else reads (another window, or this one before) is looked at again. */
function watch() {
  const seen = conversation;
  if (!seen?.messages.at(-1)?.running) return;
  setTimeout(async () => {
    if (seen !== conversation) return;
    const next = await ask(`/api/conversations/${seen.id}`).catch(complain);
    if (!next || seen !== conversation) return;
    show(next);
    watch();
  }, 500);
}

// Asking

async function send(text) {
  if (!text.trim() || current()) return;
  complain(null);
  write("");  // at once, so that a second Enter has nothing to send
  const begun = conversation ? null : await begin(text);
  const { id } = conversation;
  byId("hero").hidden = true;
  const node = thread.addQuestion(text);
  if (await receive(`/api/conversations/${id}/turns`, { content: text })) return;
  // Refused, and nothing of it was stored.
  node.remove();
  if (begun && conversation === begun) {
    history.replaceState(null, "", location.pathname);
    show(null);
  }
  giveBack(text);
  if (begun) await ask(`/api/conversations/${id}`, { method: "DELETE" });
}

async function begin(text) {
  const model = modelChoice.value === defaultModel ? undefined : modelChoice.value;
  try {
    conversation = await ask("/api/conversations", { method: "POST", body: { model } });
  } catch (error) {
    giveBack(text);
    throw error;
  }
  history.replaceState(null, "", `#/c/${conversation.id}`);
  return conversation;
}

async function regenerate(message) {
  if (current()) return;
  thread.cutAt(message.id);
  if (await receive(`/api/messages/${message.id}/regenerate`, {})) return;
  show(await ask(`/api/conversations/${conversation.id}`));
}

async function edit(message, text) {
  if (current()) return;
  thread.cutAt(message.id);
  const node = thread.addQuestion(text);
  if (await receive(`/api/messages/${message.id}/edit`, { content: text })) return;
  node.remove();
  show(await ask(`/api/conversations/${conversation.id}`));
}

async function select(id) {
  if (current()) return;
  try {
    show(await ask(`/api/messages/${id}/select`, { method: "POST" }));
  } catch (error) {
    complain(error);
  }
}

/** Show an answer as it comes.  False: the server refused before it began. */
async function receive(path, body) {
  const { id } = conversation;
  const here = () => conversation?.id === id;
  const answer = thread.addAnswer();
  const reading = { answerId: null, stopping: false };
  running.set(id, reading);
  showBusy();
  try {
    for await (const event of stream(path, body)) {
      if (event.type === "start") {
        reading.answerId = event.answer_id;
        named(id).catch(complain);
        if (reading.stopping) await stopAnswer(reading);
      }
      if (event.type === "delta") answer.push(event.text);
      if (event.type === "done") answer.end(event.message);
    }
  } catch (error) {
    answer.remove();
    if (here()) complain(error);
  }
  running.delete(id);
  showBusy();
  if (reading.answerId) await refresh(id);
  return reading.answerId !== null;
}

/** The first question gives a conversation its title. */
async function named(id) {
  await sidebar.load();
  const title = sidebar.shown.find((each) => each.id === id)?.title;
  if (conversation?.id === id) setTitle(title);
}

/** What the server stored is the truth: titles, versions, receipts. */
async function refresh(id) {
  try {
    const next = await ask(`/api/conversations/${id}`);
    if (conversation?.id === id) show(next);
    await sidebar.load();
  } catch (error) {
    if (conversation?.id === id) complain(error); // else it was deleted meanwhile, on purpose
  }
}

async function stop() {
  const answer = current();
  if (!answer) return;
  answer.stopping = true; // kept until the answer has a name
  if (answer.answerId) await stopAnswer(answer);
}

async function stopAnswer({ answerId }) {
  // It may have ended by itself in this very moment; that is no failure.
  await ask(`/api/messages/${answerId}/stop`, { method: "POST" }).catch(() => {});
}

async function choose(name) {
  modelChoice.value = name;
  if (!conversation) return;
  try {
    const body = { model: name };
    conversation = await ask(`/api/conversations/${conversation.id}`, { method: "PATCH", body });
  } catch (error) {
    complain(error);
  }
}

async function loadModels() {
  const { data } = await ask("/api/models");
  defaultModel = data[0];
  modelChoice.replaceChildren(...data.map((name) => el("option", { value: name }, name)));
  modelChoice.disabled = data.length < 2;
  modelChoice.value = conversation?.model ?? defaultModel;
}

// The question box, the keys, the colours

function write(text) {
  question.value = text;
  fitQuestion();
}

/** What could not be sent stands in the box again, above what was typed since. */
function giveBack(text) {
  write([text, question.value].filter(Boolean).join("\n"));
}

function fitQuestion() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
  byId("send").disabled = !question.value.trim();
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("fireside.theme", root.dataset.theme);
}

question.addEventListener("input", fitQuestion);
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(question.value).catch(complain);
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send(question.value).catch(complain);
});
byId("stop").addEventListener("click", stop);
byId("new-chat").addEventListener("click", () => {
  sidebar.drawer(false);
  newChat();
});
byId("theme").addEventListener("click", toggleTheme);
modelChoice.addEventListener("change", () => choose(modelChoice.value));
document.addEventListener("keydown", (event) => event.key === "Escape" && stop());
addEventListener("hashchange", follow);

await Promise.allSettled([loadModels().catch(complain), sidebar.load().catch(complain), follow()]);
fitQuestion();
showNotice(async (name) => {
  await loadModels();
  await choose(name);
}).catch(complain);

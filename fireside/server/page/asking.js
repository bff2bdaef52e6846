// Asking: a question goes out, its answer comes in.  One at a time in each conversation.
//
// The person may be anywhere by the time that the server replies; what they typed is never lost.
// The server writes an answer to its end, whoever reads it: a page that was loaded again, or another
// window, reads on from where it stands.

import { ask, stream } from "./api.js";
import { giveBack, write } from "./box.js";
import { wanted } from "./models.js";
import {
  LOOK_AGAIN, adopt, asking, complain, current, here, look, over, setTitle, show, showBusy, sidebar,
  thread,
} from "./view.js";

export async function send(text) {
  if (!text.trim() || current()) return;
  write(""); // at once, so that a second Enter has nothing to send
  if (!(await here.arrival) || current()) {
    giveBack(text);
    return;
  }
  complain(null);
  const { conversation, visit } = here;
  document.getElementById("hero").hidden = true;
  thread.addQuestion(text);
  const asked = begin(conversation?.id ?? visit);
  let begun = null;
  try {
    if (!conversation) {
      begun = await ask("/api/conversations", { method: "POST", body: { model: wanted() } });
      asked.accepted = () => {
        move(asked, begun.id);
        if (here.visit === visit) adopt(begun);
      };
    }
    const { id } = conversation ?? begun;
    await receive(asked, id, `/api/conversations/${id}/turns`, { content: text });
  } catch (error) {
    refused(asked, error);
    giveBack(text);
    if (begun) await forget(begun.id);
  }
}

/** `anyway`: also where the model was measured to be too small. */
export function regenerate(message, anyway = false) {
  return anew(message, `/api/messages/${message.id}/regenerate`, anyway ? { anyway } : {});
}

export function edit(message, text) {
  return anew(message, `/api/messages/${message.id}/edit`, { content: text }, text);
}

/** Write on an answer that ended early: another version of it, which begins with its text. */
export function goOn(message) {
  return anew(message, `/api/messages/${message.id}/continue`, {});
}

/** Yes or no to what an answer asks for; the answer goes on either way. */
export async function consent(message, approve) {
  if (current()) return;
  complain(null);
  const { id } = here.conversation;
  thread.answeredTo(message.id);
  const asked = begin(id);
  try {
    await receive(asked, id, `/api/messages/${message.id}/consent`, { approve });
  } catch (error) {
    refused(asked, error);
  }
}

/** Another version of a message, in place of it and all under it. */
async function anew(message, path, body, text) {
  if (current()) {
    complain(new Error("An answer is still being written: stop it, or wait for its end."));
    return;
  }
  complain(null);
  const { id } = here.conversation;
  thread.cutAt(message.id);
  if (text !== undefined) thread.addQuestion(text);
  const asked = begin(id);
  try {
    await receive(asked, id, path, body);
  } catch (error) {
    refused(asked, error); // which shows an edited question in its box again
    if (text !== undefined && here.conversation?.id !== id) giveBack(text);
  }
}

/** Stand at another version. */
export async function select(messageId) {
  if (current()) return;
  const path = `/api/messages/${messageId}/select`;
  await look(here.conversation.id, { path, method: "POST" }).catch(complain);
}

export async function stop() {
  const answer = current();
  if (!answer) return;
  answer.stopping = true; // kept until the answer has a name
  if (answer.answerId) await stopAnswer(answer);
}

async function stopAnswer({ answerId }) {
  // It may have ended by itself in this very moment; that is no failure.
  await ask(`/api/messages/${answerId}/stop`, { method: "POST" }).catch(() => {});
}

function begin(key) {
  const asked = { key, answerId: null, stopping: false, live: thread.addAnswer(), accepted() {} };
  asking.set(key, asked);
  showBusy();
  return asked;
}

function move(asked, key) {
  asking.delete(asked.key);
  asked.key = key;
  asking.set(key, asked);
}

/** The server did not take it, and nothing of it was stored. */
function refused(asked, error) {
  over(asked);
  if (asked.live.isShown()) show(here.conversation);
  complain(error);
}

/** Read an answer that is being written already: asked in another window, or before a reload. */
export async function readOn(id, answerId) {
  const asked = begin(id);
  asked.answerId = answerId;
  let last = null;
  try {
    for await (const event of stream(`/api/messages/${answerId}/stream`, { method: "GET" })) {
      last = shown(asked, event);
    }
  } catch { // it ends at this moment, or the connection is lost: what the server tells next says so
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
  await ended(asked, id, last);
}

/** Show an answer as it comes, and at its end what the server stored of it.
 *  Throws if the server refuses before it begins. */
async function receive(asked, id, path, body) {
  let failure = null;
  let last = null;
  try {
    for await (const event of stream(path, { method: "POST", body })) {
      if (event.type === "start") started(asked, id, event);
      last = shown(asked, event);
    }
  } catch (error) {
    if (!asked.answerId) throw error;
    failure = error;
  }
  if (failure && here.conversation?.id === id) complain(failure);
  await ended(asked, id, last);
}

/** Show one event; returns the stored answer, if it brings that. */
function shown(asked, event) {
  if (event.type === "start" && event.begun) asked.live.push(event.begun);
  if (event.type === "delta") asked.live.push(event.text);
  if (event.type === "tool") asked.live.note(event.name);
  if (event.type === "tool_end") asked.live.note(null);
  return event.type === "done" ? event.message : null;
}

function started(asked, id, event) {
  asked.answerId = event.answer_id;
  asked.accepted();
  if (asked.stopping) stopAnswer(asked);
  // The person has been elsewhere and is back.
  if (here.conversation?.id === id && !asked.live.isShown()) look(id).catch(complain);
  named(id).catch(complain);
}

/** The first question gives a conversation its title. */
async function named(id) {
  await sidebar.load();
  const title = sidebar.titleOf(id);
  if (title && here.conversation?.id === id) setTitle(title);
}

/** What the server stored is the truth: titles, versions, receipts.  Until it is here the answer
 *  counts as being written, so that nothing is asked in between and then drawn over. */
async function ended(asked, id, last) {
  try {
    await look(id, { ending: asked });
    await sidebar.load();
  } catch (error) {
    if (last) asked.live.end(last);
    if (here.conversation?.id === id) complain(error); // else it was deleted meanwhile, on purpose
  }
}

async function forget(id) {
  await ask(`/api/conversations/${id}`, { method: "DELETE" });
  sidebar.forget(id);
}

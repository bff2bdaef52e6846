// The server, as functions.  Every failure is an Error whose message is one line for a person.

import { signIn } from "./sign-in.js";

export async function ask(path, { method = "GET", body } = {}) {
  const answer = await send(path, method, body);
  return answer.json();
}

/** Send a file in the field `file` of a form. */
export async function upload(path, file) {
  const form = new FormData();
  form.append("file", file);
  const answer = await send(path, "POST", form);
  return answer.json();
}

/** Yields the events of a stream. */
export async function* stream(path, { method, body }) {
  const answer = await send(path, method, body);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => {
      throw new Error("The connection to the server was lost.");
    });
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = JSON.parse(part.replace(/^data: /, ""));
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

async function send(path, method, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (method !== "GET") {
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is “fireside serve” still running?");
  }
  if (answer.status === 401 && path !== "/api/session") {
    await signIn();
    return send(path, method, body);
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  throw new Error(told?.error?.message ?? `The server failed (${answer.status}).`);
}

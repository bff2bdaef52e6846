// The key of a server that asks for one.  It goes to the server once, which keeps it in a cookie
// that no script can read; this page never stores it.

import { ask } from "./api.js";

let asking;

/** Ask for the key until one is right.  Whoever else is refused meanwhile waits for the same. */
export function signIn() {
  asking ??= tryAgain().finally(() => { asking = undefined; });
  return asking;
}

async function tryAgain() {
  const dialog = document.getElementById("sign-in");
  const key = document.getElementById("key");
  const problem = document.getElementById("sign-in-problem");
  for (;;) {
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    try {
      await ask("/api/session", { method: "POST", body: { key: key.value } });
      key.value = "";
      problem.hidden = true;
      return;
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }
}

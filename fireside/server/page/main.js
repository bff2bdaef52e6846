// The page, put together: what happens at its beginning, and what each button and key does.

import { ask } from "./api.js";
import { consent, edit, goOn, readOn, regenerate, select, send, stop } from "./asking.js";
import { watch } from "./attached.js";
import { fit } from "./box.js";
import { loadModels, mark, onChoice, prefer } from "./models.js";
import { showNotice } from "./notice.js";
import {
  complain, follow, here, newChat, onOther, onRunning, showEarlier, sidebar, thread,
} from "./view.js";
import { translate } from "./words.js";

const byId = (id) => document.getElementById(id);
const question = byId("question");

translate();
thread.actions = { regenerate, goOn, select, edit, consent, showEarlier };

/** Answer with this model from now on. */
async function choose(name) {
  mark(name);
  const id = here.conversation?.id;
  if (!id) return;
  try {
    await ask(`/api/conversations/${id}`, { method: "PATCH", body: { model: name } });
    if (here.conversation?.id === id) here.conversation.model = name;
  } catch (error) {
    if (here.conversation?.id === id) mark(here.conversation.model);
    complain(error);
  }
}

const model = () => here.conversation?.model;

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("fireside.theme", root.dataset.theme);
}

question.addEventListener("input", fit);
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send(question.value).catch(complain);
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send(question.value).catch(complain);
});
// A double click on "send" ends on "stop", which has taken its place.
byId("stop").addEventListener("click", (event) => event.detail < 2 && stop());
byId("new-chat").addEventListener("click", () => {
  sidebar.drawer(false);
  newChat();
});
byId("theme").addEventListener("click", toggleTheme);
onChoice(choose);
onRunning(readOn);
onOther((id) => watch(id).catch(complain));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
  stop();
});
addEventListener("hashchange", follow);

await Promise.allSettled([
  loadModels(model).catch(complain), sidebar.load().catch(complain), follow(),
]);
fit();
showNotice((name) => {
  prefer(name);
  loadModels(model).then(() => choose(name)).catch(complain);
}).catch(complain);

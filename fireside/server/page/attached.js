// Files that were given to the conversation which is shown: the clip beside the question, and a line
// for each file below it.

import { ask, upload } from "./api.js";
import { el, iconButton, settle } from "./dom.js";
import { wanted } from "./models.js";
import { adopt, complain, here, sidebar } from "./view.js";

const LOOK_AGAIN = 400; // milliseconds
const place = document.getElementById("attached");
const chooser = document.getElementById("file");

document.getElementById("attach").addEventListener("click", () => chooser.click());
chooser.addEventListener("change", () => {
  const files = [...chooser.files];
  chooser.value = ""; // the same file may be chosen again
  give(files).catch(complain);
});

async function give(files) {
  complain(null);
  if (!files.length || !(await here.arrival)) return;
  const id = here.conversation?.id ?? (await begin());
  for (const file of files) {
    await upload(`/api/conversations/${id}/files`, file);
    await watch(id);
  }
}

/** A chat not begun becomes a conversation with its first file. */
async function begin() {
  const { visit } = here;
  const begun = await ask("/api/conversations", { method: "POST", body: { model: wanted() } });
  if (here.visit === visit) adopt(begun);
  await sidebar.load();
  return begun.id;
}

/** Show the conversation's files until the last one is read, or something else is shown. */
export async function watch(id) {
  for (;;) {
    const files = id ? (await ask(`/api/conversations/${id}/files`)).data : [];
    if (here.conversation?.id !== id) return;
    settle(place, files.map((file) => line(id, file)));
    place.hidden = !files.length;
    if (!files.some((file) => file.status === "in_progress")) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

function line(id, { id: file, filename, status, problem, unread }) {
  const remove = iconButton("close", `Take ${filename} out`, async () => {
    await ask(`/api/conversations/${id}/files/${file}`, { method: "DELETE" }).catch(complain);
    await watch(id).catch(complain);
  });
  return el("li", { class: status }, `${filename}: ${told(status, problem, unread)}`, remove);
}

function told(status, problem, unread) {
  if (status === "in_progress") return "it is being read …";
  if (status !== "completed") return problem ?? "it was not read";
  return unread.length ? `read, without ${unread.join("; ")}` : "read";
}

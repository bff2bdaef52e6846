// The download of a model: begun, watched, paused, resumed and cancelled, while the chat goes on.

import { ask, stream } from "./api.js";
import { el } from "./dom.js";

/** Fill `row` with the buttons and the bar for `model`; `use()` makes the button for a model that is
 *  here, and `tell(line)` says in a few words what is going on, or "". */
export function showDownload(row, model, use, tell) {
  const { name, download } = model;

  function offer() {
    tell("");
    row.replaceChildren(button(`Get ${name}`, "primary", fetch));
  }

  async function fetch() {
    const bar = el("progress", { max: "1", "aria-label": `Fetching ${name}` });
    const line = el("span", { class: "fine", role: "status" }, "Starting …");
    const pause = button("Pause", "", () => end("pause", "Pausing …"));
    const cancel = button("Cancel", "", () => end("cancel", "Cancelling …"));
    row.replaceChildren(bar, line, buttons(pause, cancel));

    async function end(how, words) {
      pause.disabled = cancel.disabled = true;
      line.textContent = words;
      await ask(`/api/models/pull/${how}`, { method: "POST", body: { name } }).catch(failed);
    }

    let last = null;
    try {
      for await (const event of stream("/api/models/pull", { method: "POST", body: { name } })) {
        last = event;
        if (event.type !== "progress" || pause.disabled) continue;
        if (event.total) bar.value = event.done / event.total;
        line.textContent = event.total
          ? `${event.text}: ${readableSize(event.done)} of ${readableSize(event.total)}` : `${event.text} …`;
        tell(event.total ? `Fetching ${name}: ${Math.floor(100 * event.done / event.total)} %.` : `Fetching ${name} …`);
      }
    } catch (error) {
      failed(error);
      return;
    }
    if (last?.type === "done") {
      tell(`${name} is here.`);
      row.replaceChildren(el("span", {}, `${name} is here.`), use());
    } else if (last?.type === "cancelled") offer();
    else paused(bar.value * model.size_bytes);
  }

  function paused(done) {
    tell("");
    const bar = el("progress", { max: "1", "aria-label": `Fetching ${name}` });
    bar.value = Math.min(1, done / model.size_bytes);
    const line = el("span", { class: "fine", role: "status" },
      `Paused: ${readableSize(done)} of ${readableSize(model.size_bytes)}`);
    const discard = async () => {
      try {
        await ask("/api/models/pull/cancel", { method: "POST", body: { name } });
        offer();
      } catch (error) {
        failed(error);
      }
    };
    row.replaceChildren(bar, line, buttons(button("Resume", "primary", fetch), button("Cancel", "", discard)));
  }

  function failed(error) {
    tell("");
    row.replaceChildren(el("span", { class: "bad", role: "alert" }, error.message), button("Try again", "primary", fetch));
  }

  if (download?.state === "fetching") fetch();
  else if (download?.state === "paused") paused(download.done);
  else offer();
}

function button(label, kind, onclick) {
  return el("button", { type: "button", class: kind || undefined, onclick }, label);
}

/** They stay together where the card is narrow. */
function buttons(...nodes) {
  return el("div", { class: "row" }, ...nodes);
}

export function readableSize(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.max(1, Math.round(bytes / 1e6))} MB`;
}

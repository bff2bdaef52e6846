// Which model answers: the choice at the top of the page.

import { ask } from "./api.js";
import { el } from "./dom.js";

const PERSONA = "persona:";
const choice = document.getElementById("model");
let standard = null; // the server's own choice; null until it has told

/** Learn which models there are; `name` answers. */
export async function loadModels(name) {
  const { data } = await ask("/api/models");
  standard = data[0];
  const persona = (name) => name.startsWith(PERSONA);
  const personas = data.filter(persona).map((name) => option(name, name.slice(PERSONA.length)));
  choice.replaceChildren(
    ...data.filter((name) => !persona(name)).map((name) => option(name, name)),
    ...(personas.length ? [el("optgroup", { label: "Personas" }, ...personas)] : []),
  );
  choice.disabled = data.length < 2;
  mark(name());
}

/** Show who answers; without a name, whom the server chooses. */
export function mark(name) {
  choice.value = name ?? standard;
}

/** Whom a new conversation asks for; undefined leaves it to the server. */
export function wanted() {
  return choice.value && choice.value !== standard ? choice.value : undefined;
}

/** `chosen(name)` when the person chooses. */
export function onChoice(chosen) {
  choice.addEventListener("change", () => chosen(choice.value));
}

function option(value, text) {
  return el("option", { value }, text);
}

// Which model answers: the choice at the top of the page.

import { ask } from "./api.js";
import { el } from "./dom.js";

const PERSONA = "persona:";
const choice = document.getElementById("model");
const hero = document.getElementById("hero"); // what an empty chat shows
const ours = { greeting: hero.querySelector("h2").textContent, description: hero.querySelector("p").textContent };
let standard = null; // the server's own choice; null until it has told
let introductions = {}; // of personas, by their names

/** Learn which models there are; `name` answers. */
export async function loadModels(name) {
  const { data, personas: introduced = {} } = await ask("/api/models");
  standard = data[0];
  introductions = introduced;
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
  greet();
}

/** Whom a new conversation asks for; undefined leaves it to the server. */
export function wanted() {
  return choice.value && choice.value !== standard ? choice.value : undefined;
}

/** `chosen(name)` when the person chooses. */
export function onChoice(chosen) {
  choice.addEventListener("change", () => chosen(choice.value));
}

/** An empty chat is opened by whoever will answer. */
function greet() {
  const { greeting, description } = introductions[choice.value] ?? ours;
  hero.querySelector("h2").textContent = greeting || ours.greeting;
  hero.querySelector("p").textContent = description;
}

function option(value, text) {
  return el("option", { value }, text);
}

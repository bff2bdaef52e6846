// Which model answers: the choice at the top of the page.

import { ask } from "./api.js";
import { el } from "./dom.js";
import { words } from "./words.js";

const PERSONA = "persona:";
const choice = document.getElementById("model");
const hero = document.getElementById("hero"); // what an empty chat shows
const ours = { greeting: words("What is on your mind?"), description: words("Your own assistant, on your own machine.") };
// What a persona can do with its model, where that was measured.
const STATES = { good: "good", limited: "limited", needs_larger: "needs a larger model" };
const PREFERRED = "fireside.model"; // the model that this person chose from the notice
let standard = null; // the server's own choice; null until it has told
let introductions = {}; // of personas, by their names

/** Learn which models there are; `name` answers. */
export async function loadModels(name) {
  const { data, personas: introduced = {} } = await ask("/api/models");
  standard = data[0];
  introductions = introduced;
  const persona = (name) => name.startsWith(PERSONA);
  const personas = data.filter(persona).map((name) => option(name, named(name)));
  choice.replaceChildren(
    ...data.filter((name) => !persona(name)).map((name) => option(name, name)),
    ...(personas.length ? [el("optgroup", { label: "Personas" }, ...personas)] : []),
  );
  choice.disabled = data.length < 2;
  mark(name());
}

/** Show who answers; without a name, whom the person or the server prefers. */
export function mark(name) {
  choice.value = name ?? preferred();
  greet();
}

/** Whom a new conversation asks for; undefined leaves it to the server. */
export function wanted() {
  return choice.value && choice.value !== standard ? choice.value : undefined;
}

/** New conversations ask this model from now on, in this browser. */
export function prefer(name) {
  localStorage.setItem(PREFERRED, name);
}

function preferred() {
  const name = localStorage.getItem(PREFERRED);
  return [...choice.options].some((option) => option.value === name) ? name : standard;
}

/** `chosen(name)` when the person chooses. */
export function onChoice(chosen) {
  choice.addEventListener("change", () => chosen(choice.value));
}

/** An empty chat is opened by whoever will answer. */
function greet() {
  const { greeting, description, ability } = introductions[choice.value] ?? ours;
  hero.querySelector("h2").textContent = greeting || ours.greeting;
  hero.querySelector("p").textContent = description;
  const line = hero.querySelector(".ability");
  line.hidden = !(ability?.state in STATES);
  line.textContent = line.hidden ? "" : `With ${ability.model}: ${ability.line}`;
  line.dataset.state = ability?.state ?? "";
}

/** A persona's name in the list, with what it can do. */
function named(name) {
  const state = STATES[introductions[name]?.ability?.state];
  return name.slice(PERSONA.length) + (state ? ` (${state})` : "");
}

function option(value, text) {
  return el("option", { value }, text);
}

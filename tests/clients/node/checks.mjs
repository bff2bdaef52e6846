// What the checks share: clients, and a list of them that `walk.mjs` runs.
import OpenAI from "openai";

export const MODEL = "smollm2:135m";
export const EMBEDDER = "minilm:l6";
export const { WALK_URL, WALK_KEY, WALK_SLOW_KEY } = process.env;

export function connect(options = {}) {
  return new OpenAI({ baseURL: `${WALK_URL}/v1`, apiKey: WALK_KEY, maxRetries: 2, ...options });
}

export const checks = [];
export const check = (name, run) => checks.push({ name, run });

export async function all(pages) {
  const found = [];
  for await (const each of pages) found.push(each);
  return found;
}

export async function until(look, ended) {
  for (;;) {
    const found = await look();
    if (ended.includes(found.status)) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
}

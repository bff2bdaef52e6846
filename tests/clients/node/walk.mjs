// The unmodified `openai` package for Node walks every group of endpoints that Fireside serves, and
// Vercel's AI SDK those that it knows.
//
// `node walk.mjs` prints one line of JSON per check and goes on after one that fails; the address
// and the keys come from the environment.  It judges shapes and laws, never the model's wit.
import "./chat.mjs";
import "./responses.mjs";
import "./stores.mjs";
import "./jobs.mjs";
import "./errors.mjs";
import "./ai.mjs";
import { checks } from "./checks.mjs";

for (const { name, run } of checks) {
  const began = Date.now();
  let error = null;
  try {
    await run();
  } catch (failure) {
    error = failure.stack ?? String(failure);
  }
  console.log(JSON.stringify({ check: name, error, ms: Date.now() - began }));
}

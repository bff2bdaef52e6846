// The client's own error classes, its retries, and that it can leave.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { check, connect, MODEL, WALK_SLOW_KEY } from "./checks.mjs";

const client = connect();
const ask = { model: MODEL, messages: [{ role: "user", content: "Hi" }], max_completion_tokens: 2 };

async function failing(promise, kind, status) {
  const error = await promise.then(() => assert.fail("it went well"), (failure) => failure);
  assert.ok(error instanceof kind, String(error));
  assert.equal(error.status, status);
  return error;
}

check("error 404", async () => {
  const error = await failing(
    client.chat.completions.create({ ...ask, model: "smollm2:136m" }), OpenAI.NotFoundError, 404,
  );
  assert.equal(error.code, "model_not_found");
  assert.match(error.message, /smollm2:135m/);
  await failing(client.files.retrieve("file-nothing"), OpenAI.NotFoundError, 404);
});

check("error 400", async () => {
  const error = await failing(
    client.chat.completions.create({ ...ask, temprature: 1 }), OpenAI.BadRequestError, 400,
  );
  assert.equal(error.param, "temprature");
  assert.equal(error.type, "invalid_request_error");
  assert.match(error.requestID, /./);
});

check("error 401", async () => {
  const error = await failing(
    connect({ apiKey: "sk-wrong" }).models.list(), OpenAI.AuthenticationError, 401,
  );
  assert.equal(error.code, "invalid_api_key");
});

check("error 429 and its retry", async () => {
  const hurried = connect({ apiKey: WALK_SLOW_KEY, maxRetries: 0 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 30 }, () => hurried.models.retrieve(MODEL)),
  );
  const refused = outcomes.filter((each) => each.status === "rejected").map((each) => each.reason);
  assert.ok(refused.length > 0);
  for (const error of refused) {
    assert.ok(error instanceof OpenAI.RateLimitError, String(error));
    assert.ok(Number(error.headers.get("retry-after")) > 0);
  }
  const patient = connect({ apiKey: WALK_SLOW_KEY, maxRetries: 5 });
  assert.equal((await patient.models.retrieve(MODEL)).id, MODEL);
});

check("abort", async () => {
  const stream = await client.chat.completions.create({
    ...ask, max_completion_tokens: 1000, stream: true,
  });
  for await (const _ of stream) break;
  assert.ok((await client.chat.completions.create(ask)).choices.length > 0);
});

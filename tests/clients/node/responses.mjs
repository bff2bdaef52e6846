// Responses: plain, streamed, chained, kept, over a WebSocket; and conversations.
import assert from "node:assert/strict";
import { ResponsesWS } from "openai/resources/responses/ws";
import { all, check, connect, MODEL, until } from "./checks.mjs";

const client = connect();
const ask = { model: MODEL, input: "Name three colours.", max_output_tokens: 12, temperature: 0 };
const ENDED = ["completed", "incomplete", "failed", "cancelled"];

check("responses plain", async () => {
  const answer = await client.responses.create(ask);
  assert.equal(answer.object, "response");
  assert.equal(answer.status, "incomplete");
  assert.equal(answer.incomplete_details.reason, "max_output_tokens");
  assert.ok(answer.output_text.length > 0);
  assert.equal(answer.usage.output_tokens, 12);
});

check("responses stream", async () => {
  const plain = await client.responses.create(ask);
  const events = await all(await client.responses.create({ ...ask, stream: true }));
  events.forEach((event, i) => assert.equal(event.sequence_number, i));
  assert.equal(events[0].type, "response.created");
  assert.equal(events.at(-1).type, "response.incomplete");
  const text = events
    .filter((event) => event.type === "response.output_text.delta")
    .map((event) => event.delta);
  assert.equal(text.join(""), plain.output_text);
});

check("responses stream helper", async () => {
  const final = await client.responses.stream(ask).finalResponse();
  assert.ok(final.output_text.length > 0);
});

check("responses chain", async () => {
  const first = await client.responses.create({ ...ask, instructions: "Be brief." });
  const second = await client.responses.create({
    ...ask, input: "Which is the warmest?", previous_response_id: first.id,
  });
  assert.equal(second.previous_response_id, first.id);
  assert.ok(second.usage.input_tokens > first.usage.output_tokens);
  const items = await all(client.responses.inputItems.list(second.id));
  assert.ok(JSON.stringify(items).includes("Which is the warmest?"));
  assert.equal((await client.responses.retrieve(first.id)).id, first.id);
  await client.responses.delete(first.id);
  await assert.rejects(client.responses.retrieve(first.id), { status: 404 });
});

check("responses tools", async () => {
  const answer = await client.responses.create({
    ...ask,
    max_output_tokens: 100,
    tool_choice: "required",
    parallel_tool_calls: false,
    tools: [{
      type: "function",
      name: "add",
      strict: true,
      parameters: {
        type: "object",
        properties: { a: { enum: [1, 2] }, b: { enum: [1, 2] } },
        required: ["a", "b"],
        additionalProperties: false,
      },
    }],
  });
  const call = answer.output.find((item) => item.type === "function_call");
  const { a, b } = JSON.parse(call.arguments);
  assert.ok([1, 2].includes(a) && [1, 2].includes(b));
  const told = await client.responses.create({
    ...ask,
    previous_response_id: answer.id,
    input: [{ type: "function_call_output", call_id: call.call_id, output: String(a + b) }],
  });
  assert.ok(told.output_text.length > 0);
});

check("responses parse", async () => {
  const answer = await client.responses.parse({
    ...ask,
    max_output_tokens: 100,
    text: {
      format: {
        type: "json_schema",
        name: "colour",
        strict: true,
        schema: {
          type: "object",
          properties: { colour: { enum: ["red", "blue"] } },
          required: ["colour"],
          additionalProperties: false,
        },
      },
    },
  });
  assert.ok(["red", "blue"].includes(JSON.parse(answer.output_text).colour));
});

check("responses background and cancel", async () => {
  const begun = await client.responses.create({ ...ask, background: true });
  const done = await until(() => client.responses.retrieve(begun.id), ENDED);
  assert.equal(done.status, "incomplete");
  const long = await client.responses.create({
    ...ask, max_output_tokens: 4000, background: true, text: { format: { type: "json_object" } },
  });
  assert.ok(ENDED.includes((await client.responses.cancel(long.id)).status));
});

check("responses input tokens", async () => {
  const { input_tokens } = await client.responses.inputTokens.count({
    model: MODEL, input: ask.input,
  });
  assert.equal((await client.responses.create(ask)).usage.input_tokens, input_tokens);
});

check("responses websocket", async () => {
  const socket = new ResponsesWS(client);
  const events = [];
  await new Promise((done, fail) => {
    socket.on("error", fail);
    socket.on("event", (event) => {
      events.push(event.type);
      if (event.type === "response.incomplete") done();
    });
    const send = () => socket.send({ type: "response.create", ...ask });
    socket.socket?.readyState === 0 ? socket.socket.on("open", send) : send();
  });
  socket.close();
  assert.equal(events[0], "response.created");
  assert.ok(events.includes("response.output_text.delta"));
});

check("conversations", async () => {
  const made = await client.conversations.create({
    metadata: { walk: "node" },
    items: [{ type: "message", role: "user", content: "My name is Ada." }],
  });
  assert.equal(made.object, "conversation");
  await client.responses.create({ ...ask, conversation: made.id });
  const items = await all(client.conversations.items.list(made.id, { order: "asc" }));
  assert.deepEqual(items.map((item) => item.role), ["user", "user", "assistant"]);
  const added = await client.conversations.items.create(made.id, {
    items: [{ type: "message", role: "user", content: "And now?" }],
  });
  const [item] = added.data;
  const found = await client.conversations.items.retrieve(item.id, { conversation_id: made.id });
  assert.equal(found.id, item.id);
  await client.conversations.items.delete(item.id, { conversation_id: made.id });
  const changed = await client.conversations.update(made.id, { metadata: { walk: "on" } });
  assert.equal(changed.metadata.walk, "on");
  assert.equal((await client.conversations.retrieve(made.id)).id, made.id);
  assert.equal((await client.conversations.delete(made.id)).deleted, true);
});

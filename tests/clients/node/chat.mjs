// Chat in all its forms, stored chats, completions, embeddings, moderations, models.
import assert from "node:assert/strict";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { all, check, connect, EMBEDDER, MODEL } from "./checks.mjs";

const client = connect();
const ask = {
  model: MODEL,
  messages: [{ role: "user", content: "Name three colours." }],
  max_completion_tokens: 12,
  temperature: 0,
};
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather of a town.",
    strict: true,
    parameters: {
      type: "object",
      properties: { town: { enum: ["Oslo", "Rome"] } },
      required: ["town"],
      additionalProperties: false,
    },
  },
};
const use = { type: "function", function: { name: "weather" } };

check("chat plain", async () => {
  const answer = await client.chat.completions.create(ask);
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.model, MODEL);
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.equal(answer.usage.completion_tokens, 12);
  assert.equal(answer.choices[0].finish_reason, "length");
  assert.match(answer._request_id, /./);
});

check("chat stream is chat plain", async () => {
  const plain = await client.chat.completions.create(ask);
  const stream = await client.chat.completions.create({
    ...ask, stream: true, stream_options: { include_usage: true },
  });
  const chunks = await all(stream);
  const text = chunks.map((each) => each.choices[0]?.delta?.content ?? "").join("");
  assert.equal(text, plain.choices[0].message.content);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.equal(chunks.at(-1).usage.completion_tokens, 12);
});

check("chat stream helper", async () => {
  const runner = client.chat.completions.stream(ask);
  let heard = "";
  runner.on("content", (delta) => (heard += delta));
  const final = await runner.finalChatCompletion();
  assert.equal(heard, final.choices[0].message.content);
});

check("chat choices and logprobs", async () => {
  const answer = await client.chat.completions.create({
    ...ask, n: 2, temperature: 1, seed: 3, logprobs: true, top_logprobs: 2,
  });
  assert.equal(answer.choices.length, 2);
  for (const token of answer.choices[0].logprobs.content) {
    assert.ok(token.logprob <= 0);
    assert.equal(token.top_logprobs.length, 2);
  }
});

check("chat parse", async () => {
  const Colour = z.object({ colour: z.enum(["red", "blue"]), count: z.number().int() });
  const answer = await client.chat.completions.parse({
    ...ask, max_completion_tokens: 200, response_format: zodResponseFormat(Colour, "colour"),
  });
  Colour.parse(answer.choices[0].message.parsed);
});

check("chat tools", async () => {
  const answer = await client.chat.completions.create({
    ...ask, max_completion_tokens: 100, tools: [weather], tool_choice: use,
  });
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(call.function.name, "weather");
  assert.ok(["Oslo", "Rome"].includes(JSON.parse(call.function.arguments).town));
  const told = await client.chat.completions.create({
    ...ask,
    tools: [weather],
    tool_choice: "none",
    messages: [
      ...ask.messages,
      answer.choices[0].message,
      { role: "tool", tool_call_id: call.id, content: "Rain." },
    ],
  });
  assert.equal(told.choices[0].message.tool_calls, undefined);
});

check("chat tools streamed", async () => {
  const runner = client.chat.completions.stream({
    ...ask, max_completion_tokens: 100, tools: [weather], tool_choice: "required",
  });
  const [call] = (await runner.finalMessage()).tool_calls;
  assert.ok(["Oslo", "Rome"].includes(JSON.parse(call.function.arguments).town));
});

check("chat run tools", async () => {
  const asked = [];
  const runner = client.chat.completions.runTools(
    {
      ...ask,
      max_completion_tokens: 100,
      tool_choice: use,
      tools: [{
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: ({ town }) => (asked.push(town), "Rain."),
        },
      }],
    },
    { maxChatCompletions: 2 },
  );
  await runner.done();
  assert.ok(["Oslo", "Rome"].includes(asked[0]));
});

check("chat stored", async () => {
  const made = await client.chat.completions.create({
    ...ask, store: true, metadata: { walk: "node" },
  });
  const found = await client.chat.completions.retrieve(made.id);
  assert.equal(found.choices[0].message.content, made.choices[0].message.content);
  const changed = await client.chat.completions.update(made.id, { metadata: { walk: "on" } });
  assert.equal(changed.metadata.walk, "on");
  const listed = await all(client.chat.completions.list({ metadata: { walk: "on" } }));
  assert.deepEqual(listed.map((each) => each.id), [made.id]);
  const messages = await all(client.chat.completions.messages.list(made.id));
  assert.equal(messages[0].content, "Name three colours.");
  assert.equal((await client.chat.completions.delete(made.id)).deleted, true);
});

check("completions", async () => {
  const body = { model: MODEL, prompt: "Once upon a", max_tokens: 5, temperature: 0 };
  const plain = await client.completions.create({ ...body, echo: true, logprobs: 1 });
  assert.equal(plain.object, "text_completion");
  assert.ok(plain.choices[0].text.startsWith("Once upon a"));
  assert.equal(plain.choices[0].logprobs.token_logprobs[0], null);
  const chunks = await all(await client.completions.create({ ...body, stream: true }));
  const text = chunks.map((each) => each.choices[0]?.text ?? "").join("");
  assert.equal(`Once upon a${text}`, plain.choices[0].text);
});

check("embeddings", async () => {
  const input = ["a dog", "a puppy", "the parliament"];
  const [dog, puppy, parliament] = (
    await client.embeddings.create({ model: EMBEDDER, input })
  ).data.map((each) => each.embedding);
  const plain = await client.embeddings.create({
    model: EMBEDDER, input, encoding_format: "float",
  });
  assert.equal(dog.length, 384);
  plain.data[0].embedding.forEach((x, i) => assert.ok(Math.abs(x - dog[i]) < 1e-6));
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  assert.ok(dot(dog, puppy) > dot(dog, parliament) + 0.2);
});

check("moderations", async () => {
  const found = await client.moderations.create({ input: ["Hello.", "Good morning."] });
  assert.equal(found.results.length, 2);
  assert.equal(found.results[0].flagged, false);
});

check("models", async () => {
  const names = (await all(client.models.list())).map((each) => each.id);
  assert.ok(names.includes(MODEL) && names.includes(EMBEDDER), names.join());
  assert.equal((await client.models.retrieve(MODEL)).object, "model");
});

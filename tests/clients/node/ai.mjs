// Vercel's AI SDK, as its documentation begins: `gpt-5` by responses and by chat, and the provider
// for compatible servers.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { check, WALK_KEY, WALK_URL } from "./checks.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const access = { baseURL: `${WALK_URL}/v1`, apiKey: WALK_KEY };
const openai = createOpenAI(access);
const compatible = createOpenAICompatible({
  name: "fireside", supportsStructuredOutputs: true, ...access,
});
const models = [openai("gpt-5"), openai.chat("gpt-5"), openai("gpt-4o-mini"), compatible("gpt-5")];
const ask = { prompt: "Name three colours.", maxOutputTokens: 24 };
const town = z.object({ town: z.enum(["Oslo", "Rome"]) });
const weather = tool({
  description: "The weather of a town.",
  inputSchema: town,
  execute: async ({ town }) => `It rains in ${town}.`,
});

check("ai text", async () => {
  for (const model of models) {
    const answer = await generateText({ model, system: "Be brief.", ...ask });
    assert.ok(answer.text.length > 0);
    assert.ok(answer.usage.outputTokens > 0);
  }
});

check("ai stream", async () => {
  for (const model of models) {
    const failures = [];
    const answer = streamText({ model, ...ask, onError: ({ error }) => failures.push(error) });
    const text = (await Array.fromAsync(answer.textStream)).join("");
    assert.deepEqual(failures, []);
    assert.ok(text.length > 0);
  }
});

check("ai structured", async () => {
  for (const model of models) {
    const answer = await generateText({
      model, ...ask, maxOutputTokens: 60, output: Output.object({ schema: town }),
    });
    assert.match(answer.output.town, /^(Oslo|Rome)$/);
  }
});

check("ai tools and their result", async () => {
  for (const model of models) {
    const answer = await generateText({
      model, ...ask, maxOutputTokens: 60, tools: { weather }, stopWhen: stepCountIs(2),
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
    });
    assert.equal(answer.steps.length, 2);
    assert.match(answer.steps[0].toolResults[0].output, /^It rains in/);
  }
});

check("ai hints and history", async () => {
  const hints = {
    reasoningEffort: "low", reasoningSummary: "auto", textVerbosity: "low", store: false,
    serviceTier: "flex", promptCacheKey: "a", user: "ada",
  };
  const messages = [
    { role: "user", content: "Hi" },
    {
      role: "assistant",
      content: [{ type: "reasoning", text: "Hm." }, { type: "text", text: "Hello!" }],
    },
    { role: "user", content: "Name three colours." },
  ];
  for (const model of models) {
    const answer = await generateText({
      model, messages, maxOutputTokens: 24, providerOptions: { openai: hints },
    });
    assert.ok(answer.usage.outputTokens > 0);
  }
});

check("ai embeddings and completion", async () => {
  const model = openai.embedding("text-embedding-3-small");
  assert.equal((await embed({ model, value: "a" })).embedding.length, 384);
  const answer = await generateText({ model: openai.completion("gpt-3.5-turbo-instruct"), ...ask });
  assert.ok(answer.text.length > 0);
});

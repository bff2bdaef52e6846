// What goes on after its request: batches, evals, fine-tuning jobs.
import assert from "node:assert/strict";
import { toFile } from "openai";
import { all, check, connect, MODEL, until } from "./checks.mjs";

const client = connect();
const ENDED = ["completed", "failed", "cancelled", "canceled", "expired", "succeeded"];
const jsonl = (rows) => toFile(Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n")), "a.jsonl");
const messages = (question) => [{ role: "user", content: question }];

check("batches", async () => {
  const rows = ["one", "two"].map((custom_id) => ({
    custom_id,
    method: "POST",
    url: "/v1/chat/completions",
    body: { model: MODEL, messages: messages(custom_id), max_completion_tokens: 3 },
  }));
  const input = await client.files.create({ file: await jsonl(rows), purpose: "batch" });
  const how = {
    input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h",
  };
  const made = await client.batches.create(how);
  const done = await until(() => client.batches.retrieve(made.id), ENDED);
  assert.deepEqual(done.request_counts, { total: 2, completed: 2, failed: 0 });
  const text = await (await client.files.content(done.output_file_id)).text();
  const answers = text.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(answers.map((each) => each.custom_id).sort(), ["one", "two"]);
  assert.equal(answers[0].response.body.object, "chat.completion");
  assert.ok((await all(client.batches.list())).some((each) => each.id === made.id));
  const other = await client.batches.create(how);
  const ending = await client.batches.cancel(other.id);
  assert.ok(["cancelling", "cancelled", "completed"].includes(ending.status), ending.status);
});

check("evals", async () => {
  const made = await client.evals.create({
    name: "walk",
    data_source_config: {
      type: "custom",
      item_schema: {
        type: "object", properties: { answer: { type: "string" } }, required: ["answer"],
      },
    },
    testing_criteria: [{
      type: "string_check", name: "right", operation: "eq",
      input: "{{item.answer}}", reference: "yes",
    }],
  });
  const run = await client.evals.runs.create(made.id, {
    data_source: {
      type: "jsonl",
      source: {
        type: "file_content",
        content: [{ item: { answer: "yes" } }, { item: { answer: "no" } }],
      },
    },
  });
  const look = () => client.evals.runs.retrieve(run.id, { eval_id: made.id });
  const done = await until(look, ENDED);
  assert.equal(done.status, "completed");
  assert.deepEqual([done.result_counts.passed, done.result_counts.failed], [1, 1]);
  const items = await all(client.evals.runs.outputItems.list(run.id, { eval_id: made.id }));
  assert.equal(items.length, 2);
  assert.equal((await all(client.evals.runs.list(made.id))).length, 1);
  assert.equal((await client.evals.update(made.id, { name: "walked" })).name, "walked");
  assert.equal((await client.evals.delete(made.id)).deleted, true);
});

check("graders", async () => {
  const grader = {
    type: "text_similarity", name: "near", evaluation_metric: "fuzzy_match",
    input: "{{sample.output_text}}", reference: "{{item.answer}}",
  };
  await client.fineTuning.alpha.graders.validate({ grader });
  const judged = await client.fineTuning.alpha.graders.run({
    grader, item: { answer: "Paris" }, model_sample: "Paris",
  });
  assert.equal(judged.reward, 1);
});

check("fine-tuning jobs", async () => {
  const rows = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map((letter) => ({
    messages: [...messages(letter), { role: "assistant", content: "yes" }],
  }));
  const training = await client.files.create({ file: await jsonl(rows), purpose: "fine-tune" });
  const made = await client.fineTuning.jobs.create({
    model: MODEL,
    training_file: training.id,
    method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 50 } } },
  });
  assert.equal(made.object, "fine_tuning.job");
  const cancelled = await client.fineTuning.jobs.cancel(made.id);
  assert.equal(cancelled.status, "cancelled");
  assert.equal((await client.fineTuning.jobs.retrieve(made.id)).status, "cancelled");
  assert.ok((await all(client.fineTuning.jobs.list())).some((each) => each.id === made.id));
  const events = await all(client.fineTuning.jobs.listEvents(made.id));
  assert.ok(events.length > 0);
  assert.deepEqual(await all(client.fineTuning.jobs.checkpoints.list(made.id)), []);
});

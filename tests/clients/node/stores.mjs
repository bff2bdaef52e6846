// Files, uploads in parts, vector stores and what searches them.
import assert from "node:assert/strict";
import { toFile } from "openai";
import { all, check, connect, MODEL } from "./checks.mjs";

const client = connect();
const README = "Fireside keeps its models in FIRESIDE_HOME.\n\nThe harbour master is Ines Korhonen.\n";
const file = (text, name = "notes.txt") => toFile(Buffer.from(text), name);

check("files", async () => {
  const made = await client.files.create({ file: await file(README), purpose: "user_data" });
  assert.equal(made.bytes, Buffer.byteLength(README));
  assert.equal((await client.files.retrieve(made.id)).filename, "notes.txt");
  const ids = (await all(client.files.list({ purpose: "user_data" }))).map((each) => each.id);
  assert.ok(ids.includes(made.id));
  assert.equal(await (await client.files.content(made.id)).text(), README);
  assert.equal((await client.files.waitForProcessing(made.id)).status, "processed");
  assert.equal((await client.files.delete(made.id)).deleted, true);
  await assert.rejects(client.files.content(made.id), { status: 404 });
});

check("uploads", async () => {
  const begun = await client.uploads.create({
    filename: "parts.txt",
    mime_type: "text/plain",
    purpose: "user_data",
    bytes: Buffer.byteLength(README),
  });
  const bytes = Buffer.from(README);
  const parts = [];
  for (const data of [bytes.subarray(0, 20), bytes.subarray(20)]) {
    const part = await client.uploads.parts.create(begun.id, { data: await toFile(data, "part") });
    parts.push(part.id);
  }
  const done = await client.uploads.complete(begun.id, { part_ids: parts });
  assert.equal(done.status, "completed");
  assert.equal(await (await client.files.content(done.file.id)).text(), README);
  const other = await client.uploads.create({
    filename: "none.txt", mime_type: "text/plain", purpose: "user_data", bytes: 5,
  });
  assert.equal((await client.uploads.cancel(other.id)).status, "cancelled");
});

check("vector stores and file search", async () => {
  const store = await client.vectorStores.create({ name: "walk" });
  const one = await client.vectorStores.files.uploadAndPoll(store.id, await file(README));
  assert.equal(one.status, "completed");
  const batch = await client.vectorStores.fileBatches.uploadAndPoll(store.id, {
    files: [await file("Cats sleep a lot.", "cats.md"), await file("Dogs bark.", "dogs.md")],
  });
  assert.deepEqual([batch.status, batch.file_counts.completed], ["completed", 2]);
  const inBatch = await all(
    client.vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store.id }),
  );
  assert.equal(inBatch.length, 2);
  const found = await all(
    client.vectorStores.search(store.id, { query: "Who is the harbour master?" }),
  );
  assert.equal(found[0].filename, "notes.txt");
  assert.ok(found[0].content[0].text.includes("Ines Korhonen"));
  await client.vectorStores.files.update(one.id, {
    vector_store_id: store.id, attributes: { kind: "notes" },
  });
  const filters = { type: "eq", key: "kind", value: "notes" };
  const only = await all(client.vectorStores.search(store.id, { query: "cats", filters }));
  assert.deepEqual([...new Set(only.map((each) => each.filename))], ["notes.txt"]);

  const answer = await client.responses.create({
    model: MODEL,
    input: "Who is the harbour master?",
    max_output_tokens: 24,
    tools: [{ type: "file_search", vector_store_ids: [store.id], max_num_results: 1 }],
    include: ["file_search_call.results"],
  });
  const call = answer.output.find((item) => item.type === "file_search_call");
  assert.equal(call.results[0].filename, "notes.txt");

  const pieces = await all(
    client.vectorStores.files.content(one.id, { vector_store_id: store.id }),
  );
  assert.ok(pieces.map((each) => each.text).join("").includes("Korhonen"));
  await client.vectorStores.files.delete(one.id, { vector_store_id: store.id });
  const left = await all(client.vectorStores.files.list(store.id));
  assert.equal(left.length, 2);
  const renamed = await client.vectorStores.update(store.id, { name: "walked" });
  assert.equal(renamed.name, "walked");
  const ids = (await all(client.vectorStores.list())).map((each) => each.id);
  assert.ok(ids.includes(store.id));
  assert.equal((await client.vectorStores.delete(store.id)).deleted, true);
  await assert.rejects(client.vectorStores.retrieve(store.id), { status: 404 });
});

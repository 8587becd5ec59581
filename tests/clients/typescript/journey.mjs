// As journey.py beside it, with TypeScript's client.

import { readFileSync } from "node:fs";
import Letta from "@letta-ai/letta-client";

const MODEL = "openai-proxy/gpt-4o-mini";
const client = new Letta({ baseURL: process.argv[2], apiKey: null });
const texts = JSON.parse(process.argv[3]);

async function collect(items) {
  const found = [];
  for await (const item of await items) found.push(item);
  return found;
}

const types = (messages) => messages.map((message) => message.message_type);

const agent = await client.agents.create({
  name: "Traveller",
  model: MODEL,
  memory_blocks: [
    { label: "human", value: "Likes tea." },
    { label: "persona", value: "A guide." },
  ],
  tags: ["journey"],
});
const seen = {
  version: JSON.parse(readFileSync("node_modules/@letta-ai/letta-client/package.json")).version,
  health: (await client.health()).status,
  models: (await client.models.list()).map((model) => model.handle).includes(MODEL),
  retrieved: (await client.agents.retrieve(agent.id)).name,
  listed: (await collect(client.agents.list({ tags: ["journey"] }))).map((found) => found.id === agent.id),
  renamed: (await client.agents.update(agent.id, { name: "Walker" })).name,
};
const answer = await client.agents.messages.create(agent.id, { input: texts.edit });
seen.edit = types(answer.messages);
seen.stop = answer.stop_reason.stop_reason;
seen["steps taken"] = answer.usage.step_count;
const own = { agent_id: agent.id };
seen.block = (await client.agents.blocks.retrieve("human", own)).value;
const steps = await collect(client.agents.messages.create(agent.id, { input: texts.steps, streaming: true }));
seen.steps = types(steps).filter((type) => type !== "ping");
const events = await collect(
  client.agents.messages.create(agent.id, { input: texts.tokens, streaming: true, stream_tokens: true }),
);
const pieces = events.filter((event) => event.message_type === "assistant_message");
seen["in pieces"] = pieces.length > 1;
seen.tokens = pieces.map((piece) => piece.content).join("");
seen.history = types(await collect(client.agents.messages.list(agent.id)));
seen.blocks = (await collect(client.agents.blocks.list(agent.id))).map((block) => block.label).sort();
seen["block updated"] = (await client.agents.blocks.update("human", { ...own, value: "Likes cake." })).value;
const block = await client.blocks.create({ label: "extra", value: "A third one." });
await client.agents.blocks.attach(block.id, own);
seen.attached = (await client.agents.blocks.retrieve("extra", own)).value;
await client.blocks.delete(block.id);
await client.agents.delete(agent.id);
try {
  await client.agents.retrieve(agent.id);
} catch (error) {
  if (!(error instanceof Letta.NotFoundError)) throw error;
  seen.deleted = error.status;
}
process.stdout.write(JSON.stringify(seen));

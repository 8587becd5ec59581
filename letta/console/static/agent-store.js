// What is known of an agent while the page is open: its state, its blocks and what was just changed in them, and its
// conversations, whose streams go on while one looks at something else.
import { LEAN, get, post } from "./api.js";
import { Conversation } from "./conversation.js";
import { key } from "./session.js";
import { batch, effect, signal } from "./view.js";

const stores = new Map();
const PAUSE = 200;
export const OWN = "default";

effect(() => {
  key.value; // who signs in anew sees nothing of what another one saw
  stores.clear();
});

export function storeOf(id) {
  if (!stores.has(id)) stores.set(id, new AgentStore(id));
  return stores.get(id);
}

class AgentStore {
  constructor(id) {
    this.id = id;
    this.agent = signal(null);
    this.problem = signal(null);
    this.blocks = signal(null);
    this.changes = signal(new Map());
    this.conversations = signal(null);
    this.open = new Map();
  }

  conversation(id) {
    if (!this.open.has(id)) this.open.set(id, new Conversation(this.id, id, () => this.refreshSoon()));
    return this.open.get(id);
  }

  async load() {
    try {
      const agent = await get(`/agents/${this.id}`, LEAN);
      batch(() => {
        this.agent.value = agent;
        this.problem.value = null;
      });
    } catch (error) {
      this.problem.value = error;
    }
  }

  async loadConversations() {
    this.conversations.value = await get("/conversations", { agent_id: this.id, limit: 100 });
  }

  async begin(fields = {}) {
    const made = await post("/conversations", fields, { query: { agent_id: this.id } });
    await this.loadConversations();
    return made;
  }

  refreshSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.loadBlocks().catch(() => {}), PAUSE);
  }

  /** Fetch the blocks, and keep what differs from before: somebody else than this page changed it. */
  async loadBlocks() {
    const found = await get(`/agents/${this.id}/core-memory/blocks`, { limit: 200, order: "asc" });
    const before = new Map((this.blocks.value ?? []).map((block) => [block.id, block]));
    const changes = new Map(this.changes.value);
    for (const block of found) {
      const old = before.get(block.id);
      if (old && old.value !== block.value) changes.set(block.id, { before: old.value, at: Date.now() });
      if (this.blocks.value && !old) changes.set(block.id, { before: "", at: Date.now() });
    }
    batch(() => {
      this.changes.value = changes;
      this.blocks.value = found;
    });
  }

  /** A block as this page has just stored it. */
  put(block) {
    batch(() => {
      this.forget(block.id);
      this.blocks.value = (this.blocks.value ?? []).map((one) => (one.id === block.id ? block : one));
    });
  }

  forget(blockId) {
    const changes = new Map(this.changes.value);
    if (blockId) changes.delete(blockId);
    else changes.clear();
    this.changes.value = changes;
  }
}

// One conversation with an agent: what was said, and the turn that goes on. It outlives views, dropped connections and
// reloads of the page: turns run in the background of the server, and their stream is read on from where it broke.
import { events, get, post, request } from "./api.js";
import { batch, signal } from "./view.js";

const PAGE = 40;
const PAUSES = [500, 1000, 2000, 3000, 3000, 3000];
const POLL = 1500;
const GOING_ON = new Set(["created", "running"]);
const BROKEN_OFF = new Set(["cancelled", "error", "llm_api_error"]);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Conversation {
  /** `id` is "default" for the agent's own one; `onStep` is called when the agent may have changed something. */
  constructor(agentId, id, onStep) {
    this.agentId = agentId;
    this.id = id;
    this.onStep = onStep;
    this.stored = signal(null);
    this.more = signal(false);
    this.sent = signal([]);
    this.live = signal(null); // {runId, messages, state}
    this.problem = signal(null);
    this.ending = signal(null);
    this.epoch = 0;
    this.rewritten = []; // calls as a person has changed them, which are approved beforehand
  }

  get path() {
    return `/conversations/${this.id}`;
  }

  /** Fetch the newest messages, and follow the turn that goes on if there is one. */
  async open() {
    if (this.live.value || this.opening) return;
    this.opening = true;
    try {
      const [page, runs] = await Promise.all([this.#page(), this.#active()]);
      const run = runs.find((one) => GOING_ON.has(one.status));
      batch(() => {
        this.problem.value = null;
        this.#show(page);
        this.sent.value = [];
      });
      if (run) this.follow(run.id, run.background ? 0 : null);
    } catch (error) {
      this.problem.value = error;
      this.stored.value ??= [];
    } finally {
      this.opening = false;
    }
  }

  /** Others may talk with the agent as well: fetch what they have said since, if there is a run that isn't known. */
  async look() {
    if (this.live.value || this.opening || !this.stored.value) return;
    const [newest] = await get("/runs", { agent_id: this.agentId, conversation_id: this.id, order: "desc", limit: 1 });
    if (!newest || newest.id === this.looked || this.live.value) return;
    this.looked = newest.id;
    if (!this.stored.value.some((message) => message.run_id === newest.id)) await this.open();
  }

  async older() {
    if (!this.more.value || this.fetching) return;
    this.fetching = true;
    try {
      const page = await this.#page(this.stored.value[0]?.id);
      const known = new Set(this.stored.value.map((message) => message.id));
      batch(() => {
        this.stored.value = [...page.messages.filter((message) => !known.has(message.id)), ...this.stored.value];
        this.more.value = page.more;
      });
    } finally {
      this.fetching = false;
    }
  }

  /** The newest messages; those that were fetched before stay, unless there is a gap between. */
  #show(page) {
    const known = this.stored.value ?? [];
    const place = known.findIndex((message) => message.id === page.messages[0]?.id);
    const older = place > 0 ? known.slice(0, place) : [];
    this.stored.value = [...older, ...page.messages];
    if (!older.length) this.more.value = page.more;
  }

  async #page(before) {
    const query = { agent_id: this.agentId, limit: PAGE, order: "desc", before };
    const found = await get(`${this.path}/messages`, query);
    const rows = new Set(found.map((message) => message.id));
    if (this.id !== "default") found.reverse();
    return { messages: inOrder(found), more: rows.size >= PAGE };
  }

  #active() {
    return get("/runs", { agent_id: this.agentId, conversation_id: this.id, active: true, limit: 5 });
  }

  /** Say something; `content` is text or parts. */
  send(content) {
    this.rewritten = [];
    const otid = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    this.sent.value = [...this.sent.value, { message_type: "user_message", id: otid, otid, content, date: new Date().toISOString() }];
    return this.#turn([{ role: "user", content, otid }], otid);
  }

  /** Answer what the agent asked approval for. `rewritten` are the calls that it is asked to make in place of its own. */
  decide(approvals, rewritten = []) {
    this.rewritten = rewritten;
    return this.#turn([{ type: "approval", approvals }], null);
  }

  /** If the agent asks approval for nothing but what a person has told it to do, it is approved: once. */
  #keepPromise(said) {
    const asked = said.findLast((message) => message.message_type === "approval_request_message");
    const calls = asked && this.ending.value?.reason === "requires_approval" ? callsOf(asked) : [];
    const promised = this.rewritten.map(sameCall);
    this.rewritten = [];
    if (!calls.length || !calls.map(sameCall).every((call) => take(promised, call))) return;
    this.decide(calls.map((call) => ({ type: "approval", tool_call_id: call.tool_call_id, approve: true })));
  }

  async #turn(messages, otid) {
    const epoch = ++this.epoch;
    batch(() => {
      this.problem.value = null;
      this.ending.value = null;
      this.live.value = { runId: null, messages: [], state: "sending" };
    });
    const body = { messages, streaming: true, stream_tokens: true, background: true, include_pings: true };
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await request("POST", `${this.path}/messages`, { body, query: { agent_id: this.agentId } });
        return await this.#read(response, epoch);
      } catch (error) {
        if (epoch !== this.epoch) return;
        if (this.live.value?.runId) return this.#readOn(epoch);
        const retry = [0, 502, 503, 504].includes(error.status) && otid && attempt < PAUSES.length;
        if (!retry) return this.#fail(error, epoch);
        this.#state("reconnecting");
        await pause(PAUSES[attempt]);
      }
    }
  }

  /** Read the stream of a run from a number on; from `null` on, only ask until it is over. */
  async follow(runId, after) {
    const epoch = ++this.epoch;
    this.seen = after ?? 0;
    batch(() => {
      this.ending.value = null;
      this.stored.value = (this.stored.value ?? []).filter((one) => one.run_id !== runId || isInput(one));
      this.live.value = { runId, messages: [], state: after === null ? "polling" : "streaming" };
    });
    return after === null ? this.#poll(epoch) : this.#readOn(epoch);
  }

  async #readOn(epoch) {
    for (let attempt = 0; epoch === this.epoch; attempt++) {
      const { runId } = this.live.value;
      const before = this.seen;
      try {
        const response = await request("POST", `/runs/${runId}/stream`, { body: { starting_after: this.seen, include_pings: true } });
        return await this.#read(response, epoch);
      } catch (error) {
        if (epoch !== this.epoch) return;
        if (error.status === 410 || error.status === 400) return this.#poll(epoch);
        if (error.status && ![502, 503, 504, 429].includes(error.status)) return this.#fail(error, epoch);
        if (this.seen > before) attempt = 0;
        this.#state("reconnecting");
        await Promise.race([pause(PAUSES[Math.min(attempt, PAUSES.length - 1)]), online()]);
      }
    }
  }

  async #read(response, epoch) {
    for await (const wire of events(response)) {
      if (epoch !== this.epoch) return;
      if (wire.seq_id) this.seen = wire.seq_id;
      this.#take(wire);
      if (wire.error_type === "stream_incomplete") return this.#readOn(epoch);
    }
    if (epoch === this.epoch) await this.#settle(epoch);
  }

  #take(wire) {
    const live = this.live.value;
    if (wire.message_type === "stop_reason") this.ending.value = { reason: wire.stop_reason };
    else if (wire.message_type === "error_message") this.ending.value = { reason: "error", message: wire.detail ?? wire.message };
    const shown = !["ping", "stop_reason", "usage_statistics", "error_message"].includes(wire.message_type);
    this.live.value = {
      runId: wire.run_id ?? live.runId,
      messages: shown ? join(live.messages, wire) : live.messages,
      state: live.state === "stopping" ? "stopping" : "streaming",
    };
    if (wire.message_type === "tool_return_message") this.onStep?.();
  }

  async #poll(epoch) {
    this.#state("polling");
    for (let attempt = 0; epoch === this.epoch; ) {
      try {
        const run = await get(`/runs/${this.live.value.runId}`);
        if (!GOING_ON.has(run.status)) {
          this.ending.value = { reason: run.stop_reason };
          return this.#settle(epoch);
        }
        attempt = 0;
      } catch (error) {
        if (error.status && error.status < 500) return this.#fail(error, epoch);
        attempt++;
      }
      await pause(POLL * (1 + attempt));
    }
  }

  /** The turn is over: what is stored of it takes the place of what was streamed. */
  async #settle(epoch) {
    const { runId, messages } = this.live.value;
    let said = messages;
    for (let attempt = 0; runId && attempt < PAUSES.length; attempt++) {
      try {
        said = await get(`/runs/${runId}/messages`, { limit: 1000, order: "asc" });
        break;
      } catch (error) {
        if (error.status && error.status < 500) break;
        await pause(PAUSES[attempt]);
      }
    }
    if (epoch !== this.epoch) return;
    batch(() => {
      const known = new Set(said.map((message) => message.id));
      this.stored.value = [...(this.stored.value ?? []).filter((one) => !known.has(one.id)), ...said, ...this.#cutOff(messages, known)];
      this.sent.value = [];
      this.live.value = null;
    });
    this.onStep?.();
    this.#keepPromise(said);
  }

  /** What had been said when a turn broke off. It isn't stored, but whoever has read it wants to go on seeing it. */
  #cutOff(messages, known) {
    if (!BROKEN_OFF.has(this.ending.value?.reason)) return [];
    return messages.filter((one) => one.message_type === "assistant_message" && !known.has(one.id)).map((one) => ({ ...one, cutOff: true }));
  }

  #fail(error, epoch) {
    if (epoch !== this.epoch) return;
    const runId = error.status === 409 ? error.body?.run_id : null;
    batch(() => {
      this.problem.value = error;
      this.live.value = null;
      if (this.sent.value.length) this.unsent = this.sent.value.at(-1).content;
      this.sent.value = [];
    });
    if (runId) get(`/runs/${runId}`).then((run) => this.follow(runId, run.background ? 0 : null), () => {});
  }

  async stop() {
    const { runId } = this.live.value ?? {};
    if (!runId) return;
    this.#state("stopping");
    await post(`/agents/${this.agentId}/messages/cancel`, { run_ids: [runId] });
  }

  #state(state) {
    if (this.live.value && this.live.value.state !== "stopping") this.live.value = { ...this.live.value, state };
  }
}

const isInput = (message) => ["user_message", "system_message", "approval_response_message"].includes(message.message_type);

function online() {
  return new Promise((resolve) => addEventListener("online", resolve, { once: true }));
}

/** Pages are newest first by row, the parts of a row in their order: sort rows, keep parts. */
function inOrder(messages) {
  const rows = new Map();
  for (const message of messages) {
    const parts = rows.get(message.id) ?? [];
    rows.set(message.id, [...parts, message]);
  }
  return [...rows.values()].flatMap((parts) => parts.sort((a, b) => (a.otid ?? "").localeCompare(b.otid ?? "")));
}

export const keyOf = (message) => `${message.message_type}:${message.otid ?? message.id}`;

/** Messages with one more, or with a piece that belongs to the last of its kind. */
export function join(messages, wire) {
  const place = messages.findLastIndex((one) => keyOf(one) === keyOf(wire));
  if (place < 0) return [...messages, wire];
  const joined = [...messages];
  joined[place] = joinTwo(messages[place], wire);
  return joined;
}

function joinTwo(before, piece) {
  const joined = { ...before };
  if (typeof piece.content === "string") joined.content = (before.content ?? "") + piece.content;
  if (typeof piece.reasoning === "string") joined.reasoning = (before.reasoning ?? "") + piece.reasoning;
  const pieces = callsOf(piece);
  if (pieces.length) joined.tool_calls = pieces.reduce(joinCall, callsOf(before));
  return joined;
}

function joinCall(calls, piece) {
  const place = calls.findIndex((call) => call.tool_call_id === piece.tool_call_id);
  if (place < 0) return [...calls, piece];
  const call = calls[place];
  const args = (call.arguments ?? "") + (piece.arguments ?? "");
  return calls.with(place, { ...call, name: call.name || piece.name, arguments: args });
}

/** A call as a text that is equal for equal calls, whatever the order and the spacing of their arguments. */
function sameCall(call) {
  const sorted = (_, value) =>
    value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value;
  try {
    return `${call.name} ${JSON.stringify(JSON.parse(call.arguments), sorted)}`;
  } catch {
    return `${call.name} ${call.arguments}`;
  }
}

function take(all, one) {
  const place = all.indexOf(one);
  if (place >= 0) all.splice(place, 1);
  return place >= 0;
}

export function callsOf(message) {
  if (Array.isArray(message.tool_calls) && message.tool_calls.length) return message.tool_calls;
  return message.tool_call ? [message.tool_call] : [];
}

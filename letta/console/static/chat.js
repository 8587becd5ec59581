// Talking with an agent, in one conversation or several side by side, with its memory in view.
import { OWN } from "./agent-store.js";
import { remove, patch } from "./api.js";
import { Composer } from "./composer.js";
import { icon } from "./icons.js";
import { Item, isPending, itemsOf } from "./message.js";
import { MemoryStrip } from "./memory-strip.js";
import { go, isPlain, route, to } from "./router.js";
import { ask, attempt, confirm, empty, once, problem } from "./ui.js";
import { html, listen, onMount, signal, view, whileUsed } from "./view.js";

const NEAR = 80;
const LOOK = 5000;
const wide = matchMedia("(min-width: 1180px)");
const strip = signal(wide.matches);
wide.addEventListener("change", () => (strip.value = wide.matches));

export default view((self) => {
  const { store } = self.props;
  onMount(() => void store.loadConversations().catch(() => {}));

  const panes = () => {
    const wanted = (route.value.query.get("with") ?? OWN).split(",").filter(isPlain);
    return [...new Set(wanted.length ? wanted : [OWN])].slice(0, 4);
  };
  const show = (ids) => go(`${to("agents", store.id, "chat")}${ids.length === 1 && ids[0] === OWN ? "" : `?with=${ids.join(",")}`}`);

  return () => {
    const ids = panes();
    return html`<div class="talk">
      <div class="panes" data-count=${ids.length}>${ids.map((id, place) => html`
        <${Pane} key=${id} id=${id} store=${store} only=${ids.length === 1}
          onChoose=${(other) => show(ids.toSpliced(place, 1, other))}
          onClose=${() => show(ids.toSpliced(place, 1))}
          onBeside=${(other) => show([...ids, other])} />`)}</div>
      ${strip.value && html`<${MemoryStrip} store=${store} onClose=${() => (strip.value = false)} />`}
    </div>`;
  };
});

function nameOf(conversation) {
  return conversation.summary || `Conversation of ${new Date(conversation.created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}`;
}

const Pane = view((self) => {
  const { store, id } = self.props;
  const conversation = store.conversation(id);
  const drafts = signal(new Map());
  let log;
  let inner;
  let stuck = true;

  const toEnd = () => {
    if (log && stuck) log.scrollTop = log.scrollHeight;
  };
  onMount(() => {
    conversation.open();
    const observer = new ResizeObserver(toEnd);
    observer.observe(inner);
    observer.observe(log);
    return () => observer.disconnect();
  });
  listen(document, "visibilitychange", () => !document.hidden && conversation.open());
  listen(window, "online", () => conversation.open());
  whileUsed(LOOK, () => conversation.look().catch(() => {}));

  async function scrolled() {
    stuck = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (log.scrollTop > 200 || !conversation.more.value) return;
    const fromEnd = log.scrollHeight - log.scrollTop;
    await attempt(() => conversation.older());
    requestAnimationFrame(() => {
      if (!stuck) log.scrollTop = log.scrollHeight - fromEnd;
    });
  }

  /** Decisions about calls that were asked for together are sent together. */
  function decide(item, decision) {
    const asked = items().filter((one) => isPending(one) && one.asks.id === item.asks.id);
    const made = new Map(drafts.value).set(decision.tool_call_id, decision);
    drafts.value = made;
    if (!asked.every((one) => made.has(one.call.tool_call_id))) return;
    stuck = true;
    drafts.value = new Map();
    const decisions = asked.map((one) => made.get(one.call.tool_call_id));
    const rewritten = decisions.flatMap(({ edited }) => (edited ? [edited] : []));
    conversation.decide(decisions.map(({ edited, ...sent }) => sent), rewritten);
  }

  function items() {
    const live = conversation.live.value;
    return itemsOf([...(conversation.stored.value ?? []), ...conversation.sent.value, ...(live?.messages ?? [])]);
  }

  const sending = () => {
    stuck = true;
    store.forget();
  };

  const begin = once(() => attempt(async () => self.props.onChoose((await store.begin()).id)));
  const beside = once(() => attempt(async () => self.props.onBeside(id === OWN ? (await store.begin()).id : OWN)));

  async function rename() {
    const known = store.conversations.value?.find((one) => one.id === id);
    const act = (name) => patch(`/conversations/${id}`, { summary: name });
    if (await ask({ title: "Name the conversation", label: "Name", value: known?.summary ?? "", act })) await attempt(() => store.loadConversations());
  }

  async function drop() {
    const sure = await confirm({ title: "Delete this conversation?", text: "Its messages are deleted for good. What the agent noted in its memory is kept." });
    if (!sure) return;
    await attempt(async () => {
      await remove(`/conversations/${id}`);
      self.props.onChoose(OWN);
      await store.loadConversations();
    });
  }

  function header({ only, onChoose, onClose }) {
    const known = store.conversations.value ?? [];
    return html`<header class="pane-head">
      <label class="grow"><span class="visually-hidden">Conversation</span>
        <select value=${id} onChange=${(event) => (event.target.value === "new" ? begin() : onChoose(event.target.value))}>
          <option value=${OWN}>Main conversation</option>
          ${known.map((one) => html`<option key=${one.id} value=${one.id}>${nameOf(one)}</option>`)}
          ${id !== OWN && !known.some((one) => one.id === id) && html`<option value=${id}>This conversation</option>`}
          <option value="new">New conversation …</option>
        </select></label>
      ${id !== OWN && html`
        <button class="bare" title="Rename" aria-label="Rename the conversation" onClick=${rename}>${icon("edit")}</button>
        <button class="bare" title="Delete" aria-label="Delete the conversation" onClick=${drop}>${icon("trash")}</button>`}
      <button class="bare beside" title="Another conversation beside this one" aria-label="Another conversation beside this one"
        onClick=${beside}>${icon("split")}</button>
      ${only
        ? html`<button class="bare" title="Memory" aria-label="Memory beside the conversation" aria-pressed=${String(strip.value)}
            onClick=${() => (strip.value = !strip.value)}>${icon("memory")}</button>`
        : html`<button class="bare" title="Close" aria-label="Close this conversation" onClick=${onClose}>${icon("close")}</button>`}
    </header>`;
  }

  return (props) => {
    const live = conversation.live.value;
    const all = items();
    const fresh = new Set(live?.messages ?? []);
    for (const item of all) if (item.call) item.draft = drafts.value.get(item.call.tool_call_id);
    const waits = !live && all.some(isPending);
    return html`<section class="pane" aria-label="Conversation">
      ${header(props)}
      <div class="log" role="log" aria-live="off" aria-busy=${String(Boolean(live))} aria-label="Messages" tabindex="0" ref=${(element) => (log = element ?? log)} onScroll=${scrolled}>
        <div class="inner" ref=${(element) => (inner = element ?? inner)}>
          ${conversation.more.value && html`<p class="aside">Older messages are loaded as you scroll.</p>`}
          ${!conversation.stored.value && html`<p class="waiting" role="status"><span class="spinner"></span> Loading …</p>`}
          ${all.map((item, place) => html`<${Item} key=${item.key} item=${item} last=${place === all.length - 1} onDecide=${live ? null : decide}
            busy=${Boolean(live) && (fresh.has(item.message) || (item.kind === "call" && !item.result))} />`)}
          ${conversation.stored.value && !all.some((item) => item.kind === "call" || item.message.message_type !== "system_message") && empty("chat", `Talk to ${store.agent.value.name}`, "It remembers what matters, here and in its other conversations.")}
          ${status(live)}
          ${!live && ended(conversation.ending.value)}
          ${conversation.problem.value && problem(conversation.problem.value)}
        </div>
      </div>
      <p class="visually-hidden" role="status">${live ? "The agent is answering." : conversation.ending.value ? "The agent has answered." : ""}</p>
      <${Composer} conversation=${conversation} waits=${waits} onSend=${sending} />
    </section>`;
  };
});

const STATES = { sending: "Sending …", streaming: "", reconnecting: "The connection was lost. Reconnecting …", polling: "The agent is busy with a message from elsewhere …", stopping: "Stopping …" };

function status(live) {
  if (!live) return null;
  return html`<p class="working"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${STATES[live.state]}</p>`;
}

const ENDINGS = {
  cancelled: "Stopped.",
  max_steps: "The agent used all its steps for this turn. Send a message to let it continue.",
  max_tokens_exceeded: "The answer was cut off at the token limit.",
  context_window_overflow_in_system_prompt: "The agent's memory and instructions no longer fit the model's context window.",
};
const QUIET = new Set(["end_turn", "requires_approval", "tool_rule", null, undefined]);

function ended(ending) {
  if (!ending || QUIET.has(ending.reason)) return null;
  if (ending.message) return html`<div class="note bad" role="alert">${icon("alert")}<span>${ending.message}</span></div>`;
  return html`<p class="aside">${ENDINGS[ending.reason] ?? `The turn ended: ${ending.reason.replaceAll("_", " ")}.`}</p>`;
}

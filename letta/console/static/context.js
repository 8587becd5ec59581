// A picture of what fills an agent's context window.
import { OWN } from "./agent-store.js";
import { get, post } from "./api.js";
import { icon } from "./icons.js";
import { attempt, code, count, loaded, loader, pretty, short } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

/** Share of the window from which on the server summarizes older messages. */
const COMPACTION = 0.9;

const partsOf = (context) => [
  ["Instructions", context.num_tokens_system, context.system_prompt],
  ["Memory blocks", context.num_tokens_core_memory, context.core_memory],
  ["Facts about memory", context.num_tokens_external_memory_summary, context.external_memory_summary],
  ["Files", (context.num_tokens_directories ?? 0) + (context.num_tokens_memory_filesystem ?? 0), context.directories ?? context.memory_filesystem],
  ["Rules for tools", context.num_tokens_tool_usage_rules ?? 0, context.tool_usage_rules],
  ["Tools", context.num_tokens_functions_definitions, context.functions_definitions],
  ["Summary of older messages", context.num_tokens_summary_memory, context.summary_memory],
  ["Messages", context.num_tokens_messages, context.messages],
];

export default view((self) => {
  const { store } = self.props;
  const conversation = signal(OWN);
  const { state, load } = loader(() => get(`/agents/${store.id}/context`, { conversation_id: conversation.value === OWN ? null : conversation.value }));
  onMount(() => {
    load();
    store.loadConversations().catch(() => {});
  });

  const compact = () => attempt(async () => {
    const path = conversation.value === OWN ? `/agents/${store.id}/summarize` : `/conversations/${conversation.value}/compact`;
    await post(path, {});
    await load();
  }, "Older messages were summarized.");

  function picture(context) {
    const parts = partsOf(context);
    const most = context.context_window_size_max || 1;
    const used = context.context_window_size_current;
    const share = (tokens) => `${(tokens / most) * 100}%`;
    const limit = Math.round(COMPACTION * most);
    const told = parts.filter(([, tokens]) => tokens > 0).map(([name, tokens]) => `${name} ${count(tokens)}`).join(", ");
    return html`
      <dl class="stats">
        <div class="stat"><dt>In use</dt><dd>${count(used)}</dd></div>
        <div class="stat"><dt>Window</dt><dd>${short(most)}</dd></div>
        <div class="stat"><dt>Filled</dt><dd>${((used / most) * 100).toFixed(1)} %</dd></div>
        <div class="stat"><dt>Messages in view</dt><dd>${count(context.num_messages)}</dd></div>
        <div class="stat"><dt>Total messages</dt><dd>${count(context.num_recall_memory)}</dd></div>
        <div class="stat"><dt>In the archive</dt><dd>${count(context.num_archival_memory)}</dd></div>
      </dl>
      <section class="panel">
        <h2>What fills the window</h2>
        <div class="picture-bar" role="img" aria-label=${`Tokens: ${told}; of ${count(most)}. Older messages are summarized from ${count(limit)} on.`}>
          ${parts.map(([name, tokens], place) => tokens > 0 && html`<span key=${name} class=${`k${place}`} title=${`${name}: ${count(tokens)}`} style=${{ width: share(tokens) }}></span>`)}
          <span class="mark-line" style=${{ left: share(limit) }}></span>
        </div>
        <p class="scale"><span>0</span><span class="strikes" style=${{ right: `${(1 - COMPACTION) * 100}%` }}>summarized from ${short(limit)} on</span><span class="wide-only">${short(most)}</span></p>
        <p class="muted after">${used < limit
          ? `${count(limit - used)} tokens are left until older messages are summarized.`
          : "Older messages are summarized after the next answer."}</p>
        ${used / most < 0.25 && html`<p class="muted zoom">Enlarged view of the used part:</p>
          <div class="picture-bar" aria-hidden="true">${parts.map(([name, tokens], place) => tokens > 0 && html`<span key=${name} class=${`k${place}`} title=${`${name}: ${count(tokens)}`} style=${{ width: `${(tokens / used) * 100}%` }}></span>`)}</div>`}
        <ul class="legend">${parts.map(([name, tokens, content], place) => tokens > 0 && html`<li key=${name}><details>
          <summary><span class=${`dot k${place}`} aria-hidden="true"></span><span class="grow">${name}</span>
            <span class="score">${count(tokens)} tokens</span><span class="muted score">${((tokens / used) * 100).toFixed(1)} %</span></summary>
          ${code(pretty(content ?? ""), name)}</details></li>`)}</ul>
      </section>`;
  }

  return () => html`
    <header class="page">
      <label><span class="visually-hidden">Conversation</span><select value=${conversation.value} onChange=${(event) => { conversation.value = event.target.value; load(); }}>
        <option value=${OWN}>Main conversation</option>
        ${(store.conversations.value ?? []).map((one) => html`<option key=${one.id} value=${one.id}>${one.summary || one.id}</option>`)}
      </select></label>
      <div class="actions"><button onClick=${load}>${icon("refresh")} Refresh</button>
        <button onClick=${compact}>Summarize older messages now</button></div>
    </header>
    ${loaded(state.value, picture)}`;
});

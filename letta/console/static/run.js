// One run: what it spent its time with, its steps, and exactly what was said between server and model.
import { LEAN, get } from "./api.js";
import { icon } from "./icons.js";
import { Item, itemsOf } from "./message.js";
import { to } from "./router.js";
import { badgeOf } from "./run-list.js";
import { code, count, duration, loaded, loader, money, pretty, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

export default view((self) => {
  const { id } = self.props;
  const { state, load } = loader(async () => {
    const [run, steps, spans, messages] = await Promise.all([
      get(`/runs/${id}`),
      get(`/runs/${id}/steps`, { limit: 200, order: "asc", include_cost: true }),
      get(`/runs/${id}/trace`).catch(() => []),
      get(`/runs/${id}/messages`, { limit: 500 }).catch(() => []),
    ]);
    const agent = await get(`/agents/${run.agent_id}`, LEAN).catch(() => null);
    return { run, steps, spans, messages, agent };
  });
  onMount(() => void load());

  function show({ run, steps, spans, messages, agent }) {
    const sum = (of) => steps.reduce((total, step) => total + (of(step) ?? 0), 0);
    const priced = steps.some((step) => step.cost_usd !== undefined);
    return html`
      <header class="page"><div><h1>Run ${badgeOf(run)}</h1>
        <p class="muted">${agent ? html`<a href=${to("agents", agent.id)}>${agent.name}</a>, ` : ""}${when(run.created_at)} · <span class="mono">${run.id}</span></p></div>
        <button onClick=${load}>${icon("refresh")} Refresh</button></header>
      ${run.metadata?.error && html`<div class="note bad" role="alert">${icon("alert")}<span>${run.metadata.error.detail ?? run.metadata.error.message ?? pretty(run.metadata.error)}</span></div>`}
      <dl class="stats">
        <div class="stat"><dt>Time</dt><dd>${duration(run.total_duration_ns)}</dd></div>
        <div class="stat"><dt>First token</dt><dd>${duration(run.ttft_ns)}</dd></div>
        <div class="stat"><dt>Steps</dt><dd>${count(steps.length)}</dd></div>
        <div class="stat"><dt>Prompt</dt><dd>${count(sum((step) => step.prompt_tokens))}</dd></div>
        <div class="stat"><dt>Of which cached</dt><dd>${count(sum((step) => step.cached_input_tokens))}</dd></div>
        <div class="stat"><dt>Answer</dt><dd>${count(sum((step) => step.completion_tokens))}</dd></div>
        <div class="stat"><dt>Cost</dt><dd>${priced ? money(sum((step) => step.cost_usd)) : "–"}</dd></div>
      </dl>
      ${spans.length > 0 && html`<section class="panel"><h2>How the time was spent</h2>${timeline(spans)}</section>`}
      <section class="panel"><h2>Steps</h2><ul class="rows">${steps.map((step, place) => html`<${Step} key=${step.id} step=${step} number=${place + 1} />`)}</ul></section>
      <section class="panel"><h2>Messages</h2><div class="inner">${itemsOf(messages).map((item) => html`<${Item} key=${item.key} item=${item} />`)}</div></section>`;
  }

  return () => loaded(state.value, show);
});

const NAMES = { run: "Run", step: "Step", llm_request: "Model", tool_execution: "Tools" };

function timeline(spans) {
  const start = Math.min(...spans.map((span) => new Date(span.timestamp).getTime()));
  const whole = Math.max(...spans.map((span) => new Date(span.timestamp).getTime() - start + (span.duration_ns ?? 0) / 1e6), 1);
  return html`<ul class="spans">${spans.map((span) => {
    const left = ((new Date(span.timestamp).getTime() - start) / whole) * 100;
    const width = Math.max(((span.duration_ns ?? 0) / 1e6 / whole) * 100, 0.4);
    const kind = span.span_name.startsWith("tool") ? "tool" : span.span_name;
    return html`<li key=${span.span_id} class=${kind}><span class="one-line">${NAMES[span.span_name] ?? span.attributes["tool.name"] ?? span.span_name}</span>
      <span class="lane"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect x=${left} y="0" width=${width} height="10" rx="0.4" /></svg></span>
      <span class="score">${duration(span.duration_ns)}</span></li>`;
  })}</ul>`;
}

const Step = view((self) => {
  const trace = signal(null);
  const metrics = signal(null);

  async function unfold(event) {
    if (!event.target.open || trace.value) return;
    get(`/steps/${self.props.step.id}/metrics`).then((found) => (metrics.value = found), () => {});
    try {
      trace.value = { value: await get(`/steps/${self.props.step.id}/trace`) };
    } catch (error) {
      trace.value = { error };
    }
  }

  return ({ step, number }) => html`<li><details onToggle=${unfold}>
    <summary>Step ${number} <span class="mono muted">${step.model}</span> <span class="muted">${count(step.prompt_tokens)} + ${count(step.completion_tokens)} tokens</span>
      ${step.cost_usd !== undefined && html` <span class="muted">${money(step.cost_usd)}</span>`}
      ${step.status && step.status !== "success" && html` <span class="badge bad">${step.status}</span>`}</summary>
    <div class="stack">
      ${metrics.value && html`<p class="muted">Model ${duration(metrics.value.llm_request_ns)}, tools ${duration(metrics.value.tool_execution_ns)}, the step ${duration(metrics.value.step_ns)}</p>`}
      ${step.error_type && html`<div class="note bad">${icon("alert")}<span>${step.error_type}: ${step.error_data?.message ?? pretty(step.error_data ?? "")}</span></div>`}
      ${loaded(trace.value, (found) => found === null
        ? html`<p class="muted">The request is no longer kept (LETTA_TRACE_RETENTION_DAYS).</p>`
        : html`<div><h3>Request</h3>${code(pretty(found.request_json), "request")}</div><div><h3>Answer</h3>${code(pretty(found.response_json), "answer")}</div>`)}
    </div>
  </details></li>`;
});

// Runs with what they took, and plots of them over time: of one agent, or of all.
import { LEAN, get } from "./api.js";
import { bars, byTime } from "./charts.js";
import { icon } from "./icons.js";
import { to } from "./router.js";
import { count, duration, empty, money, moreButton, pager, problem, short, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const STATES = { completed: "good", failed: "bad", cancelled: "warn", running: "busy", created: "busy" };
const MOST = 300;

export const badgeOf = (run) => {
  const word = run.stop_reason === "requires_approval" ? "waiting for approval" : run.status;
  return html`<span class=${`badge ${run.stop_reason === "requires_approval" ? "warn" : (STATES[run.status] ?? "")}`}>${word}</span>`;
};

export const RunList = view((self) => {
  const { agentId } = self.props;
  const status = signal("");
  const runs = signal(null);
  const steps = signal(null);
  const names = signal(new Map());
  const list = pager((page) => get("/runs", { ...page, agent_id: agentId, statuses: status.value || undefined }));

  async function load() {
    list.reload().then(name);
    get("/runs", { agent_id: agentId, limit: MOST }).then((found) => (runs.value = found), () => (runs.value = []));
    get("/steps", { agent_id: agentId, limit: MOST, include_cost: true }).then((found) => (steps.value = found), () => (steps.value = []));
  }

  /** Names of the agents whose runs are shown. */
  async function name() {
    if (agentId) return;
    const ids = [...new Set((list.items.value ?? []).map((run) => run.agent_id))].filter((id) => !names.value.has(id));
    const found = await Promise.all(ids.map((id) => get(`/agents/${id}`, LEAN).catch(() => ({ id, name: "a deleted agent" }))));
    names.value = new Map([...names.value, ...found.map((agent) => [agent.id, agent.name])]);
  }

  onMount(() => void load());

  function plots() {
    if (!runs.value?.length) return null;
    const turns = byTime(runs.value, (run) => run.created_at);
    const calls = byTime(steps.value ?? [], (step) => step.created_at);
    const sum = (group, of) => group.reduce((total, one) => total + (of(one) ?? 0), 0);
    const middle = (group) => group.map((run) => run.total_duration_ns ?? 0).sort((a, b) => a - b)[Math.floor(group.length / 2)] ?? 0;
    const spent = sum(steps.value ?? [], (step) => step.cost_usd);
    return html`<section class="plots" aria-label="Over time">
      ${bars({ title: "Turns", total: count(runs.value.length), format: count, points: turns.map(({ label, group }) => ({ label, value: group.length })) })}
      ${bars({ title: "Tokens", total: short(sum(steps.value ?? [], (step) => step.total_tokens)), format: short, points: calls.map(({ label, group }) => ({ label, value: sum(group, (step) => step.prompt_tokens), second: sum(group, (step) => step.completion_tokens) })) })}
      ${bars({ title: "Cost", total: money(spent), format: money, points: calls.map(({ label, group }) => ({ label, value: sum(group, (step) => step.cost_usd) })) })}
      ${bars({ title: "Median time", total: duration(middle(runs.value)), format: duration, points: turns.map(({ label, group }) => ({ label, value: middle(group) })) })}
    </section>
    ${runs.value.length === MOST && html`<p class="muted"><small>The plots show the newest ${MOST} turns and model calls.</small></p>`}`;
  }

  return () => html`
    <div class="filters">
      <div class="chips" role="group" aria-label="Status">${[["", "All"], ["running", "Running"], ["failed", "Failed"], ["completed", "Completed"], ["cancelled", "Cancelled"]].map(([value, title]) => html`
        <button key=${value} class="chip" aria-pressed=${String(status.value === value)} onClick=${() => { status.value = value; list.reload().then(name); }}>${title}</button>`)}</div>
      <button class="small" onClick=${load}>${icon("refresh")} Refresh</button>
    </div>
    ${plots()}
    ${list.error.value && problem(list.error.value)}
    ${list.items.value?.length === 0 && !list.error.value && empty("runs", "No runs", "Each turn of an agent is a run, with its steps, tokens and cost.")}
    ${list.items.value?.length > 0 && html`<div class="table-wrap"><table>
      <thead><tr><th scope="col">Run</th>${!agentId && html`<th scope="col">Agent</th>`}<th scope="col">Status</th><th scope="col" class="wide-only">Ended with</th><th scope="col" class="number">First token</th><th scope="col" class="number">Time</th></tr></thead>
      <tbody>${list.items.value.map((run) => html`<tr key=${run.id}>
        <td><a href=${to("runs", run.id)}>${when(run.created_at)}</a></td>
        ${!agentId && html`<td><a href=${to("agents", run.agent_id)}>${names.value.get(run.agent_id) ?? "…"}</a></td>`}
        <td>${badgeOf(run)}</td><td class="muted wide-only">${run.stop_reason?.replaceAll("_", " ") ?? ""}</td>
        <td class="number">${duration(run.ttft_ns)}</td><td class="number">${duration(run.total_duration_ns)}</td></tr>`)}</tbody>
    </table></div>${moreButton({ ...list, next: () => list.next().then(name) })}`}`;
});

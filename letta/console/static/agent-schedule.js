// Messages that an agent is sent later, once or again and again.
import { get, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { to } from "./router.js";
import { attempt, confirm, empty, loaded, loader, open, problem, toast, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const FORM = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export default view((self) => {
  const { store } = self.props;
  const { state, load } = loader(() => get(`/agents/${store.id}/schedule`, { limit: 100 }));
  onMount(() => void load());

  async function add() {
    if (await open((close) => html`<${NewMessage} store=${store} close=${close} />`, { label: "Send a message later" })) load();
  }

  async function drop(one) {
    if (!(await confirm({ title: "Delete this message?", text: "It will no longer be sent to the agent. Answers so far are kept." }))) return;
    if (await attempt(() => remove(`/agents/${store.id}/schedule/${one.id}`), "Deleted.")) load();
  }

  const sendNow = (one) => attempt(async () => {
    await post(`/agents/${store.id}/messages/async`, { messages: one.message.messages });
  }, "Sent. The answer will be in the main conversation.");

  const row = (one) => html`<li key=${one.id} class="row spread">
    <div class="grow"><p class="plain">${one.message.messages.map(textOf).join("\n")}</p>
      <p class="facts"><span class=${`badge ${one.next_scheduled_time ? "busy" : ""}`}>${timing(one)}</span>
        ${one.last_sent_at && html`<span>last sent ${one.last_run_id ? html`<a href=${to("runs", one.last_run_id)}>${when(one.last_sent_at)}</a>` : when(one.last_sent_at)}</span>`}
        ${one.next_scheduled_time && html`<span>next ${FORM.format(new Date(one.next_scheduled_time))}</span>`}
      </p>
      ${one.last_error && html`<p class="note bad">${icon("alert")}<span>The last attempt failed. ${one.last_error}</span></p>`}</div>
    <span class="row tight"><button class="small" onClick=${() => sendNow(one)}>Send now</button>
      <button class="bare" title="Delete" aria-label="Delete this message" onClick=${() => drop(one)}>${icon("trash")}</button></span></li>`;

  return () => html`
    <header class="page"><div><h2>Schedule</h2><p class="muted">Messages that will be sent to the agent later, in its main conversation.</p></div>
      <button onClick=${add}>${icon("plus")} Add</button></header>
    ${loaded(state.value, ({ scheduled_messages: found }) => found.length === 0
      ? empty("schedule", "Nothing is scheduled", "Have the agent start the day by reviewing its notes, or remind you of something.")
      : html`<ul class="rows">${found.map(row)}</ul>`)}`;
});

const textOf = (message) => (typeof message.content === "string" ? message.content : message.content.map((part) => part.text ?? "…").join(" "));

function timing({ schedule, next_scheduled_time }) {
  if (schedule.type === "recurring") return html`<span class="mono">${schedule.cron_expression}</span>`;
  return next_scheduled_time ? "once" : "over";
}

const NewMessage = view((self) => {
  const { store, close } = self.props;
  const recurring = signal(false);
  const failure = signal(null);
  const busy = signal(false);

  async function submit(event) {
    event.preventDefault();
    if (busy.value) return;
    const form = new FormData(event.target);
    const schedule = recurring.value
      ? { type: "recurring", cron_expression: form.get("cron") }
      : { type: "one-time", scheduled_at: new Date(form.get("at")).getTime() };
    busy.value = true;
    failure.value = null;
    try {
      await post(`/agents/${store.id}/schedule`, { messages: [{ role: "user", content: form.get("text") }], schedule });
      toast("Scheduled.", "good");
      close(true);
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }

  return () => html`<form onSubmit=${submit}>
    <label class="field"><span>Message</span><textarea name="text" rows="3" required autofocus></textarea></label>
    <div class="chips" role="group" aria-label="How often">
      <button type="button" class="chip" aria-pressed=${String(!recurring.value)} onClick=${() => (recurring.value = false)}>Once</button>
      <button type="button" class="chip" aria-pressed=${String(recurring.value)} onClick=${() => (recurring.value = true)}>Repeatedly</button></div>
    ${recurring.value
      ? html`<label class="field" key="cron"><span>Cron expression</span><input name="cron" class="mono" required placeholder="0 8 * * 1-5" /><small>Minute, hour, day, month, weekday; in the agent's time zone (${store.agent.value.timezone ?? "UTC"}).</small></label>`
      : html`<label class="field" key="at"><span>When</span><input type="datetime-local" name="at" required /></label>`}
    ${failure.value && problem(failure.value)}
    <footer><button type="button" onClick=${() => close()}>Cancel</button><button class="primary" disabled=${busy.value}>Schedule</button></footer></form>`;
});

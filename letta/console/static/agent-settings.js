// What an agent is: its name, model and instructions; its tools and folders; messages it is sent later.
import { get, patch, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, confirm, loaded, loader, open, problem, toast } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

export default view((self) => {
  const { store } = self.props;
  return () => html`<div class="settings">
    <${Basics} store=${store} />
    <${Attached} store=${store} kind="tools" title="Tools" text="What the agent can do." />
    <${Attached} store=${store} kind="folders" title="Folders" text="Files that the agent can open and search." />
    <${Schedule} store=${store} />
    <section class="panel"><h2>Start over</h2><p class="muted">Empties the context. What was said stays stored and can be found by the agent.</p>
      <p class="after"><button onClick=${() => reset(store)}>Empty the context</button></p></section>
  </div>`;
});

async function reset(store) {
  if (!(await confirm({ title: "Empty the context?", text: "The agent no longer sees the conversation so far. It can still search it.", action: "Empty" }))) return;
  await attempt(() => patch(`/agents/${store.id}/reset-messages`, { add_default_initial_messages: false }), "The context is empty.");
}

const Basics = view((self) => {
  const { store } = self.props;
  const models = signal([]);
  const failure = signal(null);
  onMount(() => void get("/models").then((found) => (models.value = found), () => {}));

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    failure.value = null;
    try {
      const fields = {
        name: form.get("name").trim(),
        description: form.get("description").trim(),
        tags: form.get("tags").split(",").map((tag) => tag.trim()).filter(Boolean),
        system: form.get("system"),
      };
      if (form.get("model") !== store.agent.value.model) fields.model = form.get("model");
      store.agent.value = await patch(`/agents/${store.id}`, fields);
      toast("Saved.", "good");
    } catch (error) {
      failure.value = error;
    }
  }

  return () => {
    const agent = store.agent.value;
    return html`<section class="panel"><h2>The agent</h2><form class="stack" onSubmit=${submit}>
      <div class="row">
        <label class="field grow"><span>Name</span><input name="name" required defaultValue=${agent.name} /></label>
        <label class="field grow"><span>Model</span><input name="model" list="all-models" defaultValue=${agent.model ?? ""} /></label>
        <datalist id="all-models">${models.value.map((model) => html`<option key=${model.handle} value=${model.handle}></option>`)}</datalist>
      </div>
      <label class="field"><span>Description</span><input name="description" defaultValue=${agent.description ?? ""} /></label>
      <label class="field"><span>Tags</span><input name="tags" defaultValue=${agent.tags.join(", ")} /></label>
      <label class="field"><span>Instructions (system prompt)</span><textarea name="system" rows="8" defaultValue=${agent.system}></textarea></label>
      ${failure.value && problem(failure.value)}
      <div class="row"><button class="primary">Save</button><small class="mono">${agent.id}</small></div>
    </form></section>`;
  };
});

const Attached = view((self) => {
  const { store, kind } = self.props;
  const { state, load } = loader(() => get(`/agents/${store.id}/${kind}`, { limit: 200 }));
  onMount(() => void load());

  async function add() {
    const known = new Set((state.value?.value ?? []).map((one) => one.id));
    await attempt(async () => {
      const all = (await get(`/${kind}`, { limit: 1000 })).filter((one) => !known.has(one.id));
      const chosen = await open((close) => html`<form onSubmit=${(event) => { event.preventDefault(); close(new FormData(event.target).get("id")); }}>
        ${all.length === 0 ? html`<p>There is nothing else to choose from.</p>` : html`<label class="field"><span>Name</span><select name="id" autofocus>${all.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}</select></label>`}
        <footer><button type="button" onClick=${() => close()}>Cancel</button><button class="primary" disabled=${all.length === 0}>Add</button></footer></form>`, { label: kind === "tools" ? "Give the agent a tool" : "Open a folder to the agent" });
      if (!chosen) return;
      await patch(`/agents/${store.id}/${kind}/attach/${chosen}`);
      await load();
    });
  }

  const detach = (one) => attempt(async () => {
    await patch(`/agents/${store.id}/${kind}/detach/${one.id}`);
    await load();
  });

  const gate = (tool, event) => attempt(async () => {
    await patch(`/agents/${store.id}/tools/approval/${tool.name}`, { requires_approval: event.target.checked });
    await store.load();
  });

  const gated = (tool) => (store.agent.value.tool_rules ?? []).some((rule) => rule.type === "requires_approval" && rule.tool_name === tool.name);

  return ({ title, text }) => html`<section class="panel">
    <header class="row spread"><div><h2>${title}</h2><p class="muted">${text}</p></div><button onClick=${add}>${icon("plus")} Add</button></header>
    ${loaded(state.value, (found) => found.length === 0 ? html`<p class="muted after">None.</p>` : html`<ul class="rows after">${found.map((one) => html`<li key=${one.id} class="row spread">
      <span class="grow"><strong class="mono">${one.name}</strong> <span class="muted">${(one.description ?? "").slice(0, 140)}</span></span>
      <span class="row">${kind === "tools" && html`<label class="check"><input type="checkbox" checked=${gated(one)} onChange=${(event) => gate(one, event)} /><span>asks first</span></label>`}
      <button class="bare" title="Take away" aria-label=${`Take ${one.name} away`} onClick=${() => detach(one)}>${icon("close")}</button></span></li>`)}</ul>`)}
  </section>`;
});

const Schedule = view((self) => {
  const { store } = self.props;
  const { state, load } = loader(() => get(`/agents/${store.id}/schedule`));
  const recurring = signal(false);
  onMount(() => void load());

  async function submit(event, close) {
    event.preventDefault();
    const form = new FormData(event.target);
    const schedule = recurring.value
      ? { type: "recurring", cron_expression: form.get("cron") }
      : { type: "one-time", scheduled_at: new Date(form.get("at")).getTime() };
    const went = await attempt(() => post(`/agents/${store.id}/schedule`, { messages: [{ role: "user", content: form.get("text") }], schedule }), "Scheduled.");
    if (went) {
      close();
      load();
    }
  }

  const Form = view(() => ({ close }) => html`<form onSubmit=${(event) => submit(event, close)}>
    <label class="field"><span>Message</span><textarea name="text" rows="3" required autofocus></textarea></label>
    <div class="chips" role="group" aria-label="How often">
      <button type="button" class="chip" aria-pressed=${String(!recurring.value)} onClick=${() => (recurring.value = false)}>Once</button>
      <button type="button" class="chip" aria-pressed=${String(recurring.value)} onClick=${() => (recurring.value = true)}>Again and again</button></div>
    ${recurring.value
      ? html`<label class="field"><span>Cron expression</span><input name="cron" class="mono" required placeholder="0 8 * * 1-5" /><small>Minute, hour, day, month, weekday; in the agent's time zone (${store.agent.value.timezone ?? "UTC"}).</small></label>`
      : html`<label class="field"><span>When</span><input type="datetime-local" name="at" required /></label>`}
    <footer><button type="button" onClick=${() => close()}>Cancel</button><button class="primary">Schedule</button></footer></form>`);

  const add = () => open((close) => html`<${Form} close=${close} />`, { label: "Send a message later" });
  const drop = (one) => attempt(async () => {
    await remove(`/agents/${store.id}/schedule/${one.id}`);
    await load();
  });

  return () => {
    if (state.value?.error?.isUnoffered && state.value.error.status !== 403) return null;
    return html`<section class="panel"><header class="row spread"><div><h2>Schedule</h2><p class="muted">Messages that the agent is sent later.</p></div>
        <button onClick=${add}>${icon("plus")} Add</button></header>
      ${loaded(state.value, ({ scheduled_messages: found }) => found.length === 0 ? html`<p class="muted after">None.</p>` : html`<ul class="rows after">${found.map((one) => html`<li key=${one.id} class="row spread">
        <span class="grow"><span class="plain">${one.message.messages.map((message) => (typeof message.content === "string" ? message.content : "…")).join(" ")}</span><br />
          <small>${one.schedule.type === "recurring" ? html`<span class="mono">${one.schedule.cron_expression}</span>, ` : ""}${one.next_scheduled_time ? html`next ${new Date(one.next_scheduled_time).toLocaleString()}` : "over"}${one.last_error ? html` <span class="badge bad">${one.last_error}</span>` : ""}</small></span>
        <button class="bare" title="Delete" aria-label="Delete this message" onClick=${() => drop(one)}>${icon("trash")}</button></li>`)}</ul>`)}
    </section>`;
  };
});

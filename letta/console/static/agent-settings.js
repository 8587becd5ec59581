// What an agent is: its name, model and instructions; its tools and folders.
import { LONGEST_NAME } from "./agents.js";
import { get, patch } from "./api.js";
import { icon } from "./icons.js";
import { scoped } from "./session.js";
import { attempt, confirm, loaded, loader, open, problem, toast } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

export default view((self) => {
  const { store } = self.props;
  return () => html`<div class="settings">
    <${Basics} store=${store} />
    <${Attached} store=${store} kind="tools" title="Tools" text="What the agent can do." />
    <${Attached} store=${store} kind="folders" title="Folders" text="Files that the agent can open and search." />
    <section class="panel"><h2>Start over</h2><p class="muted">Empties the context. The messages stay stored, and the agent can still search them.</p>
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
        <label class="field grow"><span>Name</span><input name="name" required maxlength=${LONGEST_NAME} defaultValue=${agent.name} /></label>
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
        <footer><button type="button" onClick=${() => close()}>Cancel</button><button class="primary" disabled=${all.length === 0}>Add</button></footer></form>`, { label: kind === "tools" ? "Give the agent a tool" : "Attach a folder to the agent" });
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
    <header class="row spread"><div><h2>${title}</h2><p class="muted">${text}</p></div>${!scoped.value && html`<button onClick=${add}>${icon("plus")} Add</button>`}</header>
    ${loaded(state.value, (found) => found.length === 0 ? html`<p class="muted after">None.</p>` : html`<ul class="rows after">${found.map((one) => html`<li key=${one.id} class="row spread">
      <span class="grow"><strong class="mono">${one.name}</strong> <span class="muted">${(one.description ?? "").slice(0, 140)}</span></span>
      <span class="row">${kind === "tools" && html`<label class="check"><input type="checkbox" checked=${gated(one)} onChange=${(event) => gate(one, event)} /><span>needs approval</span></label>`}
      <button class="bare" title="Detach" aria-label=${`Detach ${one.name}`} onClick=${() => detach(one)}>${icon("close")}</button></span></li>`)}</ul>`)}
  </section>`;
});

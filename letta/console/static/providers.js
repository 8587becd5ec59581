// Providers of models that were added while the server runs.
import { get, patch, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, confirm, count, empty, loaded, loader, open, problem, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const TYPES = ["openai", "anthropic", "google_ai", "azure", "openrouter", "groq", "together", "deepseek", "xai", "fireworks", "ollama", "vllm", "lmstudio_openai", "bedrock", "mistral"];

export default view(() => {
  const { state, load } = loader(async () => {
    const [added, models] = await Promise.all([get("/providers", { limit: 200 }), get("/models")]);
    return { added, models, given: Object.entries(Object.groupBy(models.filter((model) => model.provider_category === "base"), nameOf)) };
  });
  onMount(() => void load());

  const add = async () => {
    if (await open((close) => html`<${NewProvider} close=${close} />`, { label: "Add a provider" })) load();
  };

  async function drop(provider) {
    if (!(await confirm({ title: `Delete ${provider.name}?`, text: "Agents that use its models can't answer until they get another model." }))) return;
    if (await attempt(() => remove(`/providers/${provider.id}`), "Deleted.")) load();
  }

  const check = (provider) => attempt(() => post(`/providers/${provider.id}/check`), `${provider.name} answers.`);
  const refresh = (provider) => attempt(async () => {
    await patch(`/providers/${provider.id}/refresh`);
    await load();
  }, "The list of models is up to date.");

  return () => html`
    <header class="page"><div><h1>Providers</h1><p class="muted">Providers of models. Those set in the server's environment can't be changed here.</p></div>
      <div class="actions"><button class="primary" onClick=${add}>${icon("plus")} Add a provider</button></div></header>
    ${loaded(state.value, ({ added, given, models }) => added.length + given.length === 0 ? empty("providers", "No providers", "Add a provider's key to use its models for agents.") : html`<ul class="rows">
      ${given.map(([name, offered]) => html`<li key=${name} class="row spread"><div class="grow"><strong>${name}</strong> <span class="tag">${offered[0].provider_type}</span> <span class="tag">environment</span>
        <p class="muted one-line">${told(offered)}</p></div></li>`)}
      ${added.map((provider) => html`<li key=${provider.id} class="row spread"><div class="grow"><strong>${provider.name}</strong> <span class="tag">${provider.provider_type}</span>
        <p class="muted one-line">${told(models.filter((model) => nameOf(model) === provider.name))}</p>
        <p class="facts">${provider.base_url && html`<span class="mono">${provider.base_url}</span>`}<span>changed ${when(provider.updated_at)}</span></p></div>
        <span class="row tight"><button class="small" aria-label=${`Check ${provider.name}`} onClick=${() => check(provider)}>Check</button>
          <button class="bare" title="Refresh the models" aria-label=${`Refresh the models of ${provider.name}`} onClick=${() => refresh(provider)}>${icon("refresh")}</button>
          <button class="bare" title="Delete" aria-label=${`Delete ${provider.name}`} onClick=${() => drop(provider)}>${icon("trash")}</button></span></li>`)}</ul>`)}`;
});

const nameOf = (model) => model.handle.split("/")[0];

function told(models) {
  if (models.length === 0) return "no models found";
  return `${count(models.length)} ${models.length === 1 ? "model" : "models"}: ${models.map((model) => model.handle.slice(nameOf(model).length + 1)).join(", ")}`;
}

const NewProvider = view((self) => {
  const failure = signal(null);
  const busy = signal(false);
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    busy.value = true;
    failure.value = null;
    const base_url = form.get("base_url").trim();
    const body = { provider_type: form.get("type"), api_key: form.get("key"), ...(base_url ? { base_url } : {}) };
    try {
      await post("/providers/check", body);
      self.props.close(await post("/providers", { name: form.get("name"), ...body }));
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }
  return () => html`<form onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="name" required autofocus autocomplete="off" /><small>The handles of its models are name/model.</small></label>
    <label class="field"><span>Kind</span><select name="type">${TYPES.map((type) => html`<option key=${type}>${type}</option>`)}</select></label>
    <label class="field"><span>Key</span><input name="key" type="password" autocomplete="off" /></label>
    <label class="field"><span>Address</span><input name="base_url" type="url" placeholder="only if it isn't the default" /></label>
    ${failure.value && problem(failure.value)}
    <footer><button type="button" onClick=${() => self.props.close()}>Cancel</button><button class="primary" disabled=${busy.value}>${busy.value ? "Checking …" : "Add"}</button></footer></form>`;
});

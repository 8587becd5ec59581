// Keys for programs and people: what each may do, and until when.
import { LEAN, get, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, code, confirm, empty, loaded, loader, open, problem, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const SCOPES = [["read", "Read everything"], ["write", "Read and change everything except keys"], ["admin", "Everything in the organization, including keys"]];

export default view(() => {
  const { state, load } = loader(() => get("/api-keys"));
  onMount(() => void load());

  async function add() {
    const made = await open((close) => html`<${NewKey} close=${close} />`, { label: "New key" });
    if (!made) return;
    load();
    await open((close) => html`<div class="stack"><p>Copy the key now. It will not be shown again.</p>${code(made.key, "key")}<footer><button class="primary" onClick=${() => close()}>Done</button></footer></div>`, { label: `The key ${made.name}` });
  }

  async function drop(key) {
    if (!(await confirm({ title: `Revoke ${key.name}?`, text: "Programs that use it are refused from now on.", action: "Revoke" }))) return;
    if (await attempt(() => remove(`/api-keys/${key.id}`), "Revoked.")) load();
  }

  return () => html`
    <header class="page"><div><h1>Keys</h1><p class="muted">Use keys instead of the server's password to grant fewer permissions.</p></div>
      <div class="actions"><button class="primary" onClick=${add}>${icon("plus")} New key</button></div></header>
    ${loaded(state.value, (found) => found.length === 0 ? empty("keys", "No keys", "Give each program its own key, which can be revoked without changing the password.") : html`<ul class="rows">${found.map((key) => html`<li key=${key.id} class="row spread">
      <div class="grow"><strong>${key.name}</strong> ${key.scopes.map((scope) => html`<span class="tag">${scope}</span> `)}${key.agent_ids && html`<span class="tag">${key.agent_ids.length} ${key.agent_ids.length === 1 ? "agent" : "agents"} only</span>`}
        <p class="facts"><span class="mono">${key.hint}</span><span>${key.last_used_at ? html`last used ${when(key.last_used_at)}` : "never used"}</span><span>${key.expires_at ? html`until ${when(key.expires_at)}` : "until it is revoked"}</span></p></div>
      <button class="bare" title="Revoke" aria-label=${`Revoke ${key.name}`} onClick=${() => drop(key)}>${icon("trash")}</button></li>`)}</ul>`)}`;
});

const NewKey = view((self) => {
  const failure = signal(null);
  const agents = signal([]);
  const chosen = signal(new Map());
  const busy = signal(false);
  let timer;
  const find = (words) => get("/agents", { limit: 50, query_text: words, ...LEAN }).then((found) => (agents.value = found), () => {});
  onMount(() => {
    find("");
    return () => clearTimeout(timer);
  });

  const type = (event) => {
    const words = event.target.value;
    clearTimeout(timer);
    timer = setTimeout(() => find(words), 250);
  };

  function choose(agent, event) {
    const next = new Map(chosen.value);
    if (event.target.checked) next.set(agent.id, agent);
    else next.delete(agent.id);
    chosen.value = next;
  }

  /** Those that are chosen stay in view, whatever is searched for. */
  const offered = () => [...chosen.value.values(), ...agents.value.filter((agent) => !chosen.value.has(agent.id))];
  async function submit(event) {
    event.preventDefault();
    if (busy.value) return;
    const form = new FormData(event.target);
    busy.value = true;
    failure.value = null;
    try {
      self.props.close(await post("/api-keys", {
        name: form.get("name"),
        scopes: [form.get("scope")],
        ...(chosen.value.size ? { agent_ids: [...chosen.value.keys()] } : {}),
        ...(form.get("until") ? { expires_at: new Date(`${form.get("until")}T23:59:59`).toISOString() } : {}),
      }));
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }
  return () => html`<form onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="name" required autofocus autocomplete="off" /></label>
    <label class="field"><span>It may</span><select name="scope">${SCOPES.map(([value, title]) => html`<option key=${value} value=${value}>${title}</option>`)}</select></label>
    <fieldset class="field"><legend>Only these agents</legend>
      <label class="search">${icon("search")}<input type="search" aria-label="Search agents" placeholder="Search" onInput=${type} /></label>
      <div class="choices" tabindex="0" role="group" aria-label="Agents">${offered().map((agent) => html`<label class="check" key=${agent.id}>
        <input type="checkbox" checked=${chosen.value.has(agent.id)} onChange=${(event) => choose(agent, event)} /><span>${agent.name}</span></label>`)}</div>
      <small>${chosen.value.size ? `${chosen.value.size} chosen.` : "None selected: all agents."}</small></fieldset>
    <label class="field"><span>Until</span><input type="date" name="until" /><small>The last day the key works. Leave empty for no end.</small></label>
    ${failure.value && problem(failure.value)}
    <footer><button type="button" onClick=${() => self.props.close()}>Cancel</button><button class="primary" disabled=${busy.value}>${busy.value ? "Creating …" : "Create"}</button></footer></form>`;
});

// Keys for programs and people: what each may do, and until when.
import { get, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, code, confirm, empty, loaded, loader, open, problem, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const SCOPES = [["read", "Read everything"], ["write", "Read and change everything but keys"], ["admin", "All of the organization, its keys as well"]];

export default view(() => {
  const { state, load } = loader(() => get("/api-keys"));
  onMount(() => void load());

  async function add() {
    const made = await open((close) => html`<${NewKey} close=${close} />`, { label: "New key" });
    if (!made) return;
    load();
    await open((close) => html`<div class="stack"><p>Copy it now. It isn't shown again.</p>${code(made.key, "key")}<footer><button class="primary" onClick=${() => close()}>Done</button></footer></div>`, { label: `The key ${made.name}` });
  }

  async function drop(key) {
    if (!(await confirm({ title: `Revoke ${key.name}?`, text: "Programs that use it are refused from now on.", action: "Revoke" }))) return;
    if (await attempt(() => remove(`/api-keys/${key.id}`), "Revoked.")) load();
  }

  return () => html`
    <header class="page"><div><h1>Keys</h1><p class="muted">Instead of the server's password, and with less power.</p></div>
      <div class="actions"><button class="primary" onClick=${add}>${icon("plus")} New key</button></div></header>
    ${loaded(state.value, (found) => found.length === 0 ? empty("keys", "No keys", "Give each program a key of its own: it can be revoked without changing the password.") : html`<div class="table-wrap"><table>
      <thead><tr><th scope="col">Name</th><th scope="col">Key</th><th scope="col">May</th><th scope="col">Last used</th><th scope="col">Expires</th><th scope="col"><span class="visually-hidden">Revoke</span></th></tr></thead>
      <tbody>${found.map((key) => html`<tr key=${key.id}><td><strong>${key.name}</strong></td><td class="mono">${key.hint}</td>
        <td>${key.scopes.map((scope) => html`<span class="tag">${scope}</span> `)}${key.agent_ids && html`<small>${key.agent_ids.length} ${key.agent_ids.length === 1 ? "agent" : "agents"} only</small>`}</td>
        <td>${key.last_used_at ? when(key.last_used_at) : html`<span class="muted">never</span>`}</td><td>${key.expires_at ? when(key.expires_at) : html`<span class="muted">never</span>`}</td>
        <td><button class="bare" title="Revoke" aria-label=${`Revoke ${key.name}`} onClick=${() => drop(key)}>${icon("trash")}</button></td></tr>`)}</tbody></table></div>`)}`;
});

const NewKey = view((self) => {
  const failure = signal(null);
  const agents = signal([]);
  onMount(() => void get("/agents", { limit: 200, include: [] }).then((found) => (agents.value = found), () => {}));
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const chosen = form.getAll("agents");
    failure.value = null;
    try {
      self.props.close(await post("/api-keys", {
        name: form.get("name"),
        scopes: [form.get("scope")],
        ...(chosen.length ? { agent_ids: chosen } : {}),
        ...(form.get("until") ? { expires_at: new Date(form.get("until")).toISOString() } : {}),
      }));
    } catch (error) {
      failure.value = error;
    }
  }
  return () => html`<form onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="name" required autofocus autocomplete="off" /></label>
    <label class="field"><span>It may</span><select name="scope">${SCOPES.map(([value, title]) => html`<option key=${value} value=${value}>${title}</option>`)}</select></label>
    <label class="field"><span>Only these agents</span><select name="agents" multiple size="4">${agents.value.map((agent) => html`<option key=${agent.id} value=${agent.id}>${agent.name}</option>`)}</select><small>None chosen: all.</small></label>
    <label class="field"><span>Until</span><input type="date" name="until" /><small>Empty: until it is revoked.</small></label>
    ${failure.value && problem(failure.value)}
    <footer><button type="button" onClick=${() => self.props.close()}>Cancel</button><button class="primary">Create</button></footer></form>`;
});

// MCP servers, and the tools that they bring.
import { get, patch, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, code, confirm, empty, loaded, loader, open, pretty, problem } from "./ui.js";
import { example } from "./schema.js";
import { html, onMount, signal, view } from "./view.js";

export default view(() => {
  const { state, load } = loader(() => get("/mcp-servers"));
  onMount(() => void load());

  const add = async () => {
    if (await open((close) => html`<${NewServer} close=${close} />`, { label: "Add an MCP server" })) load();
  };

  return () => html`
    <header class="page"><h1>MCP servers</h1><div class="actions"><button class="primary" onClick=${add}>${icon("plus")} Add a server</button></div></header>
    ${loaded(state.value, (servers) => servers.length === 0
      ? empty("mcp", "No MCP servers", "Their tools can be given to agents like any other.")
      : html`<ul class="rows">${servers.map((server) => html`<${Server} key=${server.id} server=${server} alone=${servers.length === 1} reload=${load} />`)}</ul>`)}`;
});

const Server = view((self) => {
  const { server } = self.props;
  const { state, load } = loader(() => get(`/mcp-servers/${server.id}/tools`));

  const refresh = () => attempt(async () => {
    await patch(`/mcp-servers/${server.id}/refresh`);
    await load();
  }, "The tools are up to date with what the server offers.");

  async function drop() {
    if (!(await confirm({ title: `Delete ${server.server_name}?`, text: "Its tools are deleted as well and detached from all agents." }))) return;
    if (await attempt(() => remove(`/mcp-servers/${server.id}`), "Deleted.")) self.props.reload();
  }

  const run = (tool) => open((close) => html`<${TryTool} server=${server} tool=${tool} close=${close} />`, { label: `Try ${tool.name}`, wide: true });

  return () => html`<li>
    <details open=${self.props.alone} onToggle=${(event) => event.target.open && !state.value && load()}>
      <summary>${server.server_name} <span class="muted mono">${server.server_url ?? [server.command, ...(server.args ?? [])].join(" ")}</span></summary>
      <div class="stack">
        <div class="row"><button class="small" onClick=${refresh}>${icon("refresh")} Refresh the tools</button>
          <button class="small" onClick=${drop}>${icon("trash")} Delete</button></div>
        ${loaded(state.value, (tools) => tools.length === 0 ? html`<p class="muted">No tools were imported. Refresh once the server can be reached.</p>` : html`<ul class="passages">${tools.map((tool) => html`
          <li key=${tool.id} class="row spread"><span class="grow"><strong class="mono">${tool.name}</strong><br /><span class="muted">${tool.description}</span></span>
            <button class="small" onClick=${() => run(tool)} aria-label=${`Try ${tool.name}`}>Try</button></li>`)}</ul>`)}
      </div>
    </details></li>`;
});

const TryTool = view((self) => {
  const { server, tool } = self.props;
  const result = signal(null);
  const failure = signal(null);
  const busy = signal(false);
  async function run(event) {
    event.preventDefault();
    busy.value = true;
    failure.value = result.value = null;
    try {
      const args = JSON.parse(new FormData(event.target).get("args") || "{}");
      result.value = await post(`/mcp-servers/${server.id}/tools/${tool.id}/run`, { args });
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }
  return () => html`<form onSubmit=${run}>
    <details><summary class="muted">Schema</summary>${code(pretty(tool.json_schema?.parameters ?? {}), "schema")}</details>
    <label class="field"><span>Arguments (JSON)</span><textarea class="mono" name="args" rows="4" autofocus defaultValue=${pretty(example(tool.json_schema))}></textarea></label>
    ${failure.value && problem(failure.value)}
    ${result.value && code(pretty(result.value.func_return ?? result.value), "result")}
    <footer><button class="primary" disabled=${busy.value}>${busy.value ? "Running …" : "Run"}</button></footer></form>`;
});

const NewServer = view((self) => {
  const failure = signal(null);
  const busy = signal(false);
  const kind = signal("streamable_http");
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    busy.value = true;
    failure.value = null;
    const token = form.get("token")?.trim();
    const config = kind.value === "stdio"
      ? { mcp_server_type: "stdio", command: form.get("command"), args: form.get("args").split("\n").filter(Boolean) }
      : { mcp_server_type: kind.value, server_url: form.get("url"), ...(token ? { auth_header: "Authorization", auth_token: `Bearer ${token}` } : {}) };
    try {
      self.props.close(await post("/mcp-servers", { server_name: form.get("name"), config }));
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }
  return () => html`<form onSubmit=${submit}>
    <label class="field"><span>Name</span><input name="name" required autofocus autocomplete="off" /></label>
    <label class="field"><span>Kind</span><select value=${kind.value} onChange=${(event) => (kind.value = event.target.value)}>
      <option value="streamable_http">Streamable HTTP</option><option value="sse">SSE</option><option value="stdio">A command on the server</option></select></label>
    ${kind.value === "stdio" ? html`
      <label class="field"><span>Command</span><input name="command" required class="mono" /></label>
      <label class="field"><span>Arguments, one per line</span><textarea name="args" rows="3" class="mono"></textarea></label>` : html`
      <label class="field"><span>Address</span><input name="url" type="url" required placeholder="https://…/mcp" /></label>
      <label class="field"><span>Token</span><input name="token" type="password" autocomplete="off" /><small>Sent as Authorization: Bearer …, if there is one.</small></label>`}
    ${failure.value && problem(failure.value)}
    <footer><button type="button" onClick=${() => self.props.close()}>Cancel</button><button class="primary" disabled=${busy.value}>${busy.value ? "Connecting …" : "Add"}</button></footer></form>`;
});

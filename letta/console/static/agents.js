// All agents: to find one, make one, copy one, bring one in, take one out.
import { LEAN, get, post, remove, request } from "./api.js";
import { icon } from "./icons.js";
import { go, to } from "./router.js";
import { scoped } from "./session.js";
import { attempt, confirm, count, empty, moreButton, once, open, pager, problem, save, toast, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const PAUSE = 250;
/** As long as names may be. */
export const LONGEST_NAME = 255;
const COPY = " copy";

export const Agents = view(() => {
  const words = signal("");
  const tags = signal([]);
  const known = signal([]);
  const total = signal(null);
  const models = signal(null);
  const filter = () => ({ query_text: words.value, tags: tags.value, match_all_tags: true });
  const list = pager((page) => get("/agents", { ...page, ...filter(), ...LEAN }), matchMedia("(max-width: 760px)").matches ? 12 : 30);
  let timer;

  function load() {
    list.reload().then(lookForModels);
    get("/agents/count", filter()).then((found) => (total.value = found), () => (total.value = null));
  }

  onMount(() => {
    load();
    get("/tags", { limit: 30 }).then((found) => (known.value = found), () => {});
    return () => clearTimeout(timer);
  });

  /** Where there is no agent yet, there may be no model either. */
  function lookForModels() {
    if (list.items.value?.length) return;
    get("/models").then((found) => (models.value = found.length), () => (models.value = 1)); // who may not know: some
  }

  const cards = (agents) => html`<ul class="cards">${agents.map((agent) => html`
    <${AgentCard} key=${agent.id} agent=${agent} actions=${actions} />`)}</ul>`;

  function type(event) {
    words.value = event.target.value;
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE);
  }

  function toggle(tag) {
    tags.value = tags.value.includes(tag) ? tags.value.filter((one) => one !== tag) : [...tags.value, tag];
    load();
  }

  const actions = {
    duplicate: (agent) => attempt(async () => {
      await duplicate(agent);
      load();
    }, `${agent.name} was copied.`),
    remove: async (agent) => {
      if (await removeAgent(agent)) load();
    },
  };

  const waiting = () => html`<p class="waiting" role="status"><span class="spinner"></span> Loading …</p>`;

  function body() {
    if (list.error.value) return problem(list.error.value);
    if (!list.items.value) return waiting();
    if (list.items.value.length) {
      return html`${cards(list.items.value)}${moreButton(list)}`;
    }
    if (words.value || tags.value.length) return empty("search", "No matching agents", "Try other words or tags.");
    if (models.value === null) return waiting();
    if (models.value === 0) return firstRun();
    return empty("agents", "No agents yet", "An agent keeps its own memory and recognizes you the next time.",
      html`<button class="primary" onClick=${create}>${icon("plus")} New agent</button>`);
  }

  return () => html`
    <header class="page">
      <div><h1>Agents</h1>${total.value !== null && html`<p class="muted">${count(total.value)} ${total.value === 1 ? "agent" : "agents"}</p>`}</div>
      <div class="actions">
        ${!scoped.value && html`<label class="button" tabindex="-1">${icon("upload")} <span>Import</span>
          <input type="file" class="hidden-input" accept=".af,application/json" aria-label="Import an agent file"
            onChange=${bringIn} /></label>
        <button class="primary" onClick=${create}>${icon("plus")} <span>New agent</span></button>`}
      </div>
    </header>
    <div class="filters" role="search">
      <label class="search">${icon("search")}<input type="search" placeholder="Search by name or description"
        aria-label="Search agents" value=${words.value} onInput=${type} /></label>
      ${known.value.length > 0 && html`<div class="chips" role="group" aria-label="Tags">${known.value.map((tag) => html`
        <button key=${tag} class="chip" aria-pressed=${String(tags.value.includes(tag))} onClick=${() => toggle(tag)}>${tag}</button>`)}</div>`}
    </div>
    ${body()}`;
});

const AgentCard = view((self) => {
  const copy = once(() => self.props.actions.duplicate(self.props.agent));
  return ({ agent, actions }) => html`
  <li class="card agent">
    <a class="cover" href=${to("agents", agent.id)} aria-label=${agent.name}></a>
    <span class="avatar" aria-hidden="true">${[...agent.name][0]?.toUpperCase()}</span>
    <div class="about">
      <h2>${agent.name}</h2>
      <p class="muted one-line">${agent.description || agent.model || "no model"}</p>
      <p class="facts">
        ${agent.description && agent.model && html`<span class="mono">${agent.model}</span>`}
        ${(agent.tags ?? []).map((tag) => html`<span class="tag">${tag}</span>`)}
        <span>${agent.last_run_completion ? html`active ${when(agent.last_run_completion)}` : html`created ${when(agent.created_at)}`}</span>
      </p>
    </div>
    <div class="tools">
      ${!scoped.value && html`<button class="bare" title="Duplicate" aria-label=${`Duplicate ${agent.name}`} onClick=${copy}>${icon("copy")}</button>`}
      <button class="bare" title="Export" aria-label=${`Export ${agent.name}`} onClick=${() => exportAgent(agent)}>${icon("download")}</button>
      ${!scoped.value && html`<button class="bare" title="Delete" aria-label=${`Delete ${agent.name}`} onClick=${() => actions.remove(agent)}>${icon("trash")}</button>`}
    </div>
  </li>`;
});

async function create() {
  const module = await import("./new-agent.js").catch(() => null);
  if (!module) return toast("The form could not be loaded: the server can't be reached. Try again.", "error");
  const { NewAgent } = module;
  const made = await open((close) => html`<${NewAgent} close=${close} />`, { label: "New agent" });
  if (made) go(to("agents", made.id));
}

function firstRun() {
  return empty("health", "No model is configured yet", "Tell the server which models it may use, then create your first agent.",
    html`<a class="button primary" href="#/health">See what to set</a>`);
}

async function bringIn(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  toast(`Importing ${file.name} …`);
  await attempt(async () => {
    const made = await importFile(file, {});
    if (made.warnings?.length) toast(made.warnings.join(" "));
    go(to("agents", made.agent_ids[0]));
  }, "The agent was imported.");
}

async function importFile(file, fields) {
  const form = new FormData();
  form.append("file", file);
  form.append("append_copy_suffix", "false");
  form.append("override_existing_tools", "false"); // other agents may use the tools of that name which there are
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return (await request("POST", "/agents/import", { form })).json();
}

export async function duplicate(agent) {
  const exported = await (await request("GET", `/agents/${agent.id}/export`)).blob();
  const made = await importFile(new File([exported], "agent.af", { type: "application/json" }), { name: agent.name.slice(0, LONGEST_NAME - COPY.length) + COPY });
  return made.agent_ids[0];
}

export function exportAgent(agent) {
  return attempt(async () => {
    const response = await request("GET", `/agents/${agent.id}/export`);
    save(`${agent.name.replace(/[^\p{L}\p{N}_-]+/gu, "-") || "agent"}.af`, await response.blob());
  });
}

/** Delete an agent if that is meant. Returns whether it was. */
export async function removeAgent(agent) {
  const sure = await confirm({
    title: `Delete ${agent.name}?`,
    text: "The agent, its conversations and its own archive are deleted for good. Its blocks, tools and folders are kept.",
    typed: agent.name,
  });
  return Boolean(sure) && attempt(() => remove(`/agents/${agent.id}`), `${agent.name} was deleted.`);
}

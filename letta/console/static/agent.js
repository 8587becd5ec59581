// One agent: what it is called, and the ways to look at it.
import { storeOf } from "./agent-store.js";
import { duplicate, exportAgent, removeAgent } from "./agents.js";
import { icon } from "./icons.js";
import { go, subject, to } from "./router.js";
import { scoped } from "./session.js";
import { attempt, once, problem } from "./ui.js";
import { html, onLeave, onMount, signal, view, watch } from "./view.js";

const TABS = [
  ["chat", "Chat", () => import("./chat.js")],
  ["memory", "Memory", () => import("./memory.js")],
  ["context", "Context", () => import("./context.js")],
  ["runs", "Runs", () => import("./agent-runs.js")],
  ["schedule", "Schedule", () => import("./agent-schedule.js")],
  ["settings", "Settings", () => import("./agent-settings.js")],
];

const intoView = (element) => element?.scrollIntoView({ block: "nearest", inline: "nearest" });

export default view((self) => {
  const store = storeOf(self.props.id);
  const views = signal({});
  const failed = signal(false);

  onMount(() => {
    store.load();
    store.loadBlocks().catch(() => {});
  });
  watch(() => void (subject.value = store.agent.value?.name ?? ""));
  onLeave(() => (subject.value = ""));

  function tabView(name) {
    const [known, , load] = TABS.find(([tab]) => tab === name) ?? TABS[0];
    const found = views.value[known];
    if (found) return found;
    load().then((module) => (views.value = { ...views.value, [known]: module.default }), () => (failed.value = true));
    return null;
  }

  const copy = once(() => attempt(async () => go(to("agents", await duplicate(store.agent.value))), "Copied. This is the copy."));

  async function drop() {
    if (await removeAgent(store.agent.value)) go(to("agents"));
  }

  function head(agent, tab) {
    return html`
      <header class="agent-head">
        <a class="button bare" href="#/agents" aria-label="All agents">${icon("back")}</a>
        <span class="avatar" aria-hidden="true">${[...agent.name][0]?.toUpperCase()}</span>
        <div class="grow"><h1>${agent.name}</h1><p class="muted one-line mono">${agent.model ?? "no model"}</p></div>
        <div class="row">
          ${!scoped.value && html`<button class="bare" title="Duplicate" aria-label="Duplicate" onClick=${copy}>${icon("copy")}</button>`}
          <button class="bare" title="Export" aria-label="Export" onClick=${() => exportAgent(agent)}>${icon("download")}</button>
          ${!scoped.value && html`<button class="bare" title="Delete" aria-label="Delete" onClick=${drop}>${icon("trash")}</button>`}
        </div>
        <nav class="tabs" aria-label="Views of the agent">${TABS.map(([name, title]) => html`
          <a key=${name} href=${to("agents", agent.id, name)} aria-current=${name === tab ? "page" : undefined}
            ref=${name === tab ? intoView : null}>
            ${icon(name)}<span>${title}</span></a>`)}</nav>
      </header>`;
  }

  return ({ tab }) => {
    if (store.problem.value && (!store.agent.value || store.problem.value.isLost)) {
      return html`${problem(store.problem.value)}<p class="more"><a class="button" href="#/agents">${icon("back")} All agents</a></p>`;
    }
    if (!store.agent.value) return html`<p class="waiting" role="status"><span class="spinner"></span> Loading …</p>`;
    const View = tabView(tab);
    return html`<div class="agent-page">
      ${head(store.agent.value, tab)}
      <div class=${`agent-view ${tab}`} key=${tab}>
        ${failed.value && problem(new Error("This part of the console could not be loaded. Reload the page."))}
        ${View ? html`<${View} store=${store} />` : html`<p class="waiting" role="status">Loading …</p>`}
      </div>
    </div>`;
  };
});

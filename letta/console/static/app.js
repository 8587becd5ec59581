// The frame around every view: where one can go, and what is shown of where one is.
import { Agents } from "./agents.js";
import { get } from "./api.js";
import { icon } from "./icons.js";
import { route, subject, to } from "./router.js";
import { key, refused, scoped, signOut } from "./session.js";
import { Dialogs, Toasts, empty, problem } from "./ui.js";
import { html, listen, onMount, render, signal, view, watch } from "./view.js";

const SECTIONS = [
  ["agents", "Agents"],
  ["runs", "Runs"],
  ["tools", "Tools"],
  ["mcp", "MCP servers"],
  ["folders", "Folders"],
  ["providers", "Providers"],
  ["keys", "Keys"],
  ["health", "Health"],
];
const LATER = {
  agent: () => import("./agent.js"),
  runs: () => import("./runs.js"),
  run: () => import("./run.js"),
  tools: () => import("./tools.js"),
  mcp: () => import("./mcp.js"),
  folders: () => import("./folders.js"),
  providers: () => import("./providers.js"),
  keys: () => import("./keys.js"),
  health: () => import("./health.js"),
  login: () => import("./login.js"),
};
/** Sections are asked for once, and hidden where the server doesn't have them, or not for this key. */
const PROBES = { tools: "/tools", runs: "/runs", mcp: "/mcp-servers", folders: "/folders", providers: "/providers", keys: "/api-keys" };
/** What is shown first comes first; then what may be needed next. */
const WHILE = 400;
const hidden = signal(new Set());
const drawer = signal(false);

/** A view whose module is fetched when it is first needed. */
const Later = view((self) => {
  const module = signal(null);
  const error = signal(null);
  onMount(() => {
    LATER[self.props.name]().then((found) => (module.value = found.default), (failure) => (error.value = failure));
  });
  return ({ name, ...props }) => {
    if (error.value) return problem(new Error("This part of the console could not be loaded. Reload the page."));
    return module.value ? html`<${module.value} ...${props} />` : html`<p class="waiting" role="status">Loading …</p>`;
  };
});

function shown([section = "agents", id, ...rest]) {
  if (section === "agents" && !id) return html`<${Agents} />`;
  if (section === "agents") return html`<${Later} key=${id} name="agent" id=${id} tab=${rest[0] ?? "chat"} />`;
  if (section === "runs" && id) return html`<${Later} key=${id} name="run" id=${id} />`;
  if (Object.hasOwn(LATER, section)) return html`<${Later} key=${section} name=${section} id=${id} />`;
  return empty("search", "There is no such page", "", html`<a class="button" href="#/agents">To the agents</a>`);
}

const Navigation = view(() => () => html`
  <nav class="sections ${drawer.value ? "open" : ""}" aria-label="Sections">
    <a class="brand" href="#/agents"><span class="mark" aria-hidden="true">L</span><span>Letta</span></a>
    <ul>${SECTIONS.filter(([name]) => !hidden.value.has(name)).map(([name, title]) => {
      const here = (route.value.path[0] ?? "agents") === name;
      return html`<li key=${name}><a href=${to(name)} aria-current=${here ? "page" : undefined}
        onClick=${() => (drawer.value = false)}>${icon(name)}<span>${title}</span></a></li>`;
    })}</ul>
    ${key.value && html`<button class="bare leave" onClick=${() => signOut()}>${icon("leave")}<span>Sign out</span></button>`}
  </nav>`);

async function lookAround() {
  await Promise.all(Object.entries(PROBES).map(async ([name, path]) => {
    try {
      await get(path, { limit: 1 });
    } catch (error) {
      if (![403, 404, 501].includes(error.status)) return;
      if (name === "tools" && error.status === 403) scoped.value = true;
      hidden.value = new Set([...hidden.value, name]);
    }
  }));
}

function titleOf([section = "agents"]) {
  return subject.value || (new Map(SECTIONS).get(section) ?? "Not found");
}

const Shell = view(() => {
  watch(() => void (document.title = `${titleOf(route.value.path)} – Letta console`));
  onMount(() => {
    const idle = setTimeout(() => {
      lookAround();
      Promise.all([LATER.agent(), import("./chat.js")]).catch(() => {}); // where one goes from here
    }, WHILE);
    return () => clearTimeout(idle);
  });
  listen(window, "keydown", (event) => event.key === "Escape" && (drawer.value = false));
  return () => html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>
      Skip to the content</a>
    <header class="topbar">
      <button class="bare" aria-label="Menu" aria-expanded=${String(drawer.value)}
        onClick=${() => (drawer.value = !drawer.value)}>${icon("menu")}</button>
      <span class="mark" aria-hidden="true">L</span><span>Letta</span>
    </header>
    <${Navigation} />
    ${drawer.value && html`<div class="veil" onClick=${() => (drawer.value = false)}></div>`}
    <main id="main" tabindex="-1">${shown(route.value.path)}</main>`;
});

const App = view(() => () => html`
  ${refused.value ? html`<${Later} key="login" name="login" />` : html`<${Shell} key=${key.value} />`}
  <${Dialogs} />
  <${Toasts} />`);

const root = document.getElementById("app");
root.className = "";
root.replaceChildren();
render(html`<${App} />`, root);

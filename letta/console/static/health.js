// How the server is: what the doctor finds, and what to set where no model is configured yet.
import { get } from "./api.js";
import { icon } from "./icons.js";
import { code, copyButton, count, loaded, loader, problem } from "./ui.js";
import { html, onMount, view } from "./view.js";

const WORDS = { ok: ["good", "ok"], warn: ["warn", "could be better"], fail: ["bad", "broken"], skip: ["", "skipped"] };
const PROVIDERS = [
  ["OpenAI, or a compatible service", "OPENAI_API_KEY=sk-…"],
  ["Anthropic", "ANTHROPIC_API_KEY=sk-ant-…"],
  ["Google", "GEMINI_API_KEY=…"],
  ["OpenRouter: models of many providers", "OPENROUTER_API_KEY=sk-or-…"],
  ["Ollama, on your own machine", "OLLAMA_BASE_URL=http://localhost:11434/v1"],
];

export default view(() => {
  const health = loader(() => get("/health"));
  const checks = loader(() => get("/admin/doctor"));
  const models = loader(() => get("/models"));
  const load = () => {
    health.load();
    checks.load();
    models.load();
  };
  onMount(load);

  const firstRun = () => html`<section class="panel" aria-label="First steps">
    <h2>No model is configured yet</h2>
    <p>Set one of these variables in the server's environment and restart it. One provider is enough.</p>
    <ul class="passages after">${PROVIDERS.map(([name, setting]) => html`<li key=${setting} class="row spread">
      <span class="grow">${name}<br /><code>${setting}</code></span>${copyButton(setting, `Copy ${setting.split("=")[0]}`)}</li>`)}</ul>
    <p class="after muted">On a laptop, in the checkout:</p>${code("OPENAI_API_KEY=sk-… make run", "command")}
    <p class="after muted">On Render: the service's page, Environment, Add Environment Variable. The server restarts by itself.</p>
  </section>`;

  const check = (one) => {
    const [tone, word] = WORDS[one.status] ?? ["", one.status];
    return html`<li key=${one.name}><div class="row spread"><strong>${one.name}</strong><span class=${`badge ${tone}`}>${word}</span></div>
      <p class="plain muted">${one.finding}</p>
      ${one.remedy && html`<p class="row tight"><span class="plain grow">${one.remedy}</span>${copyButton(one.remedy, "Copy what to do")}</p>`}</li>`;
  };

  const order = { fail: 0, warn: 1, ok: 2, skip: 3 };
  return () => html`
    <header class="page"><div><h1>Health</h1>${health.state.value?.value && html`<p class="muted">Version ${health.state.value.value.version}</p>`}
      ${health.state.value?.error && problem(health.state.value.error)}</div>
      <button onClick=${load}>${icon("refresh")} Look again</button></header>
    ${models.state.value?.value?.length === 0 && firstRun()}
    ${models.state.value?.value?.length > 0 && html`<p class="row">${icon("check")} ${count(models.state.value.value.length)} models can be used.</p>`}
    <section class="after" aria-label="Checks">
      ${loaded(checks.state.value, ({ checks: found }) => html`<ul class="rows">${[...found].sort((a, b) => order[a.status] - order[b.status]).map(check)}</ul>`)}
    </section>
    <p class="after muted"><small>This page is made with preact, htm (Apache-2.0) and preact's signals (MIT).
      ${" "}<a href=${new URL("./parts/htm/LICENSE", import.meta.url).href}>htm's licence</a>, ${" "}<a href=${new URL("./parts/preact/LICENSE", import.meta.url).href}>preact's</a>, ${" "}<a href=${new URL("./parts/signals-core/LICENSE", import.meta.url).href}>signals'</a></small></p>`;
});

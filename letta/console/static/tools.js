// Tools: those of the server, those of MCP servers, and one's own, written and tried here.
import { get, patch, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { attempt, code, confirm, empty, moreButton, open, pager, pretty, problem, toast } from "./ui.js";
import { example } from "./schema.js";
import { html, onMount, signal, view } from "./view.js";

const KINDS = { custom: "custom", external_mcp: "MCP" };
const EXAMPLE = `def roll_dice(sides: int, times: int = 1) -> list[int]:
    """Roll dice.

    Args:
        sides: How many sides each of them has.
        times: How many are rolled.
    """
    import random

    return [random.randint(1, sides) for _ in range(times)]
`;

export default view(() => {
  const words = signal("");
  const kind = signal("");
  const list = pager((page) => get("/tools", { ...page, search: words.value, ...filter() }), 50);
  const filter = () => {
    if (kind.value === "custom" || kind.value === "external_mcp") return { tool_types: [kind.value] };
    return kind.value ? { exclude_tool_types: ["custom", "external_mcp"] } : {};
  };
  let timer;
  onMount(() => {
    list.reload();
    return () => clearTimeout(timer);
  });

  const type = (event) => {
    words.value = event.target.value;
    clearTimeout(timer);
    timer = setTimeout(list.reload, 250);
  };

  const edit = async (tool) => {
    const title = tool ? `Tool ${tool.name}` : "New tool";
    if (await open((close) => html`<${Editor} tool=${tool} close=${close} />`, { label: title, wide: true })) list.reload();
  };

  async function drop(tool) {
    if (!(await confirm({ title: `Delete ${tool.name}?`, text: "The tool is detached from all agents." }))) return;
    if (await attempt(() => remove(`/tools/${tool.id}`), "Deleted.")) list.reload();
  }

  return () => html`
    <header class="page"><h1>Tools</h1><div class="actions"><button class="primary" onClick=${() => edit(null)}>${icon("plus")} New tool</button></div></header>
    <div class="filters" role="search">
      <label class="search">${icon("search")}<input type="search" aria-label="Search tools" placeholder="Search" value=${words.value} onInput=${type} /></label>
      <div class="chips" role="group" aria-label="Kind">${[["", "All"], ["custom", "Custom"], ["external_mcp", "MCP"], ["built-in", "Built-in"]].map(([value, title]) => html`
        <button key=${value} class="chip" aria-pressed=${String(kind.value === value)} onClick=${() => { kind.value = value; list.reload(); }}>${title}</button>`)}</div>
    </div>
    ${list.error.value && problem(list.error.value)}
    ${list.items.value?.length === 0 && !list.error.value && empty("tools", "No tools here", "A tool is a Python function that agents may call.")}
    ${list.items.value?.length > 0 && html`<ul class="rows">${list.items.value.map((tool) => html`<li key=${tool.id} class="row spread">
      <span class="grow"><strong class="mono">${tool.name}</strong> <span class="tag">${KINDS[tool.tool_type] ?? "built-in"}</span><br /><span class="muted">${(tool.description ?? "").split("\n")[0].slice(0, 160)}</span></span>
      <span class="row tight">${tool.tool_type in KINDS && html`<button class="bare" title="Delete" aria-label=${`Delete ${tool.name}`} onClick=${() => drop(tool)}>${icon("trash")}</button>`}
        <button class="small" onClick=${() => edit(tool)} aria-label=${`Open ${tool.name}`}>Open</button></span></li>`)}</ul>${moreButton(list)}`}`;
});

const Editor = view((self) => {
  const { tool, close } = self.props;
  const own = !tool || tool.tool_type === "custom";
  const source = signal(tool?.source_code ?? (tool ? "" : EXAMPLE));
  const args = signal(pretty(tool ? example(tool.json_schema) : { sides: 6, times: 2 }));
  const result = signal(null);
  const failure = signal(null);
  const busy = signal("");

  const guarded = (what, action) => async (event) => {
    event?.preventDefault();
    busy.value = what;
    failure.value = null;
    try {
      await action();
    } catch (error) {
      failure.value = error;
    }
    busy.value = "";
  };

  const run = guarded("run", async () => {
    result.value = null;
    result.value = await post("/tools/run", { source_code: source.value, args: JSON.parse(args.value || "{}") });
  });
  const store = guarded("save", async () => {
    const saved = tool ? await patch(`/tools/${tool.id}`, { source_code: source.value }) : await post("/tools", { source_code: source.value });
    toast(`${saved.name} was saved.`, "good");
    close(true);
  });

  return () => html`<div class="stack">
    ${tool?.description && html`<p class="plain muted">${tool.description}</p>`}
    ${own ? html`<form class="stack" onSubmit=${store}>
      <label class="field"><span>Source (Python)</span><textarea class="mono" rows="14" spellcheck="false" value=${source.value} onInput=${(event) => (source.value = event.target.value)}></textarea></label>
      <label class="field"><span>Arguments to try it with (JSON)</span><textarea class="mono" rows="3" spellcheck="false" value=${args.value} onInput=${(event) => (args.value = event.target.value)}></textarea></label>
      ${failure.value && problem(failure.value)}
      ${result.value && html`<div><p><span class=${`badge ${result.value.status === "error" ? "bad" : "good"}`}>${result.value.status}</span></p>
        ${code(pretty(result.value.tool_return ?? ""), "result")}
        ${["stdout", "stderr"].map((name) => result.value[name]?.length > 0 && html`<div key=${name}><p class="muted">${name}</p>${code(result.value[name].join("\n"), name)}</div>`)}</div>`}
      <footer><button type="button" onClick=${run} disabled=${busy.value}>${busy.value === "run" ? "Running …" : "Try it"}</button><button class="primary" disabled=${busy.value}>Save</button></footer>
    </form>` : null}
    ${tool?.json_schema && html`<details><summary class="muted">Schema that models see</summary>${code(pretty(tool.json_schema), "schema")}</details>`}
  </div>`;
});

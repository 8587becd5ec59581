// One block of an agent's memory: read, edited in place, and its history.
import { ApiError, LEAN, get, patch, post } from "./api.js";
import { Difference, marked } from "./diff.js";
import { icon } from "./icons.js";
import { LongText, attempt, count, empty, lengthOf, loaded, loader, open, problem, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const FULL = 0.9;

export function LimitBar({ used, limit }) {
  const part = limit ? Math.min(1, used / limit) : 1;
  const text = `${count(used)} of ${count(limit)} characters`;
  return html`<div class=${`limit ${part >= FULL ? "full" : ""}`} title=${text}>
    <span class="bar" role="meter" aria-label="Used" aria-valuemin="0" aria-valuemax=${limit} aria-valuenow=${used} aria-valuetext=${text}><i style=${{ width: `${part * 100}%` }}></i></span><span>${count(used)} / ${count(limit)}</span></div>`;
}

export function blockText(block, change) {
  if (!block.value) return html`<p class="muted">Empty.</p>`;
  return html`<div class="plain value">${change ? marked(change.before, block.value) : block.value}</div>`;
}

export const BlockCard = view((self) => {
  const { store } = self.props;
  const draft = signal(null);
  const busy = signal(false);
  const others = signal([]);
  const failure = signal(null);

  onMount(() => {
    get(`/blocks/${self.props.block.id}/agents`, { limit: 10, ...LEAN }).then(
      (found) => (others.value = found.filter((agent) => agent.id !== store.id)),
      () => {},
    );
  });

  /** What was edited is stored only over what was seen: an agent may have changed it in the meantime. */
  async function submit(event) {
    event.preventDefault();
    const { block } = self.props;
    busy.value = true;
    failure.value = null;
    try {
      const current = await get(`/blocks/${block.id}`);
      if (current.value !== draft.value.base && draft.value.text !== draft.value.base && !draft.value.sure) {
        draft.value = { ...draft.value, sure: true, theirs: current.value };
        failure.value = new ApiError(409, { detail: "The block was changed while you edited it. The current value is shown below; saving replaces it." });
      } else {
        store.put(await patch(`/blocks/${block.id}`, { value: draft.value.text, limit: draft.value.limit, description: draft.value.description }));
        draft.value = null;
      }
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  }

  const edit = () => {
    const { block } = self.props;
    draft.value = { text: block.value, base: block.value, limit: block.limit, description: block.description ?? "" };
    failure.value = null;
  };
  const set = (name, value) => (draft.value = { ...draft.value, [name]: value });
  const history = () => open((close) => html`<${History} block=${self.props.block} store=${store} close=${close} />`, { label: `History of ${self.props.block.label}`, wide: true });

  function form() {
    const { text, limit, description, theirs } = draft.value;
    const used = lengthOf(text);
    return html`<form class="stack" onSubmit=${submit} onKeyDown=${(event) => {
      if (event.key === "Escape") draft.value = null;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
    }}>
      <label class="field"><span class="visually-hidden">Value of ${self.props.block.label}</span>
        <textarea class="mono" rows=${Math.min(24, Math.max(5, text.split("\n").length + 1))} value=${text} onInput=${(event) => set("text", event.target.value)}
          ref=${(element) => element && !element.dataset.seen && ((element.dataset.seen = "1"), element.focus())}></textarea></label>
      <${LimitBar} used=${used} limit=${limit} />
      <div class="row">
        <label class="field grow"><span>Description (the agent reads it)</span><input value=${description} onInput=${(event) => set("description", event.target.value)} /></label>
        <label class="field"><span>Limit</span><input type="number" min="0" value=${limit} onInput=${(event) => set("limit", Number(event.target.value))} /></label>
      </div>
      ${failure.value && problem(failure.value)}
      ${theirs !== undefined && html`<${Difference} before=${text} after=${theirs} />`}
      <div class="row"><button class="primary" disabled=${busy.value || used > limit}>Save</button>
        <button type="button" onClick=${() => (draft.value = null)}>Cancel</button>
        ${used > limit && html`<span class="muted">Exceeds the limit.</span>`}</div>
    </form>`;
  }

  return ({ block, change, onDetach }) => html`
    <section class=${`panel block ${change ? "changed" : ""}`} aria-label=${`Block ${block.label}`}>
      <header class="row spread">
        <div class="row"><h2>${block.label}</h2>
          ${block.read_only && html`<span class="badge">${icon("lock")} read-only for agents</span>`}
          ${others.value.length > 0 && html`<span class="badge busy" title=${others.value.map((agent) => agent.name).join(", ")}>${icon("share")} shared with ${others.value.length === 1 ? others.value[0].name : `${others.value.length}${others.value.length === 9 ? " or more" : ""} others`}</span>`}
          ${change && html`<span class="badge good">just changed</span>`}
        </div>
        <div class="row tight">
          ${change && html`<button class="small" onClick=${() => store.forget(block.id)}>Seen</button>`}
          <button class="bare" title="History" aria-label=${`History of ${block.label}`} onClick=${history}>${icon("runs")}</button>
          <button class="bare" title="Edit" aria-label=${`Edit ${block.label}`} onClick=${edit}>${icon("edit")}</button>
          <button class="bare" title="Detach from the agent" aria-label=${`Detach ${block.label} from the agent`} onClick=${onDetach}>${icon("close")}</button>
        </div>
      </header>
      ${block.description && !draft.value && html`<p class="muted">${block.description}</p>`}
      ${draft.value ? form() : html`<${LimitBar} used=${lengthOf(block.value)} limit=${block.limit} />
        <div class="text" onDblClick=${edit}>${block.value && !change ? html`<${LongText} text=${block.value} />` : blockText(block, change)}</div>`}
    </section>`;
});

const History = view((self) => {
  const { block, store } = self.props;
  const { state, load } = loader(() => get(`/blocks/${block.id}/history`, { limit: 50 }));
  const chosen = signal(null);
  onMount(() => void load());

  const revert = (version, newest) => attempt(async () => {
    store.put(await post(`/blocks/${block.id}/revert`, { version, current_version: newest }));
    chosen.value = null;
    await load();
  }, `The block was restored to version ${version}.`);

  function detail(versions) {
    const version = chosen.value ?? versions[0];
    const place = versions.findIndex((one) => one.version === version.version);
    const newest = versions[0];
    return html`<div class="stack grow">
      <div class="row spread"><h3>Version ${version.version}</h3>
        ${version.version !== newest.version && html`<button class="small" onClick=${() => revert(version.version, newest.version)}>${icon("undo")} Go back to this</button>`}</div>
      <p class="muted">${authorOf(version)}, ${when(version.created_at)}</p>
      <h4>What this edit changed</h4>
      <${Difference} before=${versions[place + 1]?.value ?? ""} after=${version.value} />
      ${version.version !== newest.version && html`<h4>From this version to now</h4><${Difference} before=${version.value} after=${newest.value} />`}
    </div>`;
  }

  return () => loaded(state.value, (versions) => versions.length === 0
    ? empty("runs", "No versions", "Edits are recorded from now on.")
    : html`<div class="history">
        <ul class="versions" aria-label="Versions">${versions.map((version) => html`<li key=${version.version}>
          <button aria-pressed=${String((chosen.value ?? versions[0]).version === version.version)} onClick=${() => (chosen.value = version)}>
            <strong>${version.version}</strong><span>${authorOf(version)}<br /><small>${when(version.created_at)}</small></span></button></li>`)}</ul>
        ${detail(versions)}
      </div>`);
});

const authorOf = (version) => (version.author_type === "agent" ? "by an agent" : "by a user of the API");

// An agent's archive: what it stored, searched as the agent searches it; what was deleted, and can come back.
import { get, post, remove } from "./api.js";
import { icon } from "./icons.js";
import { LongText, ask, attempt, empty, moreButton, pager, problem, toast, when } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

const MOST = 20;
export const Archive = view((self) => {
  const { store } = self.props;
  const mode = signal("all");
  const words = signal("");
  const found = signal(null);
  const deleted = signal(null);
  const archive = signal(null);
  const failure = signal(null);
  const list = pager((page) => get(`/agents/${store.id}/archival-memory`, { ...page, ascending: false }), 20);

  onMount(() => {
    list.reload();
    findArchive();
  });

  async function findArchive() {
    try {
      [archive.value] = await get("/archives", { agent_id: store.id, limit: 1 });
    } catch {
      archive.value = null;
    }
  }

  const guarded = async (action) => {
    failure.value = null;
    try {
      await action();
    } catch (error) {
      failure.value = error;
    }
  };

  function search(event) {
    event?.preventDefault();
    if (!words.value.trim()) {
      mode.value = "all";
      return;
    }
    mode.value = "found";
    found.value = null;
    guarded(async () => {
      found.value = await post("/passages/search", { query: words.value, agent_id: store.id, limit: MOST });
    });
  }

  const showDeleted = () => {
    mode.value = "deleted";
    guarded(async () => {
      deleted.value = archive.value ? await get(`/archives/${archive.value.id}/deleted-passages`, { limit: 50 }) : [];
    });
  };

  async function add() {
    const act = (text) => post(`/agents/${store.id}/archival-memory`, { text });
    if (!(await ask({ title: "Add to the archive", label: "Text", long: true, action: "Add", act }))) return;
    toast("Added.", "good");
    await Promise.all([list.reload(), findArchive()]);
  }

  async function drop(passage) {
    await attempt(async () => {
      await remove(`/agents/${store.id}/archival-memory/${passage.id}`);
      found.value = found.value?.filter((one) => one.passage.id !== passage.id) ?? null;
      await list.reload();
    }, "Deleted. It can be restored under “Deleted”.");
  }

  async function restore(passage) {
    await attempt(async () => {
      await post(`/archives/${archive.value.id}/deleted-passages/${passage.id}/restore`);
      deleted.value = deleted.value.filter((one) => one.id !== passage.id);
      await list.reload();
    }, "The passage was restored.");
  }

  function results() {
    if (failure.value) return problem(failure.value);
    if (mode.value === "deleted") {
      if (!deleted.value) return html`<p class="waiting" role="status">Loading …</p>`;
      return deleted.value.length === 0 ? html`<p class="muted">There is nothing to restore.</p>` : rows(deleted.value.map((passage) => ({ passage, gone: true })));
    }
    if (mode.value === "found") {
      if (!found.value) return html`<p class="waiting" role="status">Searching …</p>`;
      return found.value.length === 0 ? html`<p class="muted">Nothing was found.</p>` : rows(found.value);
    }
    if (list.error.value) return problem(list.error.value);
    if (list.items.value?.length === 0) return empty("folders", "Nothing in the archive", "Passages that the agent, or you, store for later appear here.");
    return html`${rows((list.items.value ?? []).map((passage) => ({ passage })))}${moreButton(list)}`;
  }

  const rows = (all) => html`<ul class="passages">${all.map(({ passage, score, gone }) => html`
    <li key=${passage.id}>
      <${LongText} text=${passage.text} />
      <div class="row spread"><span class="facts">
        ${score !== undefined && score !== null && html`<span class="badge busy score" title="Relevance, from 0 to 1">${score.toFixed(3)}</span>`}
        ${(passage.tags ?? []).map((tag) => html`<span class="tag">${tag}</span>`)}
        <span>${gone ? html`deleted ${when(passage.deleted_at)}` : when(passage.created_at)}</span></span>
      ${gone
        ? html`<button class="small" onClick=${() => restore(passage)}>${icon("undo")} Restore</button>`
        : html`<button class="bare" title="Delete" aria-label="Delete this passage" onClick=${() => drop(passage)}>${icon("trash")}</button>`}</div>
    </li>`)}</ul>`;

  const modes = [["all", "All", () => (mode.value = "all")], ["deleted", "Deleted", showDeleted]];
  return () => html`<section aria-label="Archive">
    <header class="page"><div><h2>Archive</h2><p class="muted">Searched by the agent when it needs it.</p></div>
      <button onClick=${add}>${icon("plus")} Add</button></header>
    <form class="filters" role="search" onSubmit=${search}>
      <label class="search">${icon("search")}<input type="search" aria-label="Search the archive" placeholder="Search as the agent does" value=${words.value}
        onInput=${(event) => { words.value = event.target.value; if (!event.target.value) search(); }} /></label>
      <div class="chips" role="group" aria-label="What to show">${modes.map(([name, title, action]) => html`
        <button key=${name} type="button" class="chip" aria-pressed=${String(mode.value === name)} onClick=${action}>${title}</button>`)}</div>
    </form>
    ${results()}
  </section>`;
});

// All that an agent keeps: its blocks, and its archive.
import { Archive } from "./archival.js";
import { get, patch, post } from "./api.js";
import { BlockCard } from "./block.js";
import { icon } from "./icons.js";
import { scoped } from "./session.js";
import { attempt, confirm, empty, loaded, loader, open } from "./ui.js";
import { html, onMount, signal, view } from "./view.js";

export default view((self) => {
  const { store } = self.props;
  onMount(() => void store.loadBlocks().catch(() => {}));

  async function detach(block) {
    const sure = await confirm({ title: `Detach “${block.label}” from the agent?`, text: "The block itself is kept, also for other agents.", action: "Detach" });
    if (!sure) return;
    await attempt(async () => {
      await patch(`/agents/${store.id}/core-memory/blocks/detach/${block.id}`);
      await store.loadBlocks();
    });
  }

  const add = () => open((close) => html`<${AddBlock} store=${store} close=${close} />`, { label: "Add a block" });

  return () => html`<div class="memory-grid">
    <section aria-label="Blocks">
      <header class="page"><div><h2>Blocks</h2><p class="muted">The agent always sees these.</p></div>
        ${!scoped.value && html`<button onClick=${add}>${icon("plus")} Add a block</button>`}</header>
      ${store.blocks.value === null
        ? html`<p class="waiting" role="status">Loading …</p>`
        : store.blocks.value.map((block) => html`<${BlockCard} key=${block.id} block=${block} store=${store}
            change=${store.changes.value.get(block.id)} onDetach=${() => detach(block)} />`)}
      ${store.blocks.value?.length === 0 && empty("memory", "No blocks", "A block is a text that the agent always sees and can change.")}
    </section>
    <${Archive} store=${store} />
  </div>`;
});

const AddBlock = view((self) => {
  const { store, close } = self.props;
  const mode = signal("new");
  const { state, load } = loader(() => get("/blocks", { limit: 100 }));
  onMount(() => void load());

  async function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const went = await attempt(async () => {
      const id = mode.value === "new"
        ? (await post("/blocks", { label: form.get("label"), value: form.get("value"), description: form.get("description") || null, limit: Number(form.get("limit")) })).id
        : form.get("block");
      await patch(`/agents/${store.id}/core-memory/blocks/attach/${id}`);
      await store.loadBlocks();
      store.forget();
    }, "The block was added.");
    if (went) close();
  }

  return () => html`<form onSubmit=${submit}>
    <div class="chips" role="group" aria-label="Which block">
      <button type="button" class="chip" aria-pressed=${String(mode.value === "new")} onClick=${() => (mode.value = "new")}>New block</button>
      <button type="button" class="chip" aria-pressed=${String(mode.value === "shared")} onClick=${() => (mode.value = "shared")}>Share an existing block</button>
    </div>
    ${mode.value === "new" ? html`
      <label class="field"><span>Label</span><input name="label" required maxlength="255" autocomplete="off" /></label>
      <label class="field"><span>Description</span><input name="description" autocomplete="off" /><small>What belongs in it. The agent reads this.</small></label>
      <label class="field"><span>Value</span><textarea name="value" rows="4"></textarea></label>
      <label class="field"><span>Limit in characters</span><input type="number" name="limit" min="1" defaultValue="20000" /></label>`
    : loaded(state.value, (blocks) => {
        const free = blocks.filter((block) => !(store.blocks.value ?? []).some((one) => one.id === block.id));
        return free.length === 0 ? html`<p class="muted">There is no other block.</p>` : html`<label class="field"><span>Block</span>
          <select name="block">${free.map((block) => html`<option key=${block.id} value=${block.id}>${block.label}: ${block.value.slice(0, 60)}</option>`)}</select></label>`;
      })}
    <footer><button type="button" onClick=${() => close()}>Cancel</button><button class="primary">Add</button></footer>
  </form>`;
});

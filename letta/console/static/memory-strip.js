// The agent's blocks beside a conversation, with what it has just changed.
import { LimitBar, blockText } from "./block.js";
import { icon } from "./icons.js";
import { to } from "./router.js";
import { lengthOf } from "./ui.js";
import { html, view } from "./view.js";

export const MemoryStrip = view(() => ({ store, onClose }) => html`
  <aside class="strip" aria-label="Memory">
    <header class="row spread"><h2>Memory</h2>
      <span class="row"><a class="button small" href=${to("agents", store.id, "memory")}>Edit</a>
      <button class="bare small" aria-label="Close the memory" onClick=${onClose}>${icon("close")}</button></span></header>
    <div aria-live="polite" class="visually-hidden">${[...store.changes.value.keys()].map((id) => {
      const block = store.blocks.value?.find((one) => one.id === id);
      return block && `The agent changed the block ${block.label}. `;
    })}</div>
    ${(store.blocks.value ?? []).map((block) => {
      const change = store.changes.value.get(block.id);
      return html`<section key=${block.id} class=${change ? "changed" : ""} aria-label=${`Block ${block.label}`}>
        <header class="row spread"><h3>${block.label}</h3>${change && html`<span class="badge good">just changed</span>`}</header>
        <${LimitBar} used=${lengthOf(block.value)} limit=${block.limit} />
        ${blockText(block, change)}
      </section>`;
    })}
    ${store.blocks.value?.length === 0 && html`<p class="muted">This agent has no blocks.</p>`}
  </aside>`);

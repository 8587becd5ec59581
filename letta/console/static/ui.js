// What every view is made of: notes, dialogs, lists that go on, ways to write times and numbers.
import { icon } from "./icons.js";
import { html, onMount, signal, view } from "./view.js";

export const messages = signal([]);
let number = 0;

/** Say something in passing. */
export function toast(text, kind = "info") {
  const id = ++number;
  messages.value = [...messages.value, { id, text, kind }];
  setTimeout(() => dismiss(id), kind === "error" ? 9000 : 4000);
}

export function dismiss(id) {
  messages.value = messages.value.filter((one) => one.id !== id);
}

export const Toasts = view(() => () => html`
  <div class="toasts" role="status" aria-live="polite">
    ${messages.value.map(({ id, text, kind }) => html`
      <div class="toast ${kind}" key=${id}>
        <span>${text}</span>
        <button class="bare" aria-label="Dismiss" onClick=${() => dismiss(id)}>${icon("close")}</button>
      </div>`)}
  </div>`);

/** Do something, and say so if it fails. Returns whether it went well. */
export async function attempt(action, done = "") {
  try {
    await action();
    if (done) toast(done, "good");
    return true;
  } catch (error) {
    if (error.name !== "AbortError") toast(error.message, "error");
    return false;
  }
}

/** An action that isn't begun again while it goes on: who clicks twice means it once. */
export function once(action) {
  let going = null;
  return (...given) => (going ??= action(...given).finally(() => (going = null)));
}

/** How long the server takes a text to be: in characters, where scripts count most emoji as two. */
export const lengthOf = (text) => [...text].length;

/** Something that is being fetched: `state` is null, {value} or {error}. */
export function loader(fetcher) {
  const state = signal(null);
  let latest = 0;
  async function load() {
    const mine = ++latest;
    try {
      const value = await fetcher();
      if (mine === latest) state.value = { value };
    } catch (error) {
      if (mine === latest && error.name !== "AbortError") state.value = { error };
    }
  }
  return { state, load };
}

/** What stands in the place of what was fetched, until it is there. */
export function loaded(state, draw) {
  if (!state) return html`<p class="waiting" role="status"><span class="spinner"></span> Loading …</p>`;
  if (state.error) return problem(state.error);
  return draw(state.value);
}

export function problem(error) {
  if (error.status === 403) return empty("lock", "Not allowed with this key", error.message);
  if (error.isLost) return empty("search", "Not found", error.message);
  if (error.isUnoffered) return empty("alert", "Not supported by this server", error.message);
  return html`<div class="note bad" role="alert">${icon("alert")}<span>${error.message}</span></div>`;
}

export function empty(name, title, text, action) {
  return html`<div class="empty">
    <span class="medal">${icon(name)}</span>
    <h2>${title}</h2>
    ${text && html`<p>${text}</p>`}
    ${action}
  </div>`;
}

/** A list that is fetched page by page, newest first, as one asks for more. */
export function pager(fetchPage, size = 30) {
  const items = signal(null);
  const more = signal(false);
  const busy = signal(false);
  const error = signal(null);
  let latest = 0;
  async function fetch(start) {
    const mine = ++latest;
    busy.value = true;
    error.value = null;
    try {
      const known = start ? [] : (items.value ?? []);
      const page = await fetchPage({ limit: size, after: known.at(-1)?.id });
      if (mine !== latest) return;
      items.value = [...known, ...page];
      more.value = page.length === size;
    } catch (failure) {
      if (mine !== latest || failure.name === "AbortError") return;
      error.value = failure;
      items.value ??= [];
    } finally {
      if (mine === latest) busy.value = false;
    }
  }
  return { items, more, busy, error, reload: () => fetch(true), next: () => fetch(false) };
}

export function moreButton(list) {
  return list.more.value && html`<p class="more">
    <button onClick=${list.next} disabled=${list.busy.value}>${list.busy.value ? "Loading …" : "Show more"}</button>
  </p>`;
}

// Dialogs -----------------------------------------------------------------------------------------------------------

export const dialogs = signal([]);

/** Show `draw(close)` in front of all; the promise has what `close` was given, undefined if it was dismissed. */
export function open(draw, { label, wide = false } = {}) {
  return new Promise((resolve) => {
    const id = ++number;
    const close = (answer) => {
      dialogs.value = dialogs.value.filter((one) => one.id !== id);
      resolve(answer);
    };
    dialogs.value = [...dialogs.value, { id, draw, close, label, wide }];
  });
}

/** Who goes elsewhere, back for instance, leaves what was asked here unanswered. */
addEventListener("hashchange", () => {
  for (const one of dialogs.value) one.close();
});

function isInside(element, { clientX, clientY }) {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

const Dialog = view((self) => {
  let written = false; // what was is not lost by a click beside it
  onMount(() => {
    const before = document.activeElement;
    self.element.showModal();
    self.element.querySelector("[autofocus]")?.focus();
    return () => {
      self.element.close(); // nothing behind it can have the focus before
      if (before?.isConnected) before.focus();
    };
  });
  return ({ draw, close, label, wide }) => html`
    <dialog class=${wide ? "wide" : ""} aria-label=${label} ref=${(element) => (self.element = element ?? self.element)}
      onCancel=${(event) => { event.preventDefault(); close(); }}
      onInput=${() => (written = true)}
      onPointerDown=${(event) => written || isInside(self.element, event) || close()}>
      <div class="sheet">
        <header><h2>${label}</h2>
          <button class="bare" aria-label="Close" onClick=${() => close()}>${icon("close")}</button></header>
        ${draw(close)}
      </div>
    </dialog>`;
});

export const Dialogs = view(() => () => dialogs.value.map((one) => html`<${Dialog} key=${one.id} ...${one} />`));

const spaced = (text) => text.trim().replace(/\s+/g, " "); // as pages show it

/** Ask before something that can't be undone. */
export function confirm({ title, text, action = "Delete", typed = "" }) {
  const given = signal("");
  const Form = view(() => ({ close }) => html`
    <form onSubmit=${(event) => { event.preventDefault(); close(true); }}>
      <p>${text}</p>
      ${typed && html`<label class="field"><span>Type <strong>${typed}</strong> to confirm</span>
        <input autofocus autocomplete="off" value=${given.value} onInput=${(event) => (given.value = event.target.value)} />
      </label>`}
      <footer>
        <button type="button" autofocus=${!typed} onClick=${() => close(false)}>Cancel</button>
        <button class="danger" disabled=${typed && spaced(given.value) !== spaced(typed)}>${action}</button>
      </footer>
    </form>`);
  return open((close) => html`<${Form} close=${close} />`, { label: title });
}

/** Ask for a text and do something with it. What was written stays until that went well. Returns whether it did. */
export function ask({ title, label, value = "", action = "Save", long = false, act }) {
  const failure = signal(null);
  const busy = signal(false);
  const submit = (close) => async (event) => {
    event.preventDefault();
    if (busy.value) return;
    const answer = new FormData(event.target).get("answer");
    busy.value = true;
    failure.value = null;
    try {
      await act(answer);
      close(true);
    } catch (error) {
      failure.value = error;
    }
    busy.value = false;
  };
  const Form = view(() => ({ close }) => html`
    <form onSubmit=${submit(close)}>
      <label class="field"><span>${label}</span>
        ${long
          ? html`<textarea name="answer" rows="4" autofocus defaultValue=${value}></textarea>`
          : html`<input name="answer" autofocus autocomplete="off" defaultValue=${value} />`}
      </label>
      ${failure.value && problem(failure.value)}
      <footer>
        <button type="button" onClick=${() => close()}>Cancel</button>
        <button class="primary" disabled=${busy.value}>${action}</button>
      </footer>
    </form>`);
  return open((close) => html`<${Form} close=${close} />`, { label: title });
}

const LONG = 900;

/** A text; of a long one, its beginning first. */
export const LongText = view(() => {
  const whole = signal(false);
  return ({ text }) => (text.length <= LONG ? html`<p class="plain">${text}</p>` : html`<p class="plain">${whole.value ? text : `${text.slice(0, LONG * 0.6)} …`}
    ${" "}<button class="link" aria-expanded=${String(whole.value)} onClick=${() => (whole.value = !whole.value)}>${whole.value ? "Less" : "Show all"}</button></p>`);
});

// Small things ------------------------------------------------------------------------------------------------------

export function copyButton(text, label = "Copy") {
  const copy = () => attempt(async () => {
    if (!navigator.clipboard) throw new Error("Browsers let pages copy only over https or on this machine. Select the text and copy it yourself.");
    await navigator.clipboard.writeText(text);
  }, "Copied.");
  return html`<button class="bare" aria-label=${label} title=${label} onClick=${copy}>${icon("copy")}</button>`;
}

export function code(text, label = "code") {
  return html`<div class="code"><pre tabindex="0" role="region" aria-label=${label}><code>${text}</code></pre>
    ${copyButton(text, `Copy ${label}`)}</div>`;
}

/** Anything as text that can be read. */
export function pretty(value) {
  if (typeof value !== "string") return JSON.stringify(value, null, 2) ?? "";
  const trimmed = value.trim();
  if (!/^[[{]/.test(trimmed)) return value;
  try {
    return JSON.stringify(JSON.parse(trimmed), null, 2);
  } catch {
    return value;
  }
}

export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const FORMS = {
  full: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
  day: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }),
  year: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  clock: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
  count: new Intl.NumberFormat(),
};

export function when(text) {
  if (!text) return "";
  const date = new Date(text);
  return html`<time dateTime=${text} title=${FORMS.full.format(date)}>${near(date)}</time>`;
}

function near(date) {
  const seconds = (Date.now() - date) / 1000;
  if (Math.abs(seconds) < 60) return "just now"; // clocks differ a little
  if (seconds > 0 && seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (Math.abs(seconds) < 86_400 && date.getDate() === new Date().getDate()) return FORMS.clock.format(date);
  return (date.getFullYear() === new Date().getFullYear() ? FORMS.day : FORMS.year).format(date);
}

export const count = (value) => FORMS.count.format(value ?? 0);

export function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1e4 ? `${Math.round(value / 1e3)} k` : count(value);
}

export function duration(nanoseconds) {
  if (nanoseconds === null || nanoseconds === undefined) return "–";
  const ms = nanoseconds / 1e6;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function money(dollars) {
  if (dollars === null || dollars === undefined) return "–";
  if (dollars === 0) return "$0";
  return dollars < 0.01 ? `$${dollars.toFixed(dollars < 0.001 ? 5 : 4)}` : `$${dollars.toFixed(2)}`;
}

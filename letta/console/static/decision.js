// The answer to a call that needs approval: do it, don't, or do it otherwise.
//
// The API knows approval and denial. A call that was edited is denied, with the call to make instead as the reason, which
// models follow; the conversation approves that one call when it comes, and no other. So the history shows what
// happened, and nothing is carried out that nobody has seen.
import { icon } from "./icons.js";
import { pretty } from "./ui.js";
import { html, signal, view } from "./view.js";

const EDITED = "A person has changed this call. Make it again with exactly these arguments; it is approved then: ";

/** The arguments that were asked for in place of a call's own, as JSON; null for any other decision. */
export function editOf({ reason }) {
  return reason?.startsWith(EDITED) ? reason.slice(EDITED.length) : null;
}

/** The object that a JSON text stands for, if it does. */
export function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const focused = (element) => element?.focus();

export const Decision = view((self) => {
  const mode = signal("");
  const back = () => (mode.value = "");
  const decide = (fields) => self.props.onDecide(self.props.item, { type: "approval", tool_call_id: self.props.item.call.tool_call_id, ...fields });

  function deny(event) {
    event.preventDefault();
    const reason = new FormData(event.target).get("reason").trim();
    decide({ approve: false, ...(reason ? { reason } : {}) });
  }

  function edit(args) {
    const { name } = self.props.item.call;
    const text = JSON.stringify(args);
    decide({ approve: false, reason: EDITED + text, edited: { name, arguments: text } });
  }

  return ({ item }) => {
    if (item.draft) {
      const word = item.draft.approve ? "approved" : item.draft.edited ? "changed" : "denied";
      return html`<p class="decide muted">Will be ${word} once the other calls are decided.</p>`;
    }
    if (mode.value === "deny") {
      return html`<form class="decide" onSubmit=${deny}>
        <label class="grow"><span class="visually-hidden">Why not (the agent reads this)</span>
          <input name="reason" ref=${focused} placeholder="Why not? The agent reads this." autocomplete="off" /></label>
        <button class="danger">Deny</button><button type="button" onClick=${back}>Back</button>
      </form>`;
    }
    if (mode.value === "edit") return html`<${Edit} text=${item.call.arguments} onDone=${edit} onBack=${back} />`;
    return html`<div class="decide">
      <span class="question">May the agent do this?</span>
      <button class="primary" onClick=${() => decide({ approve: true })}>${icon("check")} Approve</button>
      ${Object.keys(parsed(item.call.arguments) ?? {}).length > 0 && html`<button onClick=${() => (mode.value = "edit")}>Edit …</button>`}
      <button onClick=${() => (mode.value = "deny")}>Deny …</button>
    </div>`;
  };
});

/** One field for each argument. Texts are edited as they are, all else as JSON. */
const Edit = view((self) => {
  const before = parsed(self.props.text) ?? {};
  const failure = signal("");

  function submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const args = {};
    for (const [name, value] of Object.entries(before)) {
      const given = form.get(name);
      try {
        args[name] = typeof value === "string" ? given : JSON.parse(given);
      } catch {
        failure.value = `${name} has to be JSON, as it was: ${JSON.stringify(value).slice(0, 80)}`;
        return;
      }
    }
    self.props.onDone(args);
  }

  return ({ onBack }) => html`<form class="decide edit" onSubmit=${submit}>
    ${Object.entries(before).map(([name, value], place) => {
      const text = typeof value === "string" ? value : pretty(value);
      return html`<label class="field" key=${name}><span class="mono">${name}</span>
        <textarea class="mono" name=${name} rows=${Math.min(10, text.split("\n").length + Math.floor(text.length / 80))} spellcheck="false" defaultValue=${text}
          ref=${place === 0 ? focused : null}></textarea></label>`;
    })}
    ${failure.value && html`<p class="note bad" role="alert">${failure.value}</p>`}
    <div class="row"><small class="grow">The agent is told to make this call instead, and may then do so without asking again.</small>
      <button class="primary">${icon("check")} Approve as edited</button><button type="button" onClick=${onBack}>Back</button></div>
  </form>`;
});

// How what was said looks: text, reasoning, calls of tools with what they returned, requests for approval.
import { callsOf, keyOf } from "./conversation.js";
import { Decision, editOf, parsed } from "./decision.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { code, pretty } from "./ui.js";
import { html, signal, view } from "./view.js";

const drawn = new WeakMap();

/** What to draw for messages: returns and decisions stand with the calls that they belong to. */
export function itemsOf(messages) {
  const items = [];
  const calls = new Map();
  for (const message of messages) {
    const key = keyOf(message);
    switch (message.message_type) {
      case "tool_call_message":
      case "approval_request_message":
        for (const call of callsOf(message)) {
          const asks = message.message_type === "approval_request_message" ? message : null;
          const item = { kind: "call", key: `call:${call.tool_call_id}`, call, asks };
          const known = calls.get(call.tool_call_id);
          if (known) Object.assign(known, { call, asks: known.asks ?? asks });
          else items.push(item), calls.set(call.tool_call_id, item);
        }
        break;
      case "approval_response_message":
        for (const given of message.approvals ?? []) {
          const item = calls.get(given.tool_call_id);
          if (item && given.type !== "tool") item.decision = given;
          else if (item) item.result = given;
        }
        break;
      case "tool_return_message":
        for (const result of message.tool_returns ?? [message]) {
          const item = calls.get(result.tool_call_id);
          if (item) item.result = result;
          else items.push({ kind: "call", key: `return:${key}`, call: { name: message.name }, result });
        }
        break;
      default:
        items.push({ kind: "message", key, message });
    }
  }
  return items;
}

export const isPending = (item) => item.kind === "call" && item.asks && !item.decision && !item.result;

export function Item({ item, busy, last, onDecide }) {
  if (item.kind === "call") return html`<${Call} item=${item} busy=${busy} onDecide=${onDecide} />`;
  const { message } = item;
  if (busy) return draw(message, last);
  if (!drawn.has(message)) drawn.set(message, draw(message, false));
  return drawn.get(message);
}

function draw(message, streaming) {
  switch (message.message_type) {
    case "user_message":
      return userMessage(message);
    case "assistant_message":
      return html`<article class=${`said agent ${message.cutOff ? "cut-off" : ""}`} aria-label="Agent">${contentOf(message.content, markdown)}
        ${message.cutOff && html`<p class="muted"><small>Interrupted. The agent won't remember this.</small></p>`}</article>`;
    case "reasoning_message":
      return folded(streaming ? "Thinking …" : "Reasoning", message.reasoning, streaming ? "reasoning busy" : "reasoning");
    case "hidden_reasoning_message":
      return html`<p class="aside">The provider does not disclose this reasoning.</p>`;
    case "summary_message":
      return folded("Older messages were summarized", textOf(message.summary ?? message.content), "notice");
    case "system_message":
      return folded("System message", textOf(message.content), "notice");
    case "event_message":
      return html`<p class="aside">${message.event_type === "compaction" ? "Summarizing older messages …" : message.event_type}</p>`;
    default:
      return html`<p class="aside">${message.message_type}</p>`;
  }
}

function userMessage(message) {
  const event = eventOf(message.content);
  if (event) return folded(event.title, event.text, "notice");
  return html`<article class=${`said user ${message.failed ? "failed" : ""}`} aria-label="You">
    ${contentOf(message.content, (text) => html`<p class="plain">${text}</p>`)}</article>`;
}

/** Messages that the server itself puts in, in JSON. */
function eventOf(content) {
  const text = textOf(content).trim();
  if (!text.startsWith('{"type"') && !text.startsWith("{\n")) return null;
  try {
    const { type, message, ...rest } = JSON.parse(text);
    if (!type || type === "user_message") return null;
    return { title: type.replaceAll("_", " "), text: message ?? pretty(rest) };
  } catch {
    return null;
  }
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => part.text ?? "").join("\n");
}

function contentOf(content, draw_text) {
  if (typeof content === "string") return draw_text(content);
  return (content ?? []).map((part) => (part.type === "image" ? image(part.source) : part.text && draw_text(part.text)));
}

/** Only images that are in the message itself: others would tell their hosts who looks. */
function image(source) {
  if (source?.data) return html`<img class="picture" alt="Image" src=${`data:${source.media_type};base64,${source.data}`} />`;
  return html`<p class="plain"><a href=${source?.url} target="_blank" rel="noopener noreferrer">Image: ${source?.url}</a></p>`;
}

function folded(title, text, kind) {
  return html`<details class=${`fold ${kind}`}><summary>${title}</summary><div class="plain">${text}</div></details>`;
}

// Calls ------------------------------------------------------------------------------------------------------------

const STATES = { success: ["good", "done"], error: ["bad", "failed"], pending: ["warn", "needs approval"], denied: ["bad", "denied"], edited: ["warn", "changed"], busy: ["busy", "running"], none: ["", "no result"] };

function stateOf({ call, result, decision, asks }, busy) {
  if (decision && !decision.approve) return editOf(decision) ? "edited" : "denied";
  if (result) return result.status === "error" ? "error" : "success";
  if (asks && !decision) return "pending";
  return busy ? "busy" : "none";
}

const Call = view((self) => {
  const chosen = signal(null); // whether it is unfolded; by default, only while it needs an answer
  return ({ item, busy, onDecide }) => {
    const state = stateOf(item, busy);
    const [tone, word] = STATES[state];
    const pending = state === "pending" && !busy;
    return html`
      <details class=${`call ${state}`} open=${chosen.value ?? pending} onToggle=${(event) => {
        if (event.target.open !== (chosen.value ?? pending)) chosen.value = event.target.open;
      }}>
        <summary>${icon("tools")}<span class="mono name">${item.call.name}</span>
          <span class="gist mono">${gist(item.call.arguments)}</span><span class=${`badge ${tone}`}>${word}</span></summary>
        <div class="stack">
          ${item.call.arguments && argumentsOf(item.call.arguments)}
          ${item.decision && decided(item.decision)}
          ${item.result && state !== "edited" && resultOf(item.result)}
        </div>
        ${pending && onDecide && html`<${Decision} item=${item} onDecide=${onDecide} />`}
      </details>`;
  };
});

function decided(decision) {
  if (decision.approve) return html`<p class="muted">Approved.</p>`;
  const edit = editOf(decision);
  if (!edit) return html`<p class="muted">Denied. ${decision.reason ?? ""}</p>`;
  return html`<p class="muted">Not carried out: the agent was told to use these arguments instead.</p>${argumentsOf(edit)}`;
}

function gist(text) {
  const values = Object.values(parsed(text) ?? {}).filter((value) => ["string", "number", "boolean"].includes(typeof value));
  return values.map((value) => String(value).replace(/\s+/g, " ")).join(" · ").slice(0, 120);
}

function argumentsOf(text) {
  const values = parsed(text);
  if (!values) return code(text, "arguments");
  const entries = Object.entries(values);
  return entries.length > 0 && html`<dl class="arguments">${entries.map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd class="plain mono">${typeof value === "string" ? value : pretty(value)}</dd></div>`)}</dl>`;
}

function resultOf(result) {
  const returned = result.tool_return;
  const parts = Array.isArray(returned) ? returned : [{ text: typeof returned === "string" ? returned : pretty(returned) }];
  return html`<div class="stack returned">
    ${parts.map((part) => (part.type === "image" ? image(part.source) : code(pretty(part.text ?? ""), "result")))}
    ${["stdout", "stderr"].map((name) => result[name]?.length > 0 && html`<div key=${name}><p class="muted">${name}</p>${code(result[name].join("\n"), name)}</div>`)}
  </div>`;
}

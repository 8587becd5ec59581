// What differs between two texts, word by word or line by line.
import { html } from "./view.js";

const MOST = 400_000;

/** Pieces of both texts in order: [kind, text] with kind 0 for what is in both, -1 for the first only, 1 the second. */
export function compare(before, after, form = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) {
  const a = before.match(form) ?? [];
  const b = after.match(form) ?? [];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const middle = longest(a.slice(start, a.length - end), b.slice(start, b.length - end));
  return grouped([[0, a.slice(0, start).join("")], ...middle, [0, a.slice(a.length - end).join("")]]);
}

function longest(a, b) {
  if (a.length * b.length > MOST) return [[-1, a.join("")], [1, b.join("")]];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const pieces = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push([0, a[i]]);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) pieces.push([-1, a[i++]]);
    else pieces.push([1, b[j++]]);
  }
  return pieces;
}

function grouped(pieces) {
  const made = [];
  for (const [kind, text] of pieces) {
    if (!text) continue;
    if (made.at(-1)?.[0] === kind) made.at(-1)[1] += text;
    else made.push([kind, text]);
  }
  return made;
}

/** The new text with what is new in it marked. */
export function marked(before, after) {
  return compare(before, after)
    .filter(([kind]) => kind >= 0)
    .map(([kind, text]) => (kind ? html`<mark>${text}</mark>` : text));
}

/** Both texts in one: removed and added words. */
export function Difference({ before, after }) {
  return html`<div class="difference" tabindex="0" role="region" aria-label="What differs">${compare(before, after).map(([kind, text]) => {
    if (kind < 0) return html`<del>${text}</del>`;
    return kind ? html`<ins>${text}</ins>` : text;
  })}</div>`;
}

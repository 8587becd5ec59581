// Markdown as models write it, made into elements. No text ever becomes HTML, and nothing is loaded from elsewhere.
import { code } from "./ui.js";
import { html } from "./view.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(\S.*)$/;
/** Marks that close a heading: a space stands before them, unlike in C#. */
const CLOSING = /(?<=\s)#{1,100}$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const INLINE = new RegExp(
  [
    /(?<tick>`+)(?<code>[\s\S]{0,4000}?[^`])\k<tick>(?!`)/,
    /(?<strong>\*\*|__)(?=\S)(?<bold>[\s\S]{0,4000}?\S)\k<strong>/,
    /(?<![\w*])(?<emphasis>[*_])(?=[^\s*_])(?<italic>[\s\S]{0,4000}?[^\s*_])\k<emphasis>(?!\w)/,
    /~~(?=\S)(?<struck>[\s\S]{0,4000}?\S)~~/,
    /!?\[(?<label>[^\]\n]*)\]\((?<target>[^()\s]+(?:\([^()\s]*\))?)(?:\s+"[^"\n]*")?\)/,
    /(?<address>https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?])/,
  ]
    .map((one) => one.source)
    .join("|"),
);
const DEEPEST = 8;

export function markdown(text) {
  return html`<div class="prose">${blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0)}</div>`;
}

function blocks(lines, depth) {
  const made = [];
  let place = 0;
  while (place < lines.length) {
    if (!lines[place].trim()) {
      place++;
      continue;
    }
    const [block, next] = blockAt(lines, place, depth);
    made.push(block);
    place = next;
  }
  return made;
}

function blockAt(lines, place, depth) {
  const line = lines[place];
  if (FENCE.test(line)) return fence(lines, place);
  const heading = HEADING.exec(line);
  if (heading) return [html`<p class=${`heading h${heading[1].length}`}><strong>${inline(heading[2].trimEnd().replace(CLOSING, "").trimEnd())}</strong></p>`, place + 1];
  if (RULE.test(line)) return [html`<hr />`, place + 1];
  if (QUOTE.test(line) && depth < DEEPEST) return quote(lines, place, depth);
  if (ITEM.test(line) && depth < DEEPEST) return list(lines, place, depth);
  if (line.includes("|") && DIVIDER.test(lines[place + 1] ?? "") && lines[place + 1].includes("-")) return table(lines, place);
  return paragraph(lines, place);
}

function fence(lines, place) {
  const [, mark, language] = FENCE.exec(lines[place]);
  let end = place + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end++;
  return [code(lines.slice(place + 1, end).join("\n"), language || "code"), end + 1];
}

function quote(lines, place, depth) {
  let end = place;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines.slice(place, end).map((line) => line.replace(QUOTE, ""));
  return [html`<blockquote>${blocks(inner, depth + 1)}</blockquote>`, end];
}

function list(lines, place, depth) {
  const [, indent, mark] = ITEM.exec(lines[place]);
  const ordered = /\d/.test(mark);
  const items = [];
  let end = place;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    const deeper = /^\s/.test(lines[end]) && lines[end].search(/\S/) > indent.length;
    if (item && item[1].length <= indent.length) {
      if (/\d/.test(item[2]) !== ordered || item[1].length < indent.length) break;
      items.push([item[3]]);
    } else if (deeper || (!lines[end].trim() && isMore(lines, end, indent))) {
      items.at(-1).push(lines[end].slice(Math.min(indent.length + 2, Math.max(lines[end].search(/\S/), 0))));
    } else if (!lines[end].trim() || FENCE.test(lines[end]) || HEADING.test(lines[end])) {
      break;
    } else {
      items.at(-1).push(lines[end]);
    }
    end++;
  }
  const drawn = items.map((item) => html`<li>${tight(item, depth)}</li>`);
  return [ordered ? html`<ol start=${parseInt(mark, 10)}>${drawn}</ol>` : html`<ul>${drawn}</ul>`, end];
}

/** Whether a list goes on behind a blank line. */
function isMore(lines, blank, indent) {
  const next = lines[blank + 1] ?? "";
  return Boolean(next.trim()) && (ITEM.test(next) || next.search(/\S/) > indent.length);
}

function tight(lines, depth) {
  const end = lines.findIndex((line, place) => place > 0 && (ITEM.test(line) || FENCE.test(line) || !line.trim()));
  if (end < 0) return inline(lines.join("\n"));
  return [inline(lines.slice(0, end).join("\n")), ...blocks(lines.slice(end), depth + 1)];
}

function table(lines, place) {
  const head = cells(lines[place]);
  let end = place + 2;
  while (end < lines.length && lines[end].includes("|")) end++;
  const rows = lines.slice(place + 2, end).map(cells);
  return [
    html`<div class="table-wrap"><table><thead><tr>${head.map((cell) => html`<th scope="col">${inline(cell)}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>${head.map((_, index) => html`<td>${inline(row[index] ?? "")}</td>`)}</tr>`)}</tbody></table></div>`,
    end,
  ];
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

function paragraph(lines, place) {
  let end = place + 1;
  while (end < lines.length && lines[end].trim() && !begins(lines[end])) end++;
  return [html`<p>${inline(lines.slice(place, end).join("\n"))}</p>`, end];
}

const begins = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((form) => form.test(line));

function inline(text, depth = 0) {
  const made = [];
  let rest = text;
  while (rest && depth < DEEPEST) {
    const found = INLINE.exec(rest);
    if (!found) break;
    if (found.index) made.push(rest.slice(0, found.index));
    made.push(mark(found, depth));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) made.push(rest);
  return made;
}

function mark({ 0: whole, groups }, depth) {
  if (groups.code !== undefined) return html`<code>${groups.code.trim()}</code>`;
  if (groups.bold !== undefined) return html`<strong>${inline(groups.bold, depth + 1)}</strong>`;
  if (groups.italic !== undefined) return html`<em>${inline(groups.italic, depth + 1)}</em>`;
  if (groups.struck !== undefined) return html`<del>${inline(groups.struck, depth + 1)}</del>`;
  if (groups.address !== undefined) return link(groups.address, groups.address);
  return safe(groups.target) ? link(groups.target, groups.label || groups.target) : whole;
}

const safe = (target) => /^(https?:\/\/|mailto:)/i.test(target);

function link(target, label) {
  return html`<a href=${target} target="_blank" rel="noopener noreferrer nofollow">${label}</a>`;
}

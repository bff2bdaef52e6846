// Markdown blocks: paragraphs, headings, lists, tables, code, quotes, rules.
//
// Text to DOM nodes, never to HTML: what a model writes as HTML is shown as the text it is.
// `Live` renders a text that grows: a line can only change the last block, so only that one is
// rendered anew.

import { copyButton, el } from "./dom.js";
import { inline, withoutEnd } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}>[ ]?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DELIMITER = /^:?-+:?$/;
const DEEPEST = 8;
const MOST_COLUMNS = 1000; // of a table; a wider one is shown as the text it is

/** The nodes of a whole text. */
export function render(text) {
  return blocks(text.split("\n"), 0).map((block) => block.node);
}

/** A growing text inside `place`. */
export class Live {
  constructor(place) {
    this.place = place;
    this.settled = 0; // lines that no further text can change
    this.complete = 0; // lines seen whole
    this.tail = []; // the nodes of the lines after the settled ones
  }

  update(text) {
    const all = text.split("\n");
    const lines = all.slice(this.settled);
    const found = blocks(lines, 0);
    for (const node of this.tail) node.remove();
    for (const { node } of found) this.place.append(node);
    // The last line may still turn out to be anything, so only whole lines settle a block.
    const grown = all.length - 1 > this.complete;
    const start = grown ? (blocks(lines.slice(0, -1), 0).at(-1)?.start ?? 0) : 0;
    this.tail = found.filter((block) => block.start >= start).map((block) => block.node);
    this.settled += start;
    this.complete = all.length - 1;
  }
}

function blocks(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const block = (depth < DEEPEST && container(lines, at, depth)) || leaf(lines, at);
    found.push({ node: block.node, start: at });
    at = block.end;
  }
  return found;
}

function leaf(lines, at) {
  return fence(lines, at) ?? heading(lines, at) ?? rule(lines, at) ?? table(lines, at) ?? paragraph(lines, at);
}

function container(lines, at, depth) {
  if (RULE.test(lines[at])) return null;
  return quote(lines, at, depth) ?? list(lines, at, depth);
}

/** Whether this line ends a paragraph.  "1984. It was" is no list; only a first item may. */
function startsBlock(line) {
  const [, , mark] = ITEM.exec(line) ?? [];
  const item = mark !== undefined && (!/\d/.test(mark) || Number.parseInt(mark, 10) === 1);
  return item || opening(line) !== null || HEADING.test(line) || RULE.test(line) || QUOTE.test(line);
}

/** The mark of a code block that begins with this line, and its language; null: none does. */
function opening(line) {
  const found = FENCE.exec(line);
  const rest = found && line.slice(found[0].length);
  return found && !rest.includes("`") ? { mark: found[1], language: rest.trim().split(/\s/, 1)[0] } : null;
}

function fence(lines, at) {
  const begin = opening(lines[at]);
  if (!begin) return null;
  const { mark, language } = begin;
  const indent = lines[at].search(/\S/);
  const body = [];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end].trim();
    if (line.length >= mark.length && line === mark[0].repeat(line.length)) break;
    body.push(lines[end].slice(Math.min(indent, Math.max(lines[end].search(/\S/), 0))));
  }
  return { node: codeBlock(body.join("\n"), language), end: end + 1 };
}

export function codeBlock(text, language) {
  return el(
    "figure",
    { class: "code" },
    el("figcaption", {}, el("span", {}, language || "text"), copyButton("Copy code", () => text)),
    el("pre", { tabindex: "0" }, el("code", {}, text)),
  );
}

function heading(lines, at) {
  const found = HEADING.exec(lines[at]);
  // The page's own headings are h1 and h2, so a message begins at h3.
  if (!found) return null;
  const text = withoutEnd(lines[at].slice(found[0].length), " \t#");
  return { node: el(`h${Math.min(found[1].length + 2, 6)}`, {}, inline(text)), end: at + 1 };
}

function rule(lines, at) {
  return RULE.test(lines[at]) ? { node: el("hr"), end: at + 1 } : null;
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines[end]) && !isTable(lines, end)) end++;
  const text = lines.slice(at, end).map((line) => line.trimStart()).join("\n").trimEnd();
  return { node: el("p", {}, inline(text)), end };
}

function quote(lines, at, depth) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inside = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return { node: el("blockquote", {}, blocks(inside, depth + 1).map((b) => b.node)), end };
}

function isTable(lines, at) {
  if (!lines[at].includes("|") || !lines[at + 1]?.includes("-")) return false;
  const sides = cells(lines[at + 1]);
  return sides.length <= MOST_COLUMNS && sides.every((side) => DELIMITER.test(side))
    && cells(lines[at]).length === sides.length;
}

function cells(line) {
  const inside = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inside.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, at) {
  if (!isTable(lines, at)) return null;
  const sides = cells(lines[at + 1]).map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left");
  // A row may be short: cells made up for it would be rows times columns.
  const row = (tag, line) => el("tr", {}, cells(line).slice(0, sides.length).map((cell, i) =>
    el(tag, { class: sides[i] }, inline(cell))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim()) end++;
  const body = lines.slice(at + 2, end).map((line) => row("td", line));
  const node = el("table", {}, el("thead", {}, row("th", lines[at])), el("tbody", {}, body));
  return { node: el("div", { class: "wide", tabindex: "0" }, node), end };
}

function list(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const kind = first[2].at(-1);
  const items = [];
  let loose = false;
  let end = at;
  while (end < lines.length) {
    const mark = ITEM.exec(lines[end]);
    if (!mark || mark[2].at(-1) !== kind || RULE.test(lines[end])) break;
    const item = oneItem(lines, end, mark);
    items.push(item.lines);
    loose ||= item.gap && item.end < lines.length && ITEM.test(lines[item.end]);
    end = item.end;
  }
  const nodes = items.map((inside) => listItem(inside, loose, depth));
  const start = ordered && Number.parseInt(first[2], 10) !== 1 ? Number.parseInt(first[2], 10) : undefined;
  return { node: el(ordered ? "ol" : "ul", { start }, nodes), end };
}

/** An item's lines without its mark: what is indented under it, and what runs on in its text. */
function oneItem(lines, at, mark) {
  const indent = Math.min(mark[0].length, mark[1].length + mark[2].length + 4) || 2;
  const inside = [lines[at].slice(mark[0].length)];
  let gap = false;
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end];
    if (!line.trim()) {
      let next = end + 1;
      while (next < lines.length && !lines[next].trim()) next++;
      if (next === lines.length || !(lines[next].search(/\S/) >= Math.min(indent, 2) || ITEM.test(lines[next]))) break;
      gap = true;
      for (; end + 1 < next; end++) inside.push("");
      inside.push("");
      continue;
    }
    const depth = line.search(/\S/);
    if (depth >= Math.min(indent, 2)) inside.push(line.slice(Math.min(indent, depth)));
    else if (gap || ITEM.test(line) || startsBlock(line)) break;
    else inside.push(line);
  }
  return { lines: inside, gap, end };
}

function listItem(lines, loose, depth) {
  const task = /^\[([ xX])\][ \t]+/.exec(lines[0]);
  if (task) lines = [lines[0].slice(task[0].length), ...lines.slice(1)];
  const nodes = blocks(lines, depth + 1).map((block) => block.node);
  if (!loose) {
    // In a tight list an item's text stands by itself, without a paragraph's margins.
    for (const [i, node] of nodes.entries()) if (node.tagName === "P") nodes[i] = [...node.childNodes];
  }
  const box = task && el("input", { type: "checkbox", disabled: true, checked: task[1] !== " " });
  return el("li", { class: task ? "task" : undefined }, box ?? [], nodes.flat());
}

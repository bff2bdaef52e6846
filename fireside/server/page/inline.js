// Markdown inside a line: code, links, bold, italic, struck out.  Text to DOM nodes, never to HTML.
//
// Links lead to http, https and mailto only; anything else stays the text it is.  An image becomes
// a link: showing it would tell a stranger's server that this page was read.

import { el } from "./dom.js";

const MARKS = [
  ["***", (inner) => el("strong", {}, el("em", {}, inner))],
  ["**", (inner) => el("strong", {}, inner)],
  ["__", (inner) => el("strong", {}, inner)],
  ["~~", (inner) => el("del", {}, inner)],
  ["*", (inner) => el("em", {}, inner)],
  ["_", (inner) => el("em", {}, inner)],
];
const SPECIAL = /[\\`*_~[!<\n]|https?:\/\//g;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const DEEPEST = 8;
const LONGEST_LABEL = 1000;
const LONGEST_ADDRESS = 2000;

/** The nodes of `text`. */
export function inline(text, depth = 0) {
  const nodes = [];
  const seen = new Seen(text);
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
  };
  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    if (next === text.length) break;
    const found = special(text, next, depth, seen);
    if (found) {
      if (found.text !== undefined) plain += found.text;
      else {
        if (found.node.tagName === "BR") plain = withoutEnd(plain, " ");
        flush();
        nodes.push(found.node);
      }
      at = found.end;
    } else {
      plain += text[next];
      at = next + 1;
    }
  }
  flush();
  return nodes;
}

/** What is searched once in a text, and not at every occurrence. */
class Seen {
  #text;
  #partners = null;

  constructor(text) {
    this.#text = text;
    this.hopeless = new Set(); // marks with no end ahead
  }

  /** Where the bracket at this place is closed; -1 for nowhere. */
  partner(at) {
    this.#partners ??= partners(this.#text);
    return this.#partners.get(at) ?? -1;
  }
}

function partners(text) {
  const found = new Map();
  const open = { "]": [], ")": [] };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === "\\") at++;
    else if (letter === "[") open["]"].push(at);
    else if (letter === "(") open[")"].push(at);
    else if (open[letter]?.length) found.set(open[letter].pop(), at);
  }
  return found;
}

/** Without any of these letters at its end.  `/ +$/` would try each run of them. */
export function withoutEnd(text, letters) {
  let end = text.length;
  while (end > 0 && letters.includes(text[end - 1])) end--;
  return text.slice(0, end);
}

function special(text, at, depth, seen) {
  const letter = text[at];
  if (letter === "\n") return { node: el("br"), end: at + 1 };
  if (letter === "\\") return escaped(text, at);
  if (letter === "`") return code(text, at, seen.hopeless);
  if (letter === "h") return bareLink(text, at);
  if (letter === "<") return angleLink(text, at);
  if (depth >= DEEPEST) return null;
  if (letter === "[") return link(text, at, depth, seen);
  if (letter === "!") return text[at + 1] === "[" ? link(text, at + 1, depth, seen) : null;
  return marked(text, at, depth, seen.hopeless);
}

function escaped(text, at) {
  const next = text[at + 1];
  if (next === "\n") return { node: el("br"), end: at + 2 };
  return next && ESCAPABLE.test(next) ? { text: next, end: at + 2 } : null;
}

function code(text, at, hopeless) {
  let run = at;
  while (text[run] === "`") run++;
  const fence = text.slice(at, run);
  if (hopeless.has(fence)) return { text: fence, end: run };
  for (let end = text.indexOf(fence, run); end >= 0; end = text.indexOf(fence, end)) {
    let after = end;
    while (text[after] === "`") after++;
    if (after - end === fence.length) {
      const inside = text.slice(run, end).replaceAll("\n", " ");
      const bare = /^ .* $/.test(inside) && inside.trim() ? inside.slice(1, -1) : inside;
      return { node: el("code", {}, bare), end: after };
    }
    end = after;
  }
  hopeless.add(fence);
  return { text: fence, end: run };
}

function marked(text, at, depth, hopeless) {
  for (const [mark, make] of MARKS) {
    if (!text.startsWith(mark, at) || hopeless.has(mark)) continue;
    const start = at + mark.length;
    if (!opens(text, at, start, mark)) continue;
    const end = closing(text, start, mark);
    if (end < 0) {
      hopeless.add(mark);
      continue;
    }
    return { node: make(inline(text.slice(start, end), depth + 1)), end: end + mark.length };
  }
  let run = at;
  while (text[run] === text[at]) run++;
  return { text: text.slice(at, run), end: run };
}

const isSpace = (letter) => letter === undefined || /\s/.test(letter);
const isWord = (letter) => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);

function opens(text, at, start, mark) {
  if (isSpace(text[start])) return false;
  return mark[0] !== "_" || !isWord(text[at - 1]); // snake_case is a word
}

function closing(text, start, mark) {
  let counted = start;
  let isCode = false;
  for (let end = text.indexOf(mark, start + 1); end >= 0; end = text.indexOf(mark, end + 1)) {
    const after = end + mark.length;
    if (isSpace(text[end - 1]) || text[end - 1] === "\\") continue;
    if (mark[0] === "_" && isWord(text[after])) continue;
    if (mark.length === 1 && (text[after] === mark || text[end - 1] === mark)) {
      // Half of a double mark: step over the pair.
      if (text[after] === mark) end = after;
      continue;
    }
    for (; counted < end; counted++) if (text[counted] === "`") isCode = !isCode;
    if (isCode) continue;
    return text[after] === mark[0] && mark.length > 1 ? end + 1 : end;
  }
  return -1;
}

export function safeUrl(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** children: makes them; only for an address that is one, as brackets may stand in brackets. */
function anchor(address, children) {
  const href = safeUrl(address);
  if (!href) return null;
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, children());
}

/** `[text](address "title")`, brackets balanced within a bounded look ahead. */
function link(text, at, depth, seen) {
  const label = seen.partner(at);
  if (label < 0 || label >= at + LONGEST_LABEL || text[label + 1] !== "(") return null;
  const end = seen.partner(label + 1);
  if (end < 0 || end > label + LONGEST_ADDRESS) return null;
  const [address] = text.slice(label + 2, end).trim().split(/\s+/, 1);
  const node = anchor(address.replace(/^<(.*)>$/, "$1"), () => inline(text.slice(at + 1, label), depth + 1));
  return node && { node, end: end + 1 };
}

function angleLink(text, at) {
  const found = /^<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/.exec(text.slice(at, at + 2010));
  const node = found && anchor(found[1], () => [found[1]]);
  return node && { node, end: at + found[0].length };
}

function bareLink(text, at) {
  if (isWord(text[at - 1])) return null;
  let address = /^https?:\/\/[^\s<>"'`\])}*]{1,2000}/.exec(text.slice(at, at + 2010))?.[0];
  address = address && withoutEnd(address, ".,:;!?");
  const node = address && anchor(address, () => [address]);
  return node ? { node, end: at + address.length } : null;
}

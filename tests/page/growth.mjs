// How the time of the page's Markdown grows with its text: node growth.mjs FOLDER, where FOLDER has
// the page's scripts.  Prints one line of JSON per text: its name, and milliseconds at two lengths.
//
// The document is as little of one as the scripts need: what is measured is their own work.

import { pathToFileURL } from "node:url";

class Node {
  constructor(tagName, data = "") {
    this.tagName = tagName?.toUpperCase();
    this.data = data;
    this.childNodes = [];
  }
  append(...nodes) {
    for (const each of nodes) this.childNodes.push(typeof each === "string" ? new Node(undefined, each) : each);
  }
  setAttribute() {}
  addEventListener() {}
  remove() {}
}
globalThis.document = {
  createElement: (name) => new Node(name),
  createElementNS: (_, name) => new Node(name),
  createTextNode: (text) => new Node(undefined, text),
};

const { render, Live } = await import(pathToFileURL(`${process.argv[2]}/markdown.js`));

const repeat = (unit) => (size) => unit.repeat(Math.ceil(size / unit.length));
const TEXTS = { columns: (size) => `${"|a".repeat(size / 4)}\n${"|-".repeat(size / 4)}\n` };
for (const unit of [
  "a", " ", "\n", "\t", "1", "#", "|", "*", "_", "~", "`", "[", "]", "(", "!", "<", ">", "-", "=", "+", "\\", ":", "h",
  "a*", "*a", "**a", "a**", "* a", "_a", "~~a", "***a ", "*a_", "`a", "``a`", "a ` ", "[a", "[a]", "[a](", "[a](b) ",
  "![", "[[](", "](", "(", "((", "<a", "<http://a", "http://a", "http://a ", "\\*", "> ", "> a\n", ">\n", "- ", "- a\n",
  "-\n", "- \n\n", "- a\n\n", "1. a\n", "1. ", "  - a\n", "+ a\n- a\n", "|a\n", "|\n", "|-\n", "-|-\n", "a|b\n-|-\n", "|a|b|\n|-|-|\n",
  "# a\n", "# a #", "###### a\n", "# # ", "---\n", "- - -\n", "* * ", "_ _ ", "```\n", "```a\n", "~~~ ", "`````\n", "~~~\na\n",
  "a\n", "a  \n", "a\n\n", "**bold** and *it* `code` [a](http://b.c) text. ", "\u0000", "é", "中文", "🙂",
  "a **b *c ~~d __e _f `g [h ", "* * a\n", "> - a\n", "- > a\n",
]) TEXTS[JSON.stringify(unit)] = repeat(unit);
TEXTS["heading of spaces"] = (size) => `# a${" ".repeat(size)}x`;
TEXTS["heading of marks"] = (size) => `# a${"#".repeat(size)}x`;
TEXTS["rule of spaces"] = (size) => `-${" ".repeat(size)}x`;
TEXTS["delimiters that end badly"] = (size) => `a|b\n${"-|".repeat(size / 2)}x`;
TEXTS["fence of spaces"] = (size) => `\`\`\`${" ".repeat(size)}\``;
TEXTS["nested quotes"] = (size) => `${">".repeat(size)} a`;
TEXTS["nested lists"] = (size) => {
  const depth = Math.floor(Math.sqrt(size));
  return Array.from({ length: depth }, (_, i) => `${"  ".repeat(i)}- a`).join("\n");
};
TEXTS["blank lines in a list"] = (size) => `- a\n${"\n".repeat(size)}b`;
TEXTS["blank lines in nested lists"] = (size) => `- - - - a\n${"\n".repeat(size)}`;
TEXTS["code inside bold"] = (size) => `**a ${"`b** ".repeat(size / 5)}`;
TEXTS["many ends inside code"] = (size) => `**a ${"`b** ".repeat(size / 5)}\``;

function milliseconds(text, run) {
  const start = process.cpuUsage();
  run(text);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function grown(text) {
  const live = new Live(new Node("div"));
  const step = Math.ceil(text.length / 20);
  for (let at = step; at < text.length + step; at += step) live.update(text.slice(0, at));
}

for (const [how, run, size] of [["render", render, 8_000], ["live", grown, 1_500]]) {
  for (const [name, make] of Object.entries(TEXTS)) {
    run(make(500));
    const take = (times, length) => Math.min(...Array.from({ length: times }, () => milliseconds(make(length), run)));
    let [short, long] = [take(1, size), take(1, 4 * size)];
    // A single measure may have met the collector of garbage.
    if (long > 20 && long > 8 * short) [short, long] = [take(3, size), take(3, 4 * size)];
    process.stdout.write(`${JSON.stringify({ how, name, short, long })}\n`);
  }
}

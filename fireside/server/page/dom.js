// Building elements.  Text only ever becomes a text node: nothing here parses HTML.

/** `el("p", { class: "fine" }, "text", child)`; properties beginning with "on" are listeners.  A child
 *  may be a list of nodes: a hundred thousand of them are no arguments of a function. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) node.append(child);
  return node;
}

/** Make `nodes` the children of `place`, and touch only what differs: a selection, the focus and a
 *  click that is half done live in the nodes. */
export function settle(place, nodes) {
  const kept = new Set(nodes);
  for (const child of [...place.childNodes]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, at) => {
    if (place.childNodes[at] !== node) place.insertBefore(node, place.childNodes[at] ?? null);
  });
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function iconButton(name, label, onclick) {
  return el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick }, icon(name));
}

/** A button that copies `text()` and says so for a moment. */
export function copyButton(label, text) {
  const button = iconButton("copy", label, async () => {
    await copy(text());
    button.replaceChildren(icon("done"));
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      button.setAttribute("aria-label", label);
    }, 1600);
  });
  return button;
}

async function copy(text) {
  // The clipboard API needs https or localhost; a page opened by its LAN address has neither.
  // And the browser may refuse, as when the window has lost the focus meanwhile.
  const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (copied) return;
  const area = el("textarea", { class: "hidden" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

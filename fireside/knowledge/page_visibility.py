"""What a page hides: by its elements, their attributes, their styles and its style sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

SKIPPED = frozenset(
    [
        "head",
        "script",
        "style",
        "template",
        "noscript",
        "noframes",
        "datalist",
        "select",
        "rp",
        "title",
        "meta",
        "link",
        "base",
        "param",
        "source",
        "track",
        "map",
        "annotation",
        "annotation-xml",
    ]
)
MOST_RULES, MOST_SELECTORS = 500, 1_000
"""Of those that hide or show something: each is looked for in the whole page."""
NO_CLIP = (["rect(0", "0", "0", "0)"], ["rect(0px", "0px", "0px", "0px)"])
DECIDING = frozenset({"display", "visibility", "content-visibility", "opacity", "font-size"})
NO_SIZE = frozenset({"0", "0px", "0em", "0rem", "0pt", "0%"})


class Rule(NamedTuple):
    """What style sheets say of an element.  insists: in an important declaration."""

    hides: bool
    insists: bool


class Visibility:
    """Follows a walk through the tree.  sheets: the rules of elements, by `mem_id`."""

    def __init__(self, sheets: Mapping[int, Rule]) -> None:
        self._sheets = sheets
        self._visible = [True]

    @property
    def is_visible(self) -> bool:
        return self._visible[-1]

    def enter(self, node: Any) -> bool:
        """False where nothing in it can be seen; `leave` follows only on True."""
        attributes = node.attributes
        style = Style(attributes.get("style") or "")
        if (
            "hidden" in attributes
            or (node.tag == "dialog" and "open" not in attributes)
            or (node.tag == "input" and attributes.get("type") == "hidden")
        ) and style.get("display", "none") == "none":
            return False
        hides = hidden_by(style)
        rule = self._sheets.get(node.mem_id) if self._sheets else None
        if rule is not None and rule.insists and not style.insists:
            hides, style = rule.hides, Style("")
        elif rule is not None and hides is None:
            hides = rule.hides
        if hides and "visibility" not in style:
            return False
        shows = {"visible": True, "hidden": False, "collapse": False}.get(
            style.get("visibility", ""), self._visible[-1]
        )
        self._visible.append(shows)
        return True

    def leave(self, node: Any) -> None:
        self._visible.pop()


class Style(dict[str, str]):
    """Declarations; of two for a property the later counts, but an important one for more."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.important: set[str] = set()
        for each in text.split(";"):
            name, _, value = each.partition(":")
            name = name.strip().lower()
            value, mark, rank = value.strip().lower().partition("!")
            is_important = bool(mark) and rank.strip() == "important"
            if is_important or name not in self.important:
                self[name] = value.strip()
            if is_important:
                self.important.add(name)

    @property
    def insists(self) -> bool:
        """Whether an important one of them hides or shows."""
        return not self.important.isdisjoint(DECIDING)


def hidden_by(style: Mapping[str, str]) -> bool | None:
    """None where the style says nothing about it."""
    if style.get("display") == "none" or style.get("content-visibility") == "hidden":
        return True
    if style.get("visibility") in ("hidden", "collapse"):
        return True
    if style.get("opacity") in NO_SIZE or style.get("font-size") in NO_SIZE:
        return True
    if _is_outside(style) or _is_unpainted(style):
        return True
    return False if "display" in style or "visibility" in style else None


def _is_outside(style: Mapping[str, str]) -> bool:
    """Moved off the page, or cut down to nothing."""
    moved = ["text-indent"]
    if style.get("position") in ("absolute", "fixed"):
        moved += ["left", "top", "right", "bottom"]
        if style.get("clip", "").replace(",", " ").split() in NO_CLIP:
            return True
    if any(_pixels(style.get(name, "")) <= -999 for name in moved):
        return True
    is_cut = style.get("overflow", "").startswith(("hidden", "clip"))
    return is_cut and (style.get("width") in NO_SIZE or style.get("height") in NO_SIZE)


def _is_unpainted(style: Mapping[str, str]) -> bool:
    """Written in no colour, or in that of its ground."""
    colour = style.get("color")
    ground = style.get("background-color") or style.get("background")
    return colour is not None and colour in ("transparent", ground)


def _pixels(value: str) -> float:
    digits = value.removesuffix("px").removesuffix("rem").removesuffix("em")
    try:
        return float(digits)
    except ValueError:
        return 0.0


def hidden_by_sheets(tree: Any) -> dict[int, Rule]:
    """What the page's own style sheets hide; the last of contrary rules counts, or an important
    one."""
    found: dict[int, Rule] = {}
    rules = selectors = 0
    for sheet in tree.css("style"):
        if (sheet.attributes.get("media") or "all").strip().lower() not in ("all", "screen"):
            continue
        for names, text in _rules(sheet.text()):
            style = Style(text)
            hides = hidden_by(style)
            if hides is None:
                continue
            rule = Rule(hides, style.insists)
            rules += 1
            for selector in names.split(","):
                selectors += 1
                if rules > MOST_RULES or selectors > MOST_SELECTORS:
                    return found
                if ":" in selector or not selector.strip():  # `:hover` is a state, no look
                    continue
                try:
                    nodes = tree.css(selector.strip())
                except Exception:  # the parser's own, for what is no selector  # noqa: S112
                    continue
                for node in nodes:
                    known = found.get(node.mem_id)
                    if known is None or rule.insists or not known.insists:
                        found[node.mem_id] = rule
    return found


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """(selectors, declarations) outside of `@media` and its like."""
    parts = sheet.split("/*")
    text = parts[0] + "".join(part.partition("*/")[2] for part in parts[1:])
    depth = 0
    names = ""
    for piece in text.split("{"):
        inside, *closed = piece.split("}")
        if depth == 1 and not names.startswith("@") and closed:
            yield names, inside
        depth = max(0, depth - len(closed))
        names = (closed[-1] if closed else inside).rpartition(";")[2].strip()
        depth += 1

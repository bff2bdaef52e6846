"""What a page hides: by its elements, their attributes, and its style sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fireside.knowledge.page_styles import Style, hidden_by

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
        "progress",
        "meter",
        "annotation",
        "annotation-xml",
    ]
)
MOST_RULES, MOST_SELECTORS = 500, 1_000
"""Of those that hide or show something: each is looked for in the whole page."""


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
            or "popover" in attributes
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

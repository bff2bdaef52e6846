"""What a page hides: by its elements, their attributes, their styles and its style sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
NO_SIZE = frozenset({"0", "0px", "0em", "0rem", "0pt", "0%"})


class Visibility:
    """Follows a walk through the tree.  sheets: for the elements of which a style sheet says so,
    by `mem_id`, whether it hides them."""

    def __init__(self, sheets: Mapping[int, bool]) -> None:
        self._sheets = sheets
        self._visible = [True]

    @property
    def is_visible(self) -> bool:
        return self._visible[-1]

    def enter(self, node: Any) -> bool:
        """False where nothing in it can be seen; `leave` follows only on True."""
        attributes = node.attributes
        style = declarations(attributes.get("style") or "")
        if (
            "hidden" in attributes
            or (node.tag == "dialog" and "open" not in attributes)
            or (node.tag == "input" and attributes.get("type") == "hidden")
        ) and style.get("display", "none") == "none":
            return False
        hides = hidden_by(style)
        if hides is None:
            hides = self._sheets.get(node.mem_id) if self._sheets else None
        if hides and "visibility" not in style:
            return False
        shows = {"visible": True, "hidden": False, "collapse": False}.get(
            style.get("visibility", ""), self._visible[-1]
        )
        self._visible.append(shows)
        return True

    def leave(self, node: Any) -> None:
        self._visible.pop()


def declarations(style: str) -> dict[str, str]:
    found = {}
    for each in style.split(";"):
        name, _, value = each.partition(":")
        found[name.strip().lower()] = value.replace("!important", "").strip().lower()
    return found


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


def hidden_by_sheets(tree: Any) -> dict[int, bool]:
    """What the page's own style sheets hide; the last of contrary rules counts."""
    found: dict[int, bool] = {}
    rules = selectors = 0
    for sheet in tree.css("style"):
        if (sheet.attributes.get("media") or "all").strip().lower() not in ("all", "screen"):
            continue
        for names, style in _rules(sheet.text()):
            hides = hidden_by(declarations(style))
            if hides is None:
                continue
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
                found.update((node.mem_id, hides) for node in nodes)
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

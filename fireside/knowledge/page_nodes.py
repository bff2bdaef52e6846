"""What an element of a page is, by its name, its style and what stands beside it."""

from __future__ import annotations

from typing import Any

from fireside.knowledge.page_styles import Style

BLOCKS = frozenset(
    """
    address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption
    figure footer form header hgroup hr legend main menu nav ol p pre search section summary
    table ul caption listing xmp plaintext
    """.split()  # noqa: SIM905
)
DISPLAYED_AS_BLOCKS = frozenset({"block", "flex", "grid", "table", "list-item", "flow-root"})
MOST_SPAN = 1_000


def is_block(node: Any) -> bool:
    """By its element, or by the way its style displays it."""
    style = node.attributes.get("style") or ""
    display = Style(style).get("display", "") if "display" in style else ""
    if node.tag in BLOCKS:
        return not display.startswith("inline")
    return display in DISPLAYED_AS_BLOCKS


def is_figure(node: Any) -> bool:
    """Whether a raised or lowered figure follows a figure, with which it would be one number."""
    before = node.prev
    if before is None or before.tag != "-text":
        return False
    text = node.text(deep=True).lstrip()
    return before.text_content[-1:].isdigit() and text[:1] in tuple("0123456789-−+n")


def is_of(node: Any, tag: str) -> bool:
    return node.parent is not None and node.parent.tag == tag


def place_of(node: Any) -> int:
    """How many elements of its parent stand before it, as far as four."""
    place, before = 0, node.prev
    while before is not None and place < 4:
        place += (before.tag or "-")[0] != "-"
        before = before.prev
    return place


def has_names(table: Any) -> bool:
    """Whether the first row of a table is made of `th`, as that of data is; tables that are there
    for the layout have none."""
    node = table.child
    while node is not None and node.tag not in ("thead", "tbody", "tr"):
        node = node.next
    if node is not None and node.tag != "tr":
        node = node.child
        while node is not None and node.tag != "tr":
            node = node.next
    cell = node.child if node is not None else None
    tags: list[str] = []
    while cell is not None and len(tags) < MOST_SPAN:
        if (cell.tag or "-")[0] != "-":
            tags.append(cell.tag)
        cell = cell.next
    return len(tags) > 1 and set(tags) == {"th"}


def span(value: str | None) -> int:
    return min(int(value), MOST_SPAN) if value and value.isascii() and value.isdigit() else 1

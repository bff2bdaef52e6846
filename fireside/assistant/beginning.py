"""Where the prompt of an earlier answer began, as its receipt tells: the next one begins there too.

So a turn reads no more rows than its prompt needs, however long the conversation is, and the
engine finds the prompt's beginning in its prefix cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from fireside.storage import StoredMessage

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

NEAR: Final = 128
"""Messages that are read first: mostly the last answer's prompt began in them."""
LEAST_TOKENS: Final = 3
"""No template writes a message in fewer, so the window tells how many messages could matter."""
FEWEST: Final = 512
"""Messages that are read, if need be, of a short window too: one may tell where it began."""
MOST_LETTERS: Final = 16
"""Of messages that are read, for each token of the window.  Of what is more than four windows old
a summary would keep next to nothing, and it takes 0.1 s of each third of a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """out: messages that the prompt did not hold.  first_id, last_id: their ends.
    summary_id: what stood for some of them."""

    out: int
    first_id: str | None
    last_id: str | None
    summary_id: str | None

    @classmethod
    def of(cls, receipt: Mapping[str, Any]) -> Self | None:
        """None where the prompt held all messages."""
        steps = {step["name"]: step for step in receipt.get("steps", ())}
        covers = steps.get("compact", {}).get("covers", {})
        dropped = receipt.get("dropped", ())
        if not (covers or dropped):
            return None
        # `dropped` holds what is older than a summary, then what came after it and was left out.
        left_out = bool(dropped and steps.get("window", {}).get("left_out"))
        older = len(dropped) > (left_out and bool(covers))
        return cls(
            out=covers.get("messages", 0) + sum(each["messages"] for each in dropped),
            first_id=(dropped[0] if older else covers)["first_id"],
            last_id=(dropped[-1] if left_out or not covers else covers)["last_id"],
            summary_id=steps["compact"]["summary_id"] if covers else None,
        )

    def place(self, ids: Sequence[str]) -> int:
        """The first message of these that the prompt held; 0 where none of them was out."""
        places = [place for place, each in enumerate(ids) if each == self.last_id]
        return places[-1] + 1 if places else 0


def begun_at(path: Sequence[StoredMessage], model: TextModel) -> Beginning | None:
    """Of the last answer on this path that the same model gave with the same window, if it began
    within it.  Where none did, and the path is not whole, any model's oldest summary will do."""
    ids = {message.id for message in path}
    oldest = None
    for message in reversed(path):
        beginning = Beginning.of(message.receipt) if message.receipt else None
        if beginning is None or beginning.last_id not in ids:
            continue
        if _is_by(message, model):
            return beginning
        if beginning.summary_id is not None:
            oldest = beginning
    return oldest if path and path[0].parent_id is not None else None


def read_on(
    path: list[StoredMessage],
    above: Callable[[str, int], list[StoredMessage]],
    model: TextModel,
) -> list[StoredMessage]:
    """The end of a path, and as many messages before it as the next prompt may need.

    above: the path to a message, at most so many messages at its end.
    """
    most = max(FEWEST, model.context // LEAST_TOKENS)
    while (
        len(path) < most
        and (parent_id := path[0].parent_id)
        and sum(len(message.content) for message in path) < MOST_LETTERS * model.context
        and not _is_enough(path, model)
    ):
        path = [*above(parent_id, min(len(path), most - len(path))), *path]
    return path


def _is_enough(path: Sequence[StoredMessage], model: TextModel) -> bool:
    ids = {message.id for message in path}
    return any(
        (beginning := Beginning.of(message.receipt)) is not None and beginning.last_id in ids
        for message in path
        if message.receipt and _is_by(message, model)
    )


def _is_by(message: StoredMessage, model: TextModel) -> bool:
    receipt = message.receipt
    return receipt.get("model") == model.name and receipt.get("window") == model.context

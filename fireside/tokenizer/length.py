"""Whether texts can fit a window, told before they are tokenised as a whole.

Tokenising a text of ten megabytes takes seconds and hundreds of megabytes, and all that is learned
is that it was too long.  Here a text is refused at once that has more letters than the window's
tokens could stand for, and else counted piece by piece, until it is too much or nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from fireside.errors import ContextOverflow, Interrupted

if TYPE_CHECKING:
    from fireside.tokenizer.tokenizer import Tokenizer

PIECE: Final = 64 * 1024
"""Characters that are tokenised in one go: some 30 ms."""
CUT: Final = 64
"""Tokens that a cut may add: only those beside it change."""

Stopped = Callable[[], bool]


def check_length(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    window: int,
    *,
    param: str | None = None,
    stopped: Stopped = lambda: False,
) -> None:
    """Refuse texts that cannot be within `window` tokens, all of them together.

    What passes may still be too long by a little: the whole prompt is counted exactly later.

    Raises:
        ContextOverflow: they are too long.
        Interrupted: `stopped` says that nobody waits any more.
    """
    texts = [text.strip() for text in texts]  # as templates do
    letters = sum(map(len, texts))
    if letters <= PIECE:
        return
    longest = tokenizer.longest_token
    if longest is not None and letters > longest * window:
        raise _too_long(letters // longest, window, param)
    count = 0
    for piece, is_cut in _pieces(texts):
        if stopped():
            raise Interrupted("The client went away.")
        tokens = len(tokenizer.encode_batch([piece])[0])
        count += max(0, tokens - CUT) if is_cut else tokens
        if count > window:
            raise _too_long(count, window, param)


def _pieces(texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    for text in texts:
        for begin in range(0, len(text), PIECE):
            yield text[begin : begin + PIECE], len(text) > PIECE


def _too_long(least: int, window: int, param: str | None) -> ContextOverflow:
    return ContextOverflow(
        f"This model's context is {window} tokens, but the text alone has more than {least}: "
        "shorten it.",
        param=param,
    )

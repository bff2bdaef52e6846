"""Ids to text as they come, one by one.

Never half a character: bytes wait until their character is whole.  Never the history again: each
token costs one look-up and one incremental decode.  Bytes that are no UTF-8 become U+FFFD, exactly
as when the whole is decoded at once.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable

_new_decoder = codecs.getincrementaldecoder("utf-8")


class Detokenizer:
    """A stream of text.  `push` gives what is certain by now, `finish` the rest.

    Args:
        bytes_of: a token's bytes; empty for a token that is not shown.
        drop_space: the first character is dropped if it is a space (SentencePiece puts one there).
    """

    __slots__ = ("_bytes_of", "_decode", "_drop_space")

    def __init__(self, bytes_of: Callable[[int], bytes], *, drop_space: bool) -> None:
        self._bytes_of = bytes_of
        self._decode = _new_decoder("replace").decode
        self._drop_space = drop_space

    def push(self, ids: Iterable[int]) -> str:
        return self._shown(self._decode(b"".join(map(self._bytes_of, ids))))

    def finish(self) -> str:
        """What was still waiting, half a character as U+FFFD; the stream starts anew after it."""
        return self._shown(self._decode(b"", True))

    def _shown(self, text: str) -> str:
        if self._drop_space and text:
            self._drop_space = False
            return text.removeprefix(" ")
        return text

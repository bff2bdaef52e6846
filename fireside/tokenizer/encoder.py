"""Text to ids over the `tokenizers` library, with control tokens only where the caller puts them.

Left to itself the library matches control tokens anywhere in a text.  Here they are switched off,
all of them, and each place that may hold one is marked by a boundary that no text can spell; one
call encodes the whole, so that merging sees exactly what it sees in transformers.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import AddedToken as BackendToken
from tokenizers import Encoding

from fireside.errors import BadRequest, Corrupt
from fireside.tokenizer.control import ControlTokens, Found
from fireside.tokenizer.vocabulary import Vocabulary, control_tokens, unknown_token

Piece = tuple[int, tuple[int, int]]
"""An id and the (start, end) of its text."""

LONG = 10_000
"""Characters from which encoding takes long enough, some 10 ms, to be done without the GIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Ids of a text, and on demand the stretch of text that each stands for.

    pieces: the ids as the backend saw them, boundaries among them, with their offsets there.
    """

    ids: list[int]
    controls: Sequence[Found]
    pieces: Encoding | Sequence[Piece]
    boundary_id: int

    def spans(self) -> list[tuple[int, int]]:
        """(start, end) in characters of the original text, one per id."""
        pieces = self.pieces
        if isinstance(pieces, Encoding):
            pieces = list(zip(pieces.ids, pieces.offsets, strict=True))
        spans = []
        controls = iter(self.controls)
        shift = 0
        for number, (start, end) in pieces:
            if number == self.boundary_id:
                control = next(controls)
                spans.append((control.start, control.end))
                shift = control.end - end
            else:
                spans.append((start + shift, end + shift))
        return spans


class Encoder:
    """A vocabulary's backend with its control tokens switched off.

    controls: the tokens that only a template may write.
    boundaries: ids that are ours and stand for no text.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._backend = vocabulary.backend
        self.controls = ControlTokens(
            control_tokens(vocabulary.added, "\0".join(vocabulary.templates.values()))
        )
        # The library passes over added tokens that are special: so control tokens are, all.
        self._backend.encode_special_tokens = True
        loose = [t for t in vocabulary.added if not t.special and t.id in self.controls.ids]
        if loose:
            self._backend.add_special_tokens(
                [BackendToken(t.content, normalized=False, special=True) for t in loose]
            )
        # What stands for unknown text may come from text, unless it ends or begins something too.
        unknown = unknown_token(self._backend)
        busy = {vocabulary.bos_id, *vocabulary.eos_ids}
        self._forbidden = self.controls.ids - {
            token.id
            for token in vocabulary.added
            if token.content == unknown and token.id not in busy
        }
        self.boundaries: frozenset[int] = frozenset()
        self._boundary, self._boundary_id = self._add_boundary(vocabulary.size)

    def _add_boundary(self, size: int) -> tuple[str, int]:
        """A token that no text can spell: 128 random bits, new in every process."""
        for _ in range(1024):  # a numbering with holes is filled before it is left behind
            boundary = f"\ue000{secrets.token_hex(16)}\ue001"
            self._backend.add_tokens([BackendToken(boundary, normalized=False, special=False)])
            number: int = self._backend.token_to_id(boundary)  # type: ignore[assignment]
            self.boundaries |= {number}
            if number >= size:
                return boundary, number
        raise Corrupt("The vocabulary's numbering has too many holes: download the model again.")

    def encode(self, text: str, controls: Sequence[Found] = ()) -> Encoded:
        """The ids of `text`, with these control tokens in it and no others.

        Raises:
            BadRequest: the text is not valid Unicode.
        """
        parts: list[str] = []
        at = 0
        for control in controls:
            parts += (text[at : control.start], self._boundary)
            at = control.end
        joined = "".join((*parts, text[at:]))
        _check_unicode(joined)
        encoding = self._encoded(joined)
        ids: list[int] = encoding.ids
        pieces: Encoding | Sequence[Piece] = encoding
        if not self._forbidden.isdisjoint(ids):
            pieces = list(self._spelled_out(encoding, joined))
            ids = [number for number, _ in pieces]
        if controls:
            in_order = iter(controls)
            ids = [next(in_order).id if one == self._boundary_id else one for one in ids]
        return Encoded(ids=ids, controls=controls, pieces=pieces, boundary_id=self._boundary_id)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts, on all cores: each as `encode` gives them without controls.

        Raises:
            BadRequest: a text is not valid Unicode.
        """
        for text in texts:
            _check_unicode(text)
        # Without offsets, which nobody asks for here, it is more than twice as fast.
        encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return [
            encoding.ids
            if self._forbidden.isdisjoint(encoding.ids)
            else [number for number, _ in self._spelled_out(self._encoded(text), text)]
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def _encoded(self, text: str) -> Encoding:
        # `encode` holds the GIL to its end, 1.4 s for a megabyte, and a server's event loop with
        # it; `encode_batch` lets it go.
        if len(text) < LONG:
            return self._backend.encode(text, add_special_tokens=False)
        return self._backend.encode_batch([text], add_special_tokens=False)[0]

    def _spelled_out(self, encoding: Encoding, text: str) -> Iterator[Piece]:
        """Pieces of which none that merging happened to make is a control token.

        Seen only with vocabularies whose merges, or look-up of whole words, reach one.
        """
        for number, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if number not in self._forbidden:
                yield number, (start, end)
                continue
            for at in range(start, end):
                for one in self._letter(text[at]):
                    yield one, (at, at + 1)

    def _letter(self, letter: str) -> list[int]:
        ids: list[int] = self._backend.encode(
            self._boundary + letter, add_special_tokens=False
        ).ids[1:]
        if not self._forbidden.isdisjoint(ids):
            raise BadRequest(
                f"This model can read {letter!r} only as a control token: leave it out."
            )
        return ids


def _check_unicode(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadRequest(
            f"The text holds half of a surrogate pair at character {error.start}, "
            "which is not valid Unicode: send valid UTF-8."
        ) from None

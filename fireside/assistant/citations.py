"""Is the cited passage where the sentence comes from?  Verified by ablation.

For each sentence that cites: its log-probability after the passage and the question, less that
after the question alone, per token, scored by teacher forcing.  A passage that the sentence came
from raises it; one that it only points at does not, and the citation is marked `supported: false`.
What stands before the sentence in the answer stands before it in both, and marks are taken out: a
`[2]` is only likely where there is a second passage.

Each passage is tried alone.  Taking it out from among the others tells as much and costs the
reading of all of them (docs/knowledge.md has both figures).  One reading of a passage serves all
sentences of the answer.  It refuses to change the answer, and to call a sentence true: a passage
can be wrong too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.likelihood import Spoken, logprobs, mean
from fireside.assistant.sources import MARK, Cited, cited, place, unmarked_answer
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.assistant.exchange import Source
    from fireside.engine.text import TextModel

SUPPORTED: Final = 0.3
"""The least rise, in nats per token, of a citation that holds."""
ROOM: Final = 8
"""Tokens that borders between texts may add."""
LONGEST: Final = 1024
"""Tokens of an answer that are checked: each passage is read with all of them behind it."""

_MARKS: Final = rf"(?:[ \t]*{MARK.pattern})*"
_END: Final = re.compile(rf"[.!?…]+[\"'”’)]*{_MARKS}(?=\s|$)|[。！？][”’」』）]*{_MARKS}|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One citation, or (`given` is false) a sentence's source that the answer did not name.

    begin, end: of the mark; of the sentence where there is none.
    rise: nats per token; None where there is no such passage, or no room to check.
    supported: None where it was not checked.
    """

    number: int
    begin: int
    end: int
    source: Source | None
    rise: float | None = None
    supported: bool | None = None
    given: bool = True

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "number": self.number,
            "begin": self.begin,
            "end": self.end,
            "supported": self.supported,
        }
        if self.source is None:
            return told | {"reason": "there is no passage of this number"}
        told |= {"file_id": self.source.file_id, "place": place(self.source)}
        if self.rise is None:
            return told | {"reason": "not checked"}
        return told | {"rise": round(self.rise, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citations:
    """given: each citation, in order.  offered: sources of sentences without a true citation.
    unchecked: why some were not checked."""

    given: Sequence[Checked]
    offered: Sequence[Checked] = ()
    unchecked: str | None = None

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {"citations": [one.as_receipt() for one in self.given]}
        if self.offered:
            told["attributed"] = [one.as_receipt() for one in self.offered]
        if self.unchecked:
            told["unchecked"] = self.unchecked
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sentence with its marks.  begin, end: in the answer.  text: without marks."""

    begin: int
    end: int
    text: str
    cites: Sequence[Cited] = field(default_factory=tuple)


def segments(answer: str, sources: Sequence[Source]) -> list[Segment]:
    """The answer in sentences, whole: marks behind a full stop belong to what is before it."""
    cuts = [found.end() for found in _END.finditer(answer)]
    if not cuts or cuts[-1] < len(answer):
        cuts.append(len(answer))
    marks = list(cited(answer, sources))
    return [
        Segment(
            begin=begin,
            end=end,
            text=unmarked_answer(answer[begin:end]),
            cites=[one for one in marks if begin <= one.begin < end],
        )
        for begin, end in zip([0, *cuts], cuts, strict=False)
        if end > begin
    ]


def checked(
    model: TextModel,
    question: str,
    sources: Sequence[Source],
    answer: str,
    *,
    owner: str,
    attribute: bool = True,
    supported: float = SUPPORTED,
) -> Citations:
    """Each citation of the answer; and, with `attribute`, the source of each sentence that has no
    citation which holds, if one of the passages is it.

    Raises: as `likelihood.logprobs`.
    """
    parts, late = _first(model, segments(answer, sources))
    wanted = {one.number for part in parts for one in part.cites if one.source is not None}
    room = _room(model, question, sources, parts)
    if room is not None:
        given = [_unchecked(one) for part in [*parts, *late] for one in part.cites]
        return Citations(given=given, unchecked=room)
    reading = Reading(model, question, [part.text for part in parts], owner=owner)
    rises = reading.rises([s for s in sources if s.number in wanted])
    given = [
        _judged(one, i, rises, supported) for i, part in enumerate(parts) for one in part.cites
    ]
    bare = [
        i
        for i, part in enumerate(parts)
        if re.search(r"\w", part.text)
        and not any(one.supported for one in given if part.begin <= one.begin < part.end)
    ]
    given += [_unchecked(one) for part in late for one in part.cites]
    cut = f"what stands behind the first {LONGEST:,} tokens of the answer" if late else None
    if not attribute or not bare:
        return Citations(given=given, unchecked=cut)
    rises |= reading.rises([s for s in sources if s.number not in wanted])
    offered = [_best(parts[i], i, sources, rises) for i in bare]
    return Citations(
        given=given,
        offered=[one for one in offered if one.rise is not None and one.rise >= supported],
        unchecked=cut,
    )


class Reading:
    """An answer in parts, to be read after one passage or another."""

    def __init__(
        self, model: TextModel, question: str, texts: Sequence[str], *, owner: str
    ) -> None:
        self._model, self._question, self._owner = model, question, owner
        self._pieces = [model.tokenizer.encode(text) for text in texts]
        self._alone: list[float] | None = None

    def rises(self, sources: Sequence[Source]) -> dict[int, list[float]]:
        """number -> of each part, how much more likely the passage makes it, per token."""
        if not sources:
            return {}
        asked: list[Source | None] = [*sources] if self._alone else [None, *sources]
        answer = [token for piece in self._pieces for token in piece]
        spoken = [Spoken(_prompt(self._model, self._question, each), answer) for each in asked]
        means = [self._means(one) for one in logprobs(self._model, spoken, owner=self._owner)]
        if self._alone is None:
            self._alone = means.pop(0)
        return {
            source.number: [
                after - before for after, before in zip(found, self._alone, strict=True)
            ]
            for source, found in zip(sources, means, strict=True)
        }

    def _means(self, scores: Sequence[float]) -> list[float]:
        found, at = [], 0
        for piece in self._pieces:
            found.append(mean(scores[at : at + len(piece)]))
            at += len(piece)
        return found


def _prompt(model: TextModel, question: str, source: Source | None) -> list[int]:
    content = question if source is None else f"{source.text}\n\n{question}"
    ids: list[int] = model.tokenizer.render([Message(role="user", content=content)]).ids
    return ids


def _first(
    model: TextModel, parts: Sequence[Segment]
) -> tuple[Sequence[Segment], Sequence[Segment]]:
    """The sentences that are checked, and those behind them."""
    tokens = 0
    for i, part in enumerate(parts):
        tokens += len(model.tokenizer.encode(part.text))
        if tokens > LONGEST:
            return parts[:i], parts[i:]
    return parts, ()


def _room(
    model: TextModel, question: str, sources: Sequence[Source], parts: Sequence[Segment]
) -> str | None:
    """Why it cannot be checked."""
    longest = max((len(model.tokenizer.encode(source.text)) for source in sources), default=0)
    rest = len(_prompt(model, question, None))
    rest += sum(len(model.tokenizer.encode(part.text)) for part in parts)
    if longest + rest + ROOM > model.context:
        return "the longest passage, the question and the answer do not fit the window together"
    return None


def _judged(
    one: Cited, part: int, rises: Mapping[int, Sequence[float]], supported: float
) -> Checked:
    if one.source is None:
        return Checked(
            number=one.number, begin=one.begin, end=one.end, source=None, supported=False
        )
    rise = rises[one.number][part]
    return Checked(
        number=one.number,
        begin=one.begin,
        end=one.end,
        source=one.source,
        rise=rise,
        supported=rise >= supported,
    )


def _unchecked(one: Cited) -> Checked:
    return Checked(
        number=one.number,
        begin=one.begin,
        end=one.end,
        source=one.source,
        supported=False if one.source is None else None,
    )


def _best(
    part: Segment, place: int, sources: Sequence[Source], rises: Mapping[int, Sequence[float]]
) -> Checked:
    best = max(sources, key=lambda source: rises[source.number][place])
    return Checked(
        number=best.number,
        begin=part.begin,
        end=part.end,
        source=best,
        rise=rises[best.number][place],
        supported=True,
        given=False,
    )

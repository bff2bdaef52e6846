"""Is the cited passage where the sentence comes from?  Verified by ablation.

For each sentence that cites: its log-probability after the passage and the question, less that
after the question alone, per token, scored by teacher forcing.  A passage that the sentence came
from raises it more than the others do; one that it only points at does not, and the citation is
marked `supported: false`.  What stands before the sentence in the answer stands before it in both,
and marks are taken out: a `[2]` is only likely where there is a second passage.

Each passage is tried alone: taking it out from among the others tells as much and costs the
reading of all of them for each (docs/knowledge.md has both figures).  One reading of a passage
serves all sentences of the answer.  It refuses to change the answer, and to call a sentence true: a
passage can be wrong too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.likelihood import Spoken, logprobs, mean
from fireside.assistant.sources import MARK, Cited, cited, place, unmarked_answer
from fireside.language.sentences import sentence_spans
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.assistant.exchange import Source
    from fireside.engine.text import TextModel

LEAST: Final = 0.3
"""Nats per token that a citation raises its sentence by, if it holds ..."""
SHARE: Final = 0.7
"""... and of the rise by the passage that raises it most: others about the same thing raise it
too.  docs/knowledge.md has what each value lets through."""
ROOM: Final = 8
"""Tokens that borders between texts may add."""
LONGEST: Final = 1024
"""Tokens of an answer that are checked: each passage is read with all of them behind it."""

_BEHIND: Final = re.compile(rf"(?:[ \t]*{MARK.pattern})*(?:[ \t]*\n)*")
"""What belongs to the sentence before it: its marks and the end of its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One citation, or (`given` is false) a sentence's source that the answer did not name.

    begin, end: of the mark; of the sentence where there is none.
    rise: nats per token; None where there is no such passage, or no room to check.
    supported: None where it was not checked.
    is_verbatim: the sentence is the passage's own, so no model was asked.
    """

    number: int
    begin: int
    end: int
    source: Source | None
    rise: float | None = None
    supported: bool | None = None
    given: bool = True
    is_verbatim: bool = False

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
        if self.is_verbatim:
            return told | {"verbatim": True}
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
    ends = {_end_behind(answer, end) for _, end in sentence_spans(answer, joins_lines=False)}
    cuts = sorted({*ends, len(answer)})
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


def _end_behind(answer: str, end: int) -> int:
    behind = _BEHIND.match(answer, end)
    return end if behind is None else behind.end()


def checked(
    model: TextModel,
    question: str,
    sources: Sequence[Source],
    answer: str,
    *,
    owner: str,
    attribute: bool = True,
) -> Citations:
    """Each citation of the answer; and, with `attribute`, the source of each sentence that has no
    citation which holds, if one of the passages is it.

    Raises: as `likelihood.logprobs`.
    """
    parts, late = _first(model, segments(answer, sources))
    room = _room(model, question, sources, parts)
    if room is not None:
        given = [_unchecked(one) for part in [*parts, *late] for one in part.cites]
        return Citations(given=given, unchecked=room)
    rises = rises_of(model, question, sources, [part.text for part in parts], owner=owner)
    given = [_judged(one, i, rises) for i, part in enumerate(parts) for one in part.cites]
    bare = [
        i
        for i, part in enumerate(parts)
        if re.search(r"\w", part.text)
        and not any(one.supported for one in given if part.begin <= one.begin < part.end)
    ]
    offered = [_best(parts[i], i, sources, rises) for i in bare if attribute]
    return Citations(
        given=[*given, *(_unchecked(one) for part in late for one in part.cites)],
        offered=[one for one in offered if one.supported],
        unchecked=f"what stands behind the first {LONGEST:,} tokens of the answer"
        if late
        else None,
    )


def rises_of(
    model: TextModel, question: str, sources: Sequence[Source], texts: Sequence[str], *, owner: str
) -> dict[int, list[float]]:
    """number -> of each sentence, how much more likely the passage makes it, per token.

    texts: the sentences of one answer, in order; each is read behind those before it.
    """
    pieces = [model.tokenizer.encode(text) for text in texts]
    answer = [token for piece in pieces for token in piece]
    prompts = [_prompt(model, question, source) for source in (None, *sources)]
    scores = logprobs(model, [Spoken(prompt, answer) for prompt in prompts], owner=owner)
    alone, *after = [_means(one, pieces) for one in scores]
    return {
        source.number: [mine - bare for mine, bare in zip(found, alone, strict=True)]
        for source, found in zip(sources, after, strict=True)
    }


def holds(rise: float, best: float) -> bool:
    """best: of all the passages that were shown."""
    return rise >= LEAST and rise >= SHARE * best


def _means(scores: Sequence[float], pieces: Sequence[Sequence[int]]) -> list[float]:
    found, at = [], 0
    for piece in pieces:
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


def _judged(one: Cited, part: int, rises: Mapping[int, Sequence[float]]) -> Checked:
    if one.source is None:
        return _unchecked(one)
    rise = rises[one.number][part]
    return Checked(
        number=one.number,
        begin=one.begin,
        end=one.end,
        source=one.source,
        rise=rise,
        supported=holds(rise, max(each[part] for each in rises.values())),
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
    rise = rises[best.number][place]
    return Checked(
        number=best.number,
        begin=part.begin,
        end=part.end,
        source=best,
        rise=rise,
        supported=holds(rise, rise),
        given=False,
    )

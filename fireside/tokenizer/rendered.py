"""From a rendered template to ids and a loss mask.

Here the law of the room is applied: a control token counts only where the template itself wrote
every one of its characters.  What the template built in a way that provenance cannot follow is
refused, because both guesses are bad: trusting it would open a hole, and spelling it out would
break every chat with that model, silently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fireside.errors import BadRequest
from fireside.tokenizer.control import ControlTokens, Found
from fireside.tokenizer.encoder import Encoded, Encoder
from fireside.tokenizer.provenance import GENERATED, TEMPLATE, Marked, message_of, runs_of

Span = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A chat as ids.

    ids: what the model reads.
    text: the same as text, control tokens by name.
    loss_mask: one per id, true where a model that learns from this chat is to learn: the
        assistant's answers and the tokens that end them.  Worked out when first asked for.
    """

    ids: list[int]
    text: str
    _encoded: Encoded = field(repr=False, compare=False)
    _learned: Callable[[], Sequence[Span]] = field(repr=False, compare=False)

    @cached_property
    def loss_mask(self) -> list[bool]:
        mask = [False] * len(self.ids)
        learned = iter(self._learned())
        start, end = next(learned, (0, 0))
        for i, (first, last) in enumerate(self._encoded.spans()):
            while first >= end:
                if (following := next(learned, None)) is None:
                    return mask
                start, end = following
            mask[i] = max(last, first + 1) > start
        return mask


def encode_rendered(
    text: Marked,
    encoder: Encoder,
    eos_ids: frozenset[int],
    assistants: Collection[int],
    opening: Callable[[], str],
    call_opening: str = "",
) -> Rendered:
    """The ids of a rendered template.

    assistants: which messages are the assistant's and to be learned, by index.
    opening: gives what an assistant's turn begins with, e.g. `<|im_start|>assistant\\n`.
    call_opening: what a call begins with, e.g. `[TOOL_CALLS]`, where a turn has no opening.

    Raises:
        BadRequest: the template built a control token out of sight.
    """
    found = list(encoder.controls.find(text, _stretches(text, _trusted)))
    _refuse_unfollowed(text, encoder.controls, found)
    plain = "".join((text,))
    encoded = encoder.encode(plain, found)
    return Rendered(
        ids=encoded.ids,
        text=plain,
        _encoded=encoded,
        _learned=lambda: _learned_spans(text, found, eos_ids, assistants, opening, call_opening),
    )


def cut_after_message(text: Marked, index: int) -> Marked:
    """The text up to the last character that came from message `index`.

    Raises:
        BadRequest: the template shows nothing of it.
    """
    ends = [end for end, label in runs_of(text) if message_of(label) == index]
    if not ends:
        raise BadRequest(
            "The last message cannot be continued: this model's chat template leaves it out.",
            param="messages",
        )
    return text[: ends[-1]]


def _trusted(label: int) -> bool:
    return bool(label & TEMPLATE)


def _unfollowed(label: int) -> bool:
    return label & ~GENERATED == 0


def _stretches(text: str, wanted: Callable[[int], bool]) -> Iterator[Span]:
    """The longest stretches whose labels are all wanted."""
    start = at = 0
    for end, label in runs_of(text):
        if not wanted(label):
            if at > start:
                yield start, at
            start = end
        at = end
    if at > start:
        yield start, at


def _refuse_unfollowed(text: Marked, controls: ControlTokens, trusted: Sequence[Found]) -> None:
    if not any(_unfollowed(label) for _, label in runs_of(text)):
        return
    known = {(one.start, one.end) for one in trusted}
    stretches = _stretches(text, lambda label: _trusted(label) or _unfollowed(label))
    for one in controls.find(text, stretches):
        if (one.start, one.end) not in known:
            raise BadRequest(
                f"The model's chat template builds {text[one.start : one.end]!r} in a way that "
                "cannot be told from a message's own text: use another chat template.",
                code="untraceable_template",
            )


def _learned_spans(
    text: Marked,
    found: Sequence[Found],
    eos_ids: frozenset[int],
    assistants: Collection[int],
    opening: Callable[[], str],
    call_opening: str,
) -> list[Span]:
    """Where the assistant speaks: as the template says, or else its messages with their ends."""
    generated = list(_stretches(text, lambda label: bool(label & GENERATED)))
    if generated:
        return [
            span
            for span in generated
            if not (said := _speakers(text, span)) or not said.isdisjoint(assistants)
        ]
    spoken = _message_spans(text, assistants)
    header = opening() if spoken else ""
    spans: list[Span] = []
    runs = runs_of(text)
    for first, last in spoken:
        done = spans[-1][1] if spans else 0
        start = text.rfind(header, done, first) + len(header) if header else -1
        if not header and call_opening:
            start = text.rfind(call_opening, done, first)
        if start < len(header) or not _all_template(runs, start, first):
            start = first
        # Without an opening the space before the text is the assistant's own (Llama 2, Mistral).
        if not header and text[done:start].endswith(" ") and _all_template(runs, start - 1, start):
            start -= 1
        end = next((one.end for one in found if one.start >= last and one.id in eos_ids), last)
        spans.append((start, end if _all_template(runs, last, end) else last))
    return spans


def _speakers(text: Marked, span: Span) -> set[int | None]:
    """Whose messages a stretch brings."""
    return {message_of(label) for _, label in runs_of(text[span[0] : span[1]])} - {None}


def _message_spans(text: Marked, wanted: Collection[int]) -> list[Span]:
    """From the first to the last character that each of these messages brought in."""
    spans: dict[int | None, Span] = {}
    start = 0
    for end, label in runs_of(text):
        index = message_of(label)
        if index in wanted:
            spans[index] = (spans.get(index, (start, end))[0], end)
        start = end
    return sorted(spans.values())


def _all_template(runs: Sequence[tuple[int, int]], start: int, stop: int) -> bool:
    at = 0
    for end, label in runs:
        if at < stop and end > start and not _trusted(label):
            return False
        at = end
    return True

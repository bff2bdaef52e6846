"""What asking one task gave: scores, what must be told of them, and a few answers to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fireside.evaluation.loglikelihood import Advance, Likelihood, Question, loglikelihoods
from fireside.evaluation.prompts import Context
from fireside.evaluation.scores import Score
from fireside.model.transformer import Transformer

SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One item: the end of its prompt, what was expected, what came.  right: None if neither."""

    prompt: str
    expected: str
    answer: str
    right: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """notes: what a reader must know, a line each.  details: figures behind a plot."""

    scores: tuple[Score, ...]
    notes: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


Ask = Callable[..., Outcome]


def answered(
    model: Transformer,
    groups: Sequence[Sequence[Question]],
    advance: Advance | None,
) -> tuple[list[list[Likelihood]], tuple[str, ...]]:
    """The likelihoods of each item's questions, and a note if any prompt was cut."""
    flat = loglikelihoods(
        model, [question for group in groups for question in group], advance=advance
    )
    found, begin = [], 0
    for group in groups:
        found.append(flat[begin : begin + len(group)])
        begin += len(group)
    cut = sum(any(one.cut for one in group) for group in found)
    return found, cut_note(cut, len(groups), model.config.context)


def cut_note(cut: int, items: int, window: int) -> tuple[str, ...]:
    if not cut:
        return ()
    return (
        f"{cut} of {items} prompts exceeded the window of {window} tokens and lost their beginning",
    )


def shown(context: Context, letters: int = 400) -> str:
    """The end of a prompt, for a reader."""
    text = context if isinstance(context, str) else context[-1].content
    return text if len(text) <= letters else "… " + text[-letters:]

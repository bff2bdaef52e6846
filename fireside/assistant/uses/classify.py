"""A label for a text, with the probability of each.

By the model: how likely it finds each label as the answer, against how likely it finds it for no
text at all (contextual calibration, Zhao et al. 2021, arXiv:2102.09690), so a label is not chosen
because it is a common word: probabilities that can be compared, and are not calibrated.  By the
nearest label (`nearest.py`) or the trained head: calibrated chances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fireside.assistant.uses.made import Made

WISH = "Which of these labels fits the text: {labels}?\n\nText: {text}\n\nLabel:"
NOTHING = "N/A"
Score = Callable[[str, Sequence[str]], Sequence[float]]
"""Of a question, the log-probability of each answer."""
LEAST_TOLD: Final = 0.0001
MOST_TOLD: Final = 5  # labels of a line


def classify(score: Score, text: str, labels: Sequence[str]) -> dict[str, float]:
    """The probability of each label, of two or more.

    Raises: as `score`.
    """

    def asked(about: str) -> Sequence[float]:
        return score(WISH.format(labels=", ".join(labels), text=about), labels)

    risen = [here - before for here, before in zip(asked(text), asked(NOTHING), strict=True)]
    return dict(zip(labels, softmax(risen), strict=True))


def labelled(chances: Mapping[str, float], *, least: float = 0.0, none: str = "") -> Made:
    """The likeliest label, the first among equals; `none` where its chance is below `least`.

    chances: of each label; where they do not reach 1, the rest is the chance of none.
    """
    best = max(chances, key=lambda label: chances[label])
    rounded = {label: round(chance, 4) for label, chance in chances.items()}
    answer = best if chances[best] >= least else none
    rest = round(max(0.0, 1 - sum(chances.values())), 4)
    told = rounded if rest < LEAST_TOLD else {**rounded, none: rest}
    return Made(
        text=answer,
        fields={
            "label": answer,
            "probability": rounded[best] if answer == best else told.get(none),
        },
        notes={"probabilities": told},
    )


def in_order(probabilities: Mapping[str, float]) -> str:
    """The likeliest of them, as a line for a person."""
    ranked = sorted(probabilities, key=lambda label: -probabilities[label])
    line = ", ".join(f"{label} {100 * probabilities[label]:.0f} %" for label in ranked[:MOST_TOLD])
    left = len(ranked) - MOST_TOLD
    return f"{line}, and {left} more" if left > 0 else line


def softmax(values: Sequence[float]) -> list[float]:
    top = max(values)
    raised = [math.exp(value - top) for value in values]
    return [value / sum(raised) for value in raised]

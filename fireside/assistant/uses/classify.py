"""A label for a text, with the probability of each.

By the model: how likely it finds each label as the answer, against how likely it finds it for no
text at all (contextual calibration, Zhao et al. 2021, arXiv:2102.09690), so a label is not chosen
because it is a common word.  By the trained head: its calibrated chance.  It refuses to say that a
model's probabilities are calibrated: they are only comparable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from fireside.assistant.uses.made import Made

WISH = "Which of these labels fits the text: {labels}?\n\nText: {text}\n\nLabel:"
NOTHING = "N/A"
Score = Callable[[str, Sequence[str]], Sequence[float]]
"""Of a question, the log-probability of each answer."""


def classify(score: Score, text: str, labels: Sequence[str]) -> Made:
    """labels: two or more.

    Raises: as `score`.
    """

    def asked(about: str) -> Sequence[float]:
        return score(WISH.format(labels=", ".join(labels), text=about), labels)

    risen = [here - before for here, before in zip(asked(text), asked(NOTHING), strict=True)]
    return labelled(dict(zip(labels, softmax(risen), strict=True)))


def labelled(chances: Mapping[str, float]) -> Made:
    """The likeliest label, the first among equals."""
    best = max(chances, key=lambda label: chances[label])
    rounded = {label: round(chance, 4) for label, chance in chances.items()}
    return Made(
        text=best,
        fields={"label": best, "probability": rounded[best]},
        notes={"probabilities": rounded},
    )


def softmax(values: Sequence[float]) -> list[float]:
    top = max(values)
    raised = [math.exp(value - top) for value in values]
    return [value / sum(raised) for value in raised]

"""How sure the model is of an answer: signals, and the calibrated probability that it is right.

    logprob    mean log-probability of the answer's tokens (length-normalised)
    least      the least likely token's
    agreement  share of sampled answers that mean the same as this one
    entropy    semantic entropy (Farquhar et al. 2024, Nature 630): samples are clustered by
               meaning, and the entropy of the clusters' shares taken; here meaning is the cosine
               of embeddings, no entailment model

A logistic regression on answers to questions with known answers makes a probability of them
(`uncertainty.toml`; docs/uncertainty.md has its data and command).  It refuses to know what an
answer says, and a model or a kind of question that it was not fitted on gets the same sums: the
receipt names what they were fitted on.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from fireside.sections import PersonaSection

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float32

SAME: Final = 0.9
"""The least cosine of two answers that mean the same."""
TEMPERATURE: Final = 0.7
"""Of the samples.  At 1, as in the paper, the default model's answers have nothing in common."""
COMPARED: Final = 40
"""Tokens of an answer that are scored and compared."""
SIGNALS: Final = ("logprob", "least", "agreement", "entropy")


class UncertaintyConfig(PersonaSection):
    """`[uncertainty]` of a persona.

    enabled: each answer gets a probability of being right, in the receipt.  Off by default: with
        the embedded model the estimate is hardly better than chance (docs/uncertainty.md).
    samples: further answers that are drawn to compare with; 0 goes by the tokens alone.
    threshold: below this probability the answer is unsure.
    unsure: what follows then: the assistant says so, asks what was meant, or looks the question up
        in the persona's collections.
    text: in place of the sentence that it says; empty: one in the persona's language.
    """

    enabled: bool = False
    samples: int = Field(0, ge=0, le=20)
    threshold: float = Field(0.2, ge=0, le=1)
    unsure: Literal["say", "ask", "look_up"] = "say"
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """agreement, entropy: None where no samples were drawn."""

    logprob: float
    least: float
    agreement: float | None = None
    entropy: float | None = None

    def as_receipt(self) -> dict[str, float]:
        values = {name: getattr(self, name) for name in SIGNALS}
        return {name: round(value, 4) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """p = 1 / (1 + exp(-(intercept + Σ weight · signal)))

    fitted_on: model and questions, for the receipt.  measured: what it was worth on others.
    """

    intercept: float
    weights: Mapping[str, float]
    fitted_on: str
    measured: str

    def probability(self, signals: Signals) -> float:
        total = self.intercept
        for name, weight in self.weights.items():
            value = getattr(signals, name)
            assert value is not None, name
            total += weight * value
        return 1 / (1 + math.exp(-max(-700.0, min(700.0, total))))


def of_tokens(logprobs: Sequence[float]) -> Signals:
    """Of an answer's tokens; one that says nothing is certain."""
    if not logprobs:
        return Signals(logprob=0.0, least=0.0)
    return Signals(logprob=sum(logprobs) / len(logprobs), least=min(logprobs))


def of_samples(own: Signals, vectors: Float32[np.ndarray, "N D"]) -> Signals:
    """vectors: of length 1 each; the first is the answer's own, then the samples'."""
    clusters = clustered(vectors)
    shares = [len(cluster) / len(vectors) for cluster in clusters]
    mine = next(cluster for cluster in clusters if 0 in cluster)
    others = len(vectors) - 1
    return Signals(
        logprob=own.logprob,
        least=own.least,
        agreement=(len(mine) - 1) / others if others else 1.0,
        entropy=max(0.0, -sum(share * math.log(share) for share in shares)),
    )


def clustered(vectors: Float32[np.ndarray, "N D"], same: float = SAME) -> list[list[int]]:
    """Places of the vectors that mean the same.  Each joins the first cluster whose members are all
    as near as that on average, as Farquhar's greedy clustering does with entailment."""
    clusters: list[list[int]] = []
    for place, vector in enumerate(vectors):
        for cluster in clusters:
            if float((vectors[cluster] @ vector).mean()) >= same:
                cluster.append(place)
                break
        else:
            clusters.append([place])
    return clusters


@cache
def load_calibrations() -> Mapping[str, Calibration]:
    """`tokens` (no samples) and `samples`, as fitted."""
    raw = (files("fireside.assistant") / "uncertainty.toml").read_text(encoding="utf-8")
    return read_calibrations(raw)


def read_calibrations(text: str) -> Mapping[str, Calibration]:
    table = tomllib.loads(text)
    return {
        kind: Calibration(
            intercept=table[kind]["intercept"],
            weights=table[kind]["weights"],
            fitted_on=table["fitted_on"],
            measured=table.get("measured", "on no other questions"),
        )
        for kind in ("tokens", "samples")
    }

"""Signals of uncertainty, their clusters and sums, and what an unsure assistant does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.exchange import Exchange, Source
from fireside.assistant.knowledge import Found, KnowledgeConfig
from fireside.assistant.persona import Persona, parse
from fireside.assistant.steps.uncertain import Uncertain
from fireside.assistant.uncertainty import (
    SIGNALS,
    Calibration,
    Signals,
    clustered,
    load_calibrations,
    of_samples,
    of_tokens,
)
from fireside.engine.params import SamplingParams
from fireside.errors import BadRequest
from fireside.messages import Message

LOOKED_UP = "I was not sure, so I looked it up:"
AXES = np.eye(4, dtype=np.float32)


def vectors(*places: int) -> Any:
    return AXES[list(places)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_clusters_are_a_partition_and_entropy_is_shannons(places: list[int]) -> None:
    clusters = clustered(vectors(*places))
    assert sorted(place for cluster in clusters for place in cluster) == list(range(len(places)))
    shares = [places.count(kind) / len(places) for kind in set(places)]
    found = of_samples(of_tokens([-1.0]), vectors(*places))
    assert found.entropy == pytest.approx(-sum(p * math.log(p) for p in shares), abs=1e-6)
    if len(places) > 1:
        assert found.agreement == (places.count(places[0]) - 1) / (len(places) - 1)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.randoms())
def test_the_order_of_the_samples_changes_nothing(places: list[int], dice: Any) -> None:
    first, *samples = places
    dice.shuffle(samples)
    own = of_tokens([-1.0])
    one, other = of_samples(own, vectors(*places)), of_samples(own, vectors(first, *samples))
    assert one.agreement == other.agreement
    assert one.entropy == pytest.approx(other.entropy)


def test_tokens() -> None:
    assert of_tokens([-1.0, -3.0]) == Signals(logprob=-2.0, least=-3.0)
    assert of_tokens([]) == Signals(logprob=0.0, least=0.0)
    assert of_samples(of_tokens([-1.0]), vectors(0)).agreement == 1.0


@given(st.floats(-1e6, 0), st.floats(-1e6, 0), st.floats(0, 1), st.floats(0, 3))
def test_a_probability_is_one(logprob: float, least: float, agree: float, entropy: float) -> None:
    signals = Signals(logprob=logprob, least=least, agreement=agree, entropy=entropy)
    for fitted in load_calibrations().values():
        assert 0 <= fitted.probability(signals) <= 1


def test_the_shipped_sums_say_what_they_were_fitted_on() -> None:
    tokens, samples = load_calibrations()["tokens"], load_calibrations()["samples"]
    assert set(tokens.weights) == {"logprob", "least"}
    assert set(samples.weights) == set(SIGNALS)
    assert "smollm2:135m" in tokens.fitted_on
    assert "AUROC 0.55" in tokens.measured


def test_by_hand() -> None:
    fitted = Calibration(intercept=1.0, weights={"logprob": 2.0}, fitted_on="x", measured="y")
    assert fitted.probability(Signals(logprob=-0.5, least=-1.0)) == 0.5


class Model:
    """Scores its answer as it is told to; its samples are what it is told."""

    context = 1000

    def __init__(
        self, score: float, samples: Sequence[str] = (), second: str = "In May [1]."
    ) -> None:
        self.score, self.samples, self.second = score, samples, second
        self.asked: list[SamplingParams] = []
        self.tokenizer = SimpleNamespace(
            encode=lambda text: list(text.encode()),
            decode=lambda ids: bytes(ids).decode(),
            render=lambda said: SimpleNamespace(ids=list(said[-1].content.encode())),
        )

    def generate(self, ids: Sequence[int], params: SamplingParams, *, owner: str = "") -> Any:
        self.asked.append(params)
        return Answer(self, len(ids), params)


class Answer:
    error = None

    def __init__(self, model: Model, length: int, params: SamplingParams) -> None:
        self._texts = model.samples if params.n > 1 else [model.second]
        first = params.prompt_logprobs_from
        self.prompt_tokens_info = [
            SimpleNamespace(logprob=None if i < first else model.score) for i in range(length)
        ]

    def __iter__(self) -> Iterator[Any]:
        for index, text in enumerate(self._texts):
            yield SimpleNamespace(index=index, text=text, finish_reason="stop")

    def cancel(self) -> None: ...


class Book:
    """A `Knowledge` that finds what it is told."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def find(self, owner: str, config: Any, question: str, *, model: Any) -> Found:
        sources = [
            Source(number=i, text=text, file_id="f", filename="a.txt", score=0.9, page=3)
            for i, text in enumerate(self.texts, 1)
        ]
        return Found(config=KnowledgeConfig(), sources=sources, best=0.9 if sources else None)


def embed(texts: Sequence[str]) -> Any:
    return np.stack([AXES[len(text) % 4] for text in texts])


def turn(model: Model, **config: Any) -> Exchange:
    table = {
        "uncertainty": {"enabled": True, "samples": 2, **config},
        "knowledge": {"collections": ["a"]},
    }
    fake: Any = model
    made = Exchange(
        owner="ann",
        persona=Persona.model_validate(table),
        model=fake,
        question=Message(role="user", content="When?"),
    )
    made.answer = "In June."
    return made


def step(*texts: str) -> Uncertain:
    book: Any = Book(*texts)
    return Uncertain(embed, book)


def test_a_sure_answer_is_left_alone() -> None:
    exchange = turn(Model(-0.01, ["In June.", "In June."]), threshold=0.01)
    found = step().run(exchange)
    assert found is not None
    assert found.signals == Signals(logprob=-0.01, least=-0.01, agreement=1.0, entropy=0.0)
    assert not exchange.notices
    assert found.as_receipt()["probability"] > 0.01
    assert "unsure" not in found.as_receipt()


@pytest.mark.parametrize(
    ("unsure", "texts", "begins", "done"),
    [
        ("say", [], "I am not sure of this.", "said"),
        ("ask", [], "I am not sure that I understood.", "asked"),
        ("look_up", ["It is in May."], f"{LOOKED_UP} In May [1]. (a.txt, page 3)", "looked up"),
        ("look_up", [], "I am not sure of this.", "nothing found"),
    ],
)  # fmt: skip
def test_an_unsure_one_is_told(unsure: str, texts: list[str], begins: str, done: str) -> None:
    exchange = turn(Model(-9.0, ["No.", "Tuesday"]), unsure=unsure, threshold=0.999)
    found = step(*texts).run(exchange)
    assert found is not None
    assert len(exchange.notices) == 1
    assert exchange.notices[0].startswith(begins)
    assert found.as_receipt()["unsure"] == done
    assert exchange.answer == "In June."


def test_no_samples_cost_one_reading() -> None:
    exchange = turn(Model(-0.5), samples=0)
    found = step().run(exchange)
    assert found is not None
    assert found.signals == Signals(logprob=-0.5, least=-0.5)
    assert len(exchange.model.asked) == 1  # type: ignore[attr-defined]


def test_words_of_ones_own_and_other_languages() -> None:
    exchange = turn(Model(-9.0), samples=0, threshold=1.0, text="Hm.")
    step().run(exchange)
    assert exchange.notices == ["Hm."]
    for language, begins in (("de-AT", "Ich bin"), ("tlh", "I am not")):
        exchange = turn(Model(-9.0), samples=0, threshold=1.0)
        exchange.persona = exchange.persona.model_copy(update={"language": language})
        step().run(exchange)
        assert exchange.notices[0].startswith(begins)


def test_where_there_is_nothing_to_be_unsure_of() -> None:
    assert step().run(turn(Model(-9.0), enabled=False)) is None
    silent = turn(Model(-9.0))
    silent.answer = "  "
    assert step().run(silent) is None
    ours = turn(Model(-9.0))
    ours.reply = "I found nothing."
    assert step().run(ours) is None
    tooled = turn(Model(-9.0))
    tooled.tool_runs.append(SimpleNamespace())  # type: ignore[arg-type]
    found = step().run(tooled)
    assert found is not None
    assert found.as_receipt() == {"probability": None, "reason": "tools had a part in the answer"}


def test_a_typo_in_the_persona() -> None:
    with pytest.raises(BadRequest, match=r"line 2: .*did you mean 'uncertainty.threshold'"):
        parse("[uncertainty]\ntreshold = 0.5\n", origin="p.toml")

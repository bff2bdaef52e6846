"""Citations verified by ablation: with a model that knows nothing but what it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.citations import checked, segments
from fireside.assistant.exchange import Source
from fireside.assistant.likelihood import Spoken, logprobs
from fireside.engine.load import load_text_model
from fireside.engine.params import SamplingParams
from fireside.engine.text import TextModel
from fireside.hub import LocalModel
from fireside.settings import Settings

KNOWN, UNKNOWN = -0.1, -4.0


class Scored:
    """A generation whose prompt's words are likely where they stood in it before."""

    error = None

    def __init__(self, ids: Sequence[str], first: int) -> None:
        self.prompt_tokens_info = [
            SimpleNamespace(
                logprob=None if i < max(1, first) else KNOWN if word in ids[:i] else UNKNOWN
            )
            for i, word in enumerate(ids)
        ]

    def __iter__(self) -> Iterator[Any]:
        return iter([SimpleNamespace(finish_reason="length")])

    def cancel(self) -> None: ...


class Parrot:
    """A model whose tokens are words."""

    context = 10_000

    def __init__(self) -> None:
        self.asked = 0
        self.tokenizer = SimpleNamespace(
            encode=words,
            render=lambda said: SimpleNamespace(ids=["<user>", *words(said[0].content)]),
        )

    def generate(self, ids: Sequence[str], params: SamplingParams, *, owner: str) -> Scored:
        assert params.prompt_logprobs == 0
        assert owner == "ann"
        self.asked += 1
        return Scored(ids, params.prompt_logprobs_from)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def source(number: int, text: str) -> Source:
    return Source(number=number, text=text, file_id=f"f{number}", filename="a.txt", score=0.5)


SOURCES = [
    source(1, "Ann Miller repairs the old kettle every winter."),
    source(2, "Holidays end in March for everybody."),
    source(3, "The printer lives in room twelve."),
]


def test_a_citation_holds_where_the_words_come_from_it() -> None:
    model: Any = Parrot()
    answer = "Ann Miller repairs it [1]. Holidays end March [3]. [99]"
    found = checked(model, "What?", SOURCES, answer, owner="ann")
    assert [(one.number, one.supported) for one in found.given] == [
        (1, True), (3, False), (99, False)
    ]  # fmt: skip
    assert [(one.number, answer[one.begin : one.end].strip()) for one in found.offered] == [
        (2, "Holidays end March [3]. [99]")
    ]
    told = found.as_receipt()
    assert told["citations"][0]["place"] == "a.txt"
    assert told["citations"][2]["reason"] == "there is no passage of this number"
    assert told["attributed"][0]["number"] == 2
    assert model.asked == 1 + 3  # the question alone, and behind each passage


def test_without_attribution_nothing_is_offered() -> None:
    model: Any = Parrot()
    answer = "The printer lives in room twelve. Holidays [2]."
    found = checked(model, "What?", SOURCES, answer, owner="ann", attribute=False)
    assert [one.supported for one in found.given] == [True]
    assert not found.offered


def test_a_passage_about_the_same_thing_is_not_the_source() -> None:
    model: Any = Parrot()
    near = source(4, "Ann Miller is away in winter.")
    answer = "Ann Miller repairs the old kettle every winter [4]."
    found = checked(model, "What?", [*SOURCES, near], answer, owner="ann")
    assert found.given[0].rise > 1  # type: ignore[operator]
    assert not found.given[0].supported
    assert [one.number for one in found.offered] == [1]


def test_two_passages_that_say_the_same_both_hold() -> None:
    model: Any = Parrot()
    same = source(4, SOURCES[0].text)
    answer = "Ann Miller repairs the old kettle [1][4]."
    found = checked(model, "What?", [*SOURCES, same], answer, owner="ann")
    assert [one.supported for one in found.given] == [True, True]


def test_an_answer_that_cites_nothing_is_offered_its_source() -> None:
    model: Any = Parrot()
    found = checked(model, "What?", SOURCES, "The printer lives in room twelve!", owner="ann")
    assert [one.number for one in found.offered] == [3]
    assert not found.offered[0].given
    own = checked(model, "What?", SOURCES, "Zebras gallop over savannas.", owner="ann")
    assert not own.offered


def test_a_mark_itself_counts_for_nothing() -> None:
    """`[2]` is likely only where passages are numbered; it is no word of the sentence."""
    model: Any = Parrot()
    plain = checked(model, "What?", SOURCES, "Zebras gallop [1].", owner="ann")
    twice = checked(model, "What?", SOURCES, "Zebras gallop [1][1][1].", owner="ann")
    assert {one.rise for one in twice.given} == {one.rise for one in plain.given} == {0.0}


def test_what_does_not_fit_is_not_checked_and_says_so() -> None:
    model: Any = Parrot()
    model.context = 20
    found = checked(model, "What?", SOURCES, "Ann Miller repairs it [1]. And [7].", owner="ann")
    assert [one.supported for one in found.given] == [None, False]
    assert "do not fit the window" in found.as_receipt()["unchecked"]
    assert model.asked == 0


def test_a_long_answer_is_checked_as_far_as_it_says() -> None:
    model: Any = Parrot()
    answer = "Ann Miller repairs it [1]. " * 400
    found = checked(model, "What?", SOURCES, answer, owner="ann")
    verdicts = [one.supported for one in found.given]
    assert len(verdicts) == 400
    assert verdicts[0] is True
    assert verdicts.index(None) == 1024 // 4
    assert set(verdicts[256:]) == {None}
    assert "first 1,024 tokens" in found.as_receipt()["unchecked"]


def test_empty_answers() -> None:
    model: Any = Parrot()
    for answer in ("", "  \n", "[1]", "..."):
        found = checked(model, "What?", SOURCES, answer, owner="ann")
        assert not found.offered
        assert all(one.supported is False for one in found.given)


@given(st.text(alphabet="ab .!?。\n[]123,", max_size=60))
def test_sentences_are_the_whole_answer(answer: str) -> None:
    parts = segments(answer, SOURCES)
    assert "".join(answer[part.begin : part.end] for part in parts) == answer
    assert [part.end for part in parts[:-1]] == [part.begin for part in parts[1:]]


def test_sentences() -> None:
    def texts(answer: str) -> list[str]:
        return [part.text for part in segments(answer, SOURCES)]

    assert texts("It is 3.5 m. [1] Or so [2]!") == ["It is 3.5 m.", " Or so!"]
    assert texts("他在厨房里[1]。茶壶。") == ["他在厨房里。", "茶壶。"]
    assert texts("- one [1]\n- two") == ["- one\n", "- two"]


@pytest.fixture(scope="module")
def smollm2(smollm2_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TextModel]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), threads=1, kv_cache_mib=200)
    local = LocalModel(name="smollm2:135m", path=smollm2_path, format="gguf")
    model = load_text_model(local, settings)
    yield model
    model.engine.stop()


def test_the_end_of_a_prompt_scores_as_the_whole_of_it(smollm2: TextModel) -> None:
    prompt = smollm2.tokenizer.encode("The capital of France is a city that is called")
    answer = smollm2.tokenizer.encode(" Paris, and it lies on the Seine.")
    whole = Spoken(prompt, answer)
    end = Spoken(prompt, answer, start=4)
    [of_whole], [of_end] = (logprobs(smollm2, [one], owner="") for one in (whole, end))
    assert len(of_whole) == len(answer)
    assert of_end == pytest.approx(of_whole[4:], abs=1e-4)
    both = logprobs(smollm2, [whole, end], owner="")
    assert both[0] == pytest.approx(of_whole, abs=1e-4)


def test_the_default_model_tells_a_source_from_another_passage(smollm2: TextModel) -> None:
    answer = "Ann Miller repairs the kettle [1]. The printer is in room twelve [2]."
    found = checked(smollm2, "Who repairs the kettle, and where is the printer?", SOURCES, answer,
                    owner="")  # fmt: skip
    assert [one.supported for one in found.given] == [True, False]
    assert [one.number for one in found.offered] == [3]

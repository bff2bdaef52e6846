"""`/v1/moderations` as the SDK asks it.

Most of it with the rules, for the fake models have no `minilm:l6`; the head has its own server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fireside.engine.models import Models
from fireside.safety.rules import CATEGORIES
from fireside.server.app import create_app
from fireside.settings import Settings, load_settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_bad_input import refused

URL = "/v1/moderations"


@pytest.mark.parametrize("name", [None, "omni-moderation-latest", "text-moderation-latest"])
def test_a_string(client: openai.OpenAI, name: str | None) -> None:
    more = {} if name is None else {"model": name}
    made = client.moderations.create(input="I want to kill them.", **more)  # type: ignore[arg-type]
    assert made.model == "fireside-rules-1"
    (result,) = made.results
    assert result.flagged
    assert result.categories.harassment_threatening
    assert not result.categories.sexual
    assert result.category_scores.violence >= 0.5
    assert result.category_applied_input_types.violence == ["text"]
    said = made.to_dict()["fireside"]
    assert said == {
        "languages": ["en"],
        "absent": ["hate/threatening", "sexual/minors", "violence/graphic"],
        "not_judged": [],
    }
    shown = result.to_dict()
    for part in ("categories", "category_scores", "category_applied_input_types"):
        assert set(shown[part]) == set(CATEGORIES)  # type: ignore[call-overload]


def test_strings_get_a_verdict_each_and_parts_one_together(client: openai.OpenAI) -> None:
    texts = ["Hello", "I want to kill them.", "How do I kill the process?"]
    each = client.moderations.create(input=texts).results
    assert [result.flagged for result in each] == [False, True, False]
    alone = [client.moderations.create(input=text).results[0] for text in texts]
    assert each == alone
    (together,) = client.moderations.create(
        input=[{"type": "text", "text": text} for text in texts]
    ).results
    assert together.flagged


def test_another_language_is_named(client: openai.OpenAI) -> None:
    made = client.moderations.create(input=["Hello", "糟糕的服务，我很失望"])
    assert made.to_dict()["fireside"]["not_judged"] == [  # type: ignore[index]
        {
            "input": 1,
            "reason": "Moderation knows 'en' alone: this text is in 'zh' and was not judged.",
        }
    ]


def test_images_are_refused_by_name(http: httpx.Client) -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    error = refused(http.post(URL, json={"input": parts}))
    assert error["param"] == "input[1].type"
    assert "image" in error["message"]


@pytest.mark.parametrize(
    ("ask", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [5]}, 400, "input"),
        ({"input": ["a", {"type": "text", "text": "b"}]}, 400, "input"),
        ({"input": [{"type": "sound"}]}, 400, "input"),
        ({"input": ["a"] * 3000}, 400, "input"),
        ({"input": "a" * (2**17 + 1)}, 400, "input"),
        ({"input": "a", "model": "nope"}, 404, "model"),
        ({"input": "a", "model": 5}, 400, "model"),
        ({"input": "a", "colour": "red"}, 400, "colour"),
    ],
)
def test_what_is_refused(
    http: httpx.Client, ask: dict[str, object], status: int, param: str
) -> None:
    assert (refused(http.post(URL, json=ask), status)["param"] or "").startswith(param)


def test_the_trained_one_by_its_name_needs_its_model(http: httpx.Client) -> None:
    asked = http.post(URL, json={"input": "a", "model": "fireside-moderation-1"})
    assert "minilm:l6" in refused(asked, 404)["message"]


class WithEmbedder(FakeModels):
    """The fake chat model beside the real embedding model."""

    def __init__(self, real: Models) -> None:
        super().__init__(FakeModel())
        self.real = real

    def embedder(self, name: str | None = None) -> Any:
        return self.real.embedder(name) if name == "minilm:l6" else super().embedder(name)


@pytest.fixture(scope="module")
def trained(minilm_path: Path, store: Store, settings: Settings) -> Iterator[openai.OpenAI]:
    real = Models(load_settings())
    with running(create_app(WithEmbedder(real), store, settings)) as url:  # type: ignore[arg-type]
        yield openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    real.close()


def test_openais_names_mean_the_trained_one(trained: openai.OpenAI) -> None:
    texts = ["Good morning!", "shut your mouth you dumb ugly hoe", "I want to kill them."]
    made = trained.moderations.create(input=texts)
    assert made.model == "fireside-moderation-1"
    assert [result.flagged for result in made.results] == [False, True, True]
    assert made.results[1].categories.harassment
    assert made.results[2].categories.violence
    rules = trained.moderations.create(input=texts, model="fireside-rules-1")
    assert rules.model == "fireside-rules-1"
    assert [result.flagged for result in rules.results] == [False, False, True]

"""`/v1/moderations` as the SDK asks it."""

from __future__ import annotations

import httpx
import openai
import pytest

from fireside.safety.rules import CATEGORIES

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
        ({"input": "a" * (2**20 + 1)}, 400, "input"),
        ({"input": "a", "model": "nope"}, 404, "model"),
        ({"input": "a", "model": 5}, 400, "model"),
        ({"input": "a", "colour": "red"}, 400, "colour"),
    ],
)
def test_what_is_refused(
    http: httpx.Client, ask: dict[str, object], status: int, param: str
) -> None:
    assert (refused(http.post(URL, json=ask), status)["param"] or "").startswith(param)

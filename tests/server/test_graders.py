"""`/v1/fine_tuning/alpha/graders`: OpenAI's client, models that say what they are told to say."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from .fakes import FakeModel
from .test_bad_input import refused

RUN, VALIDATE = "/v1/fine_tuning/alpha/graders/run", "/v1/fine_tuning/alpha/graders/validate"
STRING = {
    "type": "string_check", "name": "a", "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}", "operation": "eq",
}  # fmt: skip
LIKE: dict[str, Any] = {
    "type": "text_similarity", "name": "b", "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}", "evaluation_metric": "fuzzy_match",
}  # fmt: skip
JUDGE: dict[str, Any] = {
    "type": "score_model", "name": "c", "model": "fake:1b", "range": [0, 10],
    "input": [{"role": "user", "content": "Rate {{sample.output_text}} for {{item.answer}}."}],
}  # fmt: skip
LABEL: dict[str, Any] = {
    "type": "label_model", "name": "d", "model": "fake:1b", "labels": ["good", "bad"],
    "passing_labels": ["good"], "input": [{"role": "user", "content": "{{sample.output_text}}"}],
}  # fmt: skip


def multi(formula: str, **graders: object) -> dict[str, Any]:
    return {"type": "multi", "name": "m", "graders": graders, "calculate_output": formula}


def test_checks_and_sums(client: openai.OpenAI) -> None:
    def run(grader: Any, sample: str = "Paris") -> Any:
        return client.fine_tuning.alpha.graders.run(
            grader=grader, model_sample=sample, item={"answer": "Paris"}
        )

    assert run(STRING).reward == 1
    assert run(STRING, "Rome").reward == 0
    assert run(STRING | {"operation": "ilike", "reference": "PAR"}).reward == 1
    assert run(LIKE, "Pari").reward == pytest.approx(8 / 9)
    both = run(multi("0.5 * x + 0.25 * y", x=STRING, y=LIKE))
    assert both.reward == 0.75
    assert both.sub_rewards == {"x": 1, "y": 1}
    assert both.metadata.type == "multi"
    assert not any(value for _, value in both.metadata.errors if isinstance(value, bool))
    assert run(multi("a / 2") | {"graders": STRING}).reward == 0.5
    broken = run(multi("x / (y - 1)", x=STRING, y=LIKE))
    assert broken.reward == 0
    assert broken.metadata.errors.formula_parse_error
    assert run(STRING | {"input": "{{item.absent}}"}).metadata.errors.invalid_variable_error
    parsed = run(STRING | {"input": "{{sample.output_json.city}}"})
    assert parsed.metadata.errors.sample_parse_error
    checked = client.fine_tuning.alpha.graders.validate(grader=STRING)  # type: ignore[arg-type]
    assert checked.grader is not None
    assert checked.grader.name == "a"


def test_a_model_scores_and_labels(client: openai.OpenAI, model: FakeModel) -> None:
    def run(grader: Any) -> Any:
        return client.fine_tuning.alpha.graders.run(
            grader=grader, model_sample="Paris", item={"answer": "a city"}
        )

    model.answer = '{"result": 7.5}'
    scored = run(JUDGE)
    assert scored.reward == 7.5
    assert scored.metadata.sampled_model_name == "fake:1b"
    assert scored.metadata.token_usage > 0
    assert "Rate Paris for a city." in bytes(model.last.prompt).decode()
    assert model.last.params.constraint is not None
    assert run(multi("0.1 * x", x=JUDGE)).reward == 0.75
    model.answer = '{"result": 11}'
    assert run(JUDGE).metadata.errors.api_model_grader_parse_error
    model.answer = "I like it."
    assert run(JUDGE).metadata.errors.api_model_grader_parse_error
    model.answer = '{"result": "good"}'
    assert run(LABEL).reward == 1
    model.answer = '{"result": "bad"}'
    assert run(LABEL).reward == 0
    unknown = run(JUDGE | {"model": "nobody:1b"})
    assert unknown.metadata.errors.api_model_grader_server_error
    assert "nobody:1b" in unknown.metadata.errors.api_model_grader_server_error_details


@pytest.mark.parametrize(
    ("grader", "param"),
    [
        (None, "grader"),
        ("exact", "grader"),
        ({}, "grader"),
        ({"type": "magic"}, "grader"),
        ({"type": "python", "name": "p", "source": "import os"}, "grader"),
        (STRING | {"operation": "near"}, "grader.operation"),
        (STRING | {"input": "{{x}}"}, "grader.input"),
        (STRING | {"wings": 1}, "grader.wings"),
        (LIKE | {"evaluation_metric": "bertscore"}, "grader.evaluation_metric"),
        (JUDGE | {"range": [1, 0]}, "grader.range"),
        (JUDGE | {"range": [0]}, "grader.range"),
        (JUDGE | {"sampling_params": {"temperature": 9}}, "grader.sampling_params.temperature"),
        (JUDGE | {"input": []}, "grader.input"),
        (LABEL | {"passing_labels": ["ugly"]}, "grader"),
        (multi("x + z", x=STRING), "grader"),
        (multi("x", x=multi("y", y=STRING)), "grader.graders.x"),
        (multi("x", x={"type": "python", "name": "p", "source": "1"}), "grader.graders.x"),
        (multi("1"), "grader.graders"),
    ],
)
def test_bad_graders(http: httpx.Client, grader: object, param: str) -> None:
    for url in (RUN, VALIDATE):
        body = {"grader": grader} | ({"model_sample": "a"} if url == RUN else {})
        error = refused(http.post(url, json=body))
        assert error["param"] == param, error
        if "python" in str(grader):
            assert "python graders are not supported" in error["message"]


def test_bodies_that_are_none(http: httpx.Client) -> None:
    for content in (b"", b"[]", b"{", b'{"grader": NaN}', b"\xff", b"[" * 60_000):
        for url in (RUN, VALIDATE):
            refused(http.post(url, content=content, headers={"content-type": "application/json"}))
    refused(http.post(RUN, json={"grader": STRING}))
    refused(http.post(RUN, json={"grader": STRING, "model_sample": 5}))
    refused(http.post(RUN, json={"grader": STRING, "model_sample": "a", "item": [1]}))
    refused(http.post(VALIDATE, json={"grader": STRING, "wings": 1}))
    refused(http.get(RUN), 405)

"""Whatever a client may get wrong: one line that names what, and never a 5xx."""

from __future__ import annotations

import json
from contextlib import suppress

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.server.body import decode, parse
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.wire import CompletionRequest

CHAT = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}
TEXT = {"model": "fake:1b", "prompt": "Hi"}


def refused(answer: httpx.Response, status: int = 400) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert "\n" not in error["message"]
    assert len(error["message"]) < 600
    return error


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "a", "mood": 1}]}, "messages[0].mood"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "tool", "content": "a", "tool_call_id": "b"}]},
            "messages[0].tool_call_id",
        ),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": "x" * 10_000}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 1e308}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 2**63}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": True}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 2**63}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"seed": 2**63}, "seed"),
        ({"seed": "a"}, "seed"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": ["a"] * 99}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stop_token_ids": [99999]}, "stop_token_ids"),
        ({"min_tokens": 9, "max_tokens": 3}, "min_tokens"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"structured_outputs": {"regex": "a", "choice": ["b"]}}, "structured_outputs"),
        ({"wings": 2}, "wings"),
        ({"wings": None}, "wings"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"audio": {"voice": "alloy", "format": "mp3"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"user": 5}, "user"),
        ({"metadata": {"a": 5}}, "metadata.a"),
    ],
)
def test_chat_parameters(http: httpx.Client, change: dict[str, object], param: str) -> None:
    assert refused(http.post("/v1/chat/completions", json=CHAT | change))["param"] == param


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
        {"store": False, "service_tier": "auto", "modalities": ["text"], "audio": None},
        {"user": "me", "metadata": {"a": "b"}, "safety_identifier": "c", "prompt_cache_key": "d"},
        {"max_tokens": 5.0, "temperature": 1, "n": 1.0, "top_k": -1, "response_format": None},
        {"max_tokens": 5, "max_completion_tokens": 5, "response_format": {"type": "text"}},
        {"stop": "", "structured_outputs": {}, "function_call": "auto", "stream_options": {}},
    ],
)
def test_harmless_parameters_pass(http: httpx.Client, change: dict[str, object]) -> None:
    answer = http.post("/v1/chat/completions", json=CHAT | change)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [""]}, "prompt[0]"),
        ({"prompt": [[]]}, "prompt[0]"),
        ({"prompt": ["a", 5]}, "prompt[1]"),
        ({"prompt": [300]}, "prompt"),
        ({"prompt": [-1]}, "prompt[0]"),
        ({"prompt": [True]}, "prompt[0]"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 3, "n": 2, "stream": True}, "best_of"),
        ({"prompt": ["a"] * 5, "n": 128}, "n"),
        ({"prompt": [[5]] * 5, "n": 2, "best_of": 128}, "best_of"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": []}, "messages"),
    ],
)
def test_completion_parameters(http: httpx.Client, change: dict[str, object], param: str) -> None:
    assert refused(http.post("/v1/completions", json=TEXT | change))["param"] == param


def body_of(text: str) -> bytes:
    return json.dumps(CHAT).encode().replace(b'"Hi"', text.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"5",
        b'"a"',
        b'{"model": ',
        b"{} {}",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
        b'{"a":' * 70 + b"1" + b"}" * 70,
        b'{"model": "fake:1b", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
        b"\xff\xfe\x00",
        body_of('"\\ud800"'),
        body_of('"\\udc00 a"'),
        body_of('"Hi"}], "temperature": NaN, "stop": [{"a": 1'),
        body_of('"Hi"}], "temperature": -Infinity, "stop": [{"a": 1'),
        body_of('"Hi"}], "temperature": 1e999, "stop": [{"a": 1'),
        body_of('"Hi"}], "seed": ' + "9" * 10_000 + ', "stop": [{"a": 1'),
        b'{"\\ud800": 1}',
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/chat/completions/chatcmpl-x",
        "/engines/fake:1b/completions",
    ],
)
def test_bodies(http: httpx.Client, path: str, raw: bytes) -> None:
    refused(http.post(path, content=raw, headers={"content-type": "application/json"}))


def test_a_body_that_is_too_large(http: httpx.Client) -> None:
    refused(http.post("/v1/completions", json=TEXT | {"prompt": "a" * 17 * 2**20}), 413)


def test_a_body_that_is_not_json(http: httpx.Client) -> None:
    answer = http.post("/v1/completions", data={"model": "fake:1b"})
    assert "application/json" in refused(answer, 415)["message"]


@pytest.mark.parametrize(
    ("path", "ask"),
    [
        ("/v1/completions", {"model": "fake:1b", "prompt": "a" * 2**20}),
        ("/v1/chat/completions", CHAT | {"max_tokens": 995}),
        ("/v1/chat/completions", CHAT | {"messages": [{"role": "user", "content": "a" * 994}]}),
    ],
)
def test_more_than_the_context(http: httpx.Client, path: str, ask: dict[str, object]) -> None:
    error = refused(http.post(path, json=ask))
    assert error["code"] == "context_length_exceeded"
    assert "1000" in error["message"]


@pytest.mark.parametrize(
    "name", ["nope", "../../etc/passwd", "/etc/passwd", "a.gguf", "~/x", "hf:../..", "a\0b", "."]
)
def test_unknown_models(http: httpx.Client, name: str) -> None:
    error = refused(http.post("/v1/completions", json=TEXT | {"model": name}), 404)
    assert (error["code"], error["param"]) == ("model_not_found", "model")


def test_routes_and_methods(http: httpx.Client) -> None:
    assert refused(http.get("/v1/nothing"), 404)["code"] == "unknown_url"
    wrong = http.get("/v1/completions")
    refused(wrong, 405)
    assert wrong.headers["allow"] == "POST"
    refused(http.get("/v1/models/nope"), 404)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted({*ChatCompletionRequest.model_fields, *CompletionRequest.model_fields, "audio"})


@given(st.dictionaries(st.sampled_from(NAMES), json_values, max_size=6))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_values_are_taken_or_refused(values: dict[str, object]) -> None:
    for wire in (ChatCompletionRequest, CompletionRequest):
        with suppress(BadRequest):
            parse(json.dumps(values).encode(), wire)


@given(st.binary(max_size=64))
def test_any_bytes_are_taken_or_refused(raw: bytes) -> None:
    with suppress(BadRequest):
        decode(raw)

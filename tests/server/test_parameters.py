"""Hints never break a client, obligations are refused by name, unknown names are a 400.

Every row of the tables is sent to the server inside a request that has one of everything.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from fireside.server import openai_parameters as tables
from fireside.server.body import Wire, validate
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.embeddings import EmbeddingRequest
from fireside.server.parameters import (
    HEADER,
    MAX_NAMES,
    STEP,
    EmptyExtras,
    Hint,
    Obligation,
    Table,
    header_of,
)
from fireside.server.responses.wire import Compact, CountTokens, CreateResponse, NewConversation
from fireside.server.wire import CompletionRequest
from scripts.conformance.parameters import tables_of_page

from .fakes import FakeModel

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
FUNCTION = {"name": "f", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "model": "fake:1b",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Yes?"}], "tool_calls": [CALL]},
        {"role": "tool", "content": [{"type": "text", "text": "1"}], "tool_call_id": "c"},
        {"role": "user", "content": [{"type": "text", "text": "And?"}]},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
}
RESPONSES: dict[str, Any] = {
    "model": "fake:1b",
    "stream": True,
    "stream_options": {},
    "include": [],
    "reasoning": {},
    "text": {},
    "tools": [{"type": "function", **FUNCTION}],
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"role": "user", "content": [{"type": "input_text", "text": "And?"}]},
    ],
}
COMPACT = {"model": "fake:1b", "input": RESPONSES["input"]}
COUNT = {k: v for k, v in RESPONSES.items() if k not in ("stream", "stream_options", "include")}
BASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "CHAT": ("/v1/chat/completions", CHAT),
    "COMPLETIONS": (
        "/v1/completions",
        {"model": "fake:1b", "prompt": "a", "stream": True, "stream_options": {}},
    ),
    "EMBEDDINGS": ("/v1/embeddings", {"model": "fake-embedding", "input": "a"}),
    "RESPONSES": ("/v1/responses", RESPONSES),
    "COUNT": ("/v1/responses/input_tokens", COUNT),
    "COMPACT": ("/v1/responses/compact", COMPACT),
    "ITEMS": ("/v1/conversations", {"items": RESPONSES["input"]}),
}
WIRES: Mapping[str, type[Wire]] = {
    "CHAT": ChatCompletionRequest,
    "COMPLETIONS": CompletionRequest,
    "EMBEDDINGS": EmbeddingRequest,
    "RESPONSES": CreateResponse,
    "COUNT": CountTokens,
    "COMPACT": Compact,
    "ITEMS": NewConversation,
}


def rows(kind: type) -> list[Any]:
    return [
        pytest.param(name, place, id=f"{name}-{place}")
        for name in BASES
        for place, parameter in getattr(tables, name).items()
        if isinstance(parameter, kind)
    ]


def parameter_of(name: str, place: str) -> Any:
    table: Table = getattr(tables, name)
    return table[place]


def holders(value: Any, steps: list[tuple[str, str]]) -> Iterator[Any]:
    """Every object or list of the request that the last step of a place stands in."""
    (member, selector), *rest = steps
    if not rest:
        if isinstance(value, dict if member else list):
            yield value
    elif member and isinstance(value, dict) and member in value:
        yield from holders(value[member], rest)
    elif not member and isinstance(value, list):
        for each in value:
            if not selector or (isinstance(each, dict) and each.get("type") == selector):
                yield from holders(each, rest)


def with_value(base: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The request with this value at every such place; of `content[thinking]`, such an element."""
    made = copy.deepcopy(base)
    steps = STEP.findall(place)
    member, selector = steps[-1]
    found = list(holders(made, steps))
    assert found, place
    for each in found:
        if member:
            each["strange" if member == "*" else member] = value
        elif each or "." in selector:
            each.append(selector if "." in selector else {"type": selector, "text": "hm"})
    return made


def places(name: str, kind: type) -> list[str]:
    return [place for place, each in getattr(tables, name).items() if isinstance(each, kind)]


def strange(name: str, place: str) -> object:
    """Nothing that OpenAI would take; of a member whose shape is checked, a string."""
    return "strange" if parameter_of(name, place).is_kept else {"strange": [1]}


@pytest.mark.parametrize("name", BASES)
def test_hints_are_taken_and_named(http: httpx.Client, name: str) -> None:
    """All of them at once: a large request of a talkative client."""
    url, body = BASES[name]
    assert HEADER not in http.post(url, json=body).headers
    hints = places(name, Hint)
    for place in hints:
        body = with_value(body, place, strange(name, place))
    answer = http.post(url, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers[HEADER] == header_of(WIRES[name].table.apply(body)[1])
    assert set(validate(body, WIRES[name]).ignored) == set(hints)


@pytest.mark.parametrize(("name", "place"), rows(Hint))
def test_one_hint(name: str, place: str) -> None:
    _, base = BASES[name]
    assert validate(with_value(base, place, strange(name, place)), WIRES[name]).ignored == (place,)
    if not place.endswith("]"):  # an element is there or not
        for value in (None, "", [], {}, *parameter_of(name, place).passes):
            assert validate(with_value(base, place, value), WIRES[name]).ignored == ()


@pytest.mark.parametrize(("name", "place"), rows(Obligation))
def test_an_obligation_is_refused_by_name(http: httpx.Client, name: str, place: str) -> None:
    url, base = BASES[name]
    answer = http.post(url, json=with_value(base, place, {"strange": 1}))
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "unsupported_parameter"
    assert error["param"] == place.replace("[]", "[0]")
    empties = (None,) if parameter_of(name, place).asks_when_empty else (None, "", [], {})
    for value in (*empties, *parameter_of(name, place).passes):
        assert validate(with_value(base, place, value), WIRES[name]).ignored == ()


@pytest.mark.parametrize("value", [None, "", [], {}], ids=repr)
@pytest.mark.parametrize("name", ["CHAT", "RESPONSES", "COUNT", "COMPACT", "ITEMS"])
def test_empty_extras_pass(http: httpx.Client, name: str, value: object) -> None:
    url, body = BASES[name]
    extras = [each for each in places(name, EmptyExtras) if "function_call.*" not in each]
    for place in extras:
        body = with_value(body, place, value)
    answer = http.post(url, json=body)
    assert answer.status_code == 200, answer.text
    named = {place.replace("*", "strange") for place in extras}
    assert set(answer.headers[HEADER].split(", ")) == named


@pytest.mark.parametrize(("name", "place"), rows(EmptyExtras))
def test_extras_that_hold_something_do_not(http: httpx.Client, name: str, place: str) -> None:
    url, base = BASES[name]
    if "function_call.*" not in place:  # beside tool_calls there is none
        for value in (0, False, "x", [None]):
            answer = http.post(url, json=with_value(base, place, value))
            assert answer.status_code == 400, answer.text
            assert answer.json()["error"]["code"] == "unknown_parameter"


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("value", [1, None])
def test_an_unknown_name_is_refused(http: httpx.Client, name: str, value: object) -> None:
    url, base = BASES[name]
    answer = http.post(url, json=base | {"wings": value})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unknown_parameter"


OWN = (
    {"content": None},
    {"name": None},
    {"refusal": None},
    {"audio": None},
    {"annotations": []},
    {"function_call": None},
    {"tool_calls": None},
    {"tool_calls": []},
    {"tool_call_id": None},
)


@pytest.mark.parametrize("extra", OWN, ids=str)
def test_null_is_openais_word_for_nothing(
    http: httpx.Client, model: FakeModel, extra: dict[str, object]
) -> None:
    """Members of OpenAI's own that hold nothing are not named: nothing was left out."""
    said = {"role": "assistant", "content": "Hello", **extra}
    messages = [{"role": "user", "content": "a"}, said, {"role": "user", "content": "b"}]
    answer = http.post("/v1/chat/completions", json={"model": "fake:1b", "messages": messages})
    assert answer.status_code == 200, answer.text
    assert HEADER not in answer.headers


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


def test_the_model_reads_the_same_with_hints_and_without(
    http: httpx.Client, model: FakeModel
) -> None:
    noisy = copy.deepcopy(CHAT)
    noisy["messages"][1] |= {
        "reasoning_content": "secret thoughts", "thinking_blocks": [{"thinking": "secret"}],
        "provider_specific_fields": {"a": "secret"},
    }  # fmt: skip
    noisy["messages"][1]["content"].append({"type": "thinking", "thinking": "secret"})
    noisy["messages"][1]["tool_calls"][0] |= {"index": 0}
    prompts = []
    for body in (CHAT, noisy):
        assert http.post("/v1/chat/completions", json=body).status_code == 200
        prompts.append(bytes(model.last.prompt))
    assert prompts[0] == prompts[1]


def test_a_receipt_names_what_was_ignored(http: httpx.Client) -> None:
    body = {
        "model": "fake:1b", "input": [{"role": "user", "content": "a"}, THOUGHT,
                                      {"role": "user", "content": "b"}],
        "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "high"},
        "text": {"verbosity": "low"}, "service_tier": "flex",
    }  # fmt: skip
    answer = http.post("/v1/responses", json=body)
    assert answer.status_code == 200, answer.text
    names = answer.headers[HEADER].split(", ")
    assert names == [
        "input[reasoning].encrypted_content", "include[reasoning.encrypted_content]",
        "reasoning.effort", "text.verbosity", "service_tier",
    ]  # fmt: skip
    shown = answer.json()
    assert shown["service_tier"] == "default"  # what happened, not what was asked
    assert shown["reasoning"]["effort"] is None
    receipt = http.get(f"/v1/responses/{shown['id']}/receipt").json()
    assert receipt["ignored"] == names


def test_include_of_a_url_is_a_hint_too(http: httpx.Client) -> None:
    made = http.post("/v1/responses", json={"model": "fake:1b", "input": "a"}).json()
    url = f"/v1/responses/{made['id']}"
    answer = http.get(url, params={"include[]": "reasoning.encrypted_content"})
    assert answer.status_code == 200, answer.text
    assert answer.headers[HEADER] == "include[reasoning.encrypted_content]"
    assert http.get(url, params={"include[]": "nothing"}).status_code == 400
    padded = http.get(url, params={"include_obfuscation": "true"})
    assert padded.headers[HEADER] == "include_obfuscation"


def test_a_replayed_answer_names_them_again(http: httpx.Client) -> None:
    body = {"model": "fake:1b", "messages": [{"role": "user", "content": "a"}], "verbosity": "low"}
    sent = {"Idempotency-Key": "hints-1"}
    for _ in range(2):
        answer = http.post("/v1/chat/completions", json=body, headers=sent)
        assert answer.headers[HEADER] == "verbosity"
    assert answer.headers["idempotent-replayed"] == "true"


def test_a_websocket_has_them_in_the_response(address: str) -> None:
    from websockets.sync.client import connect

    url = address.replace("http", "ws") + "/v1/responses"
    with connect(url) as socket:
        message = {"type": "response.create", "model": "fake:1b", "input": "a", "verbosity": "low"}
        socket.send(json.dumps(message))
        assert json.loads(socket.recv())["error"]["param"] == "verbosity"  # of chat alone
        message = {"type": "response.create", "model": "fake:1b", "input": "a",
                   "service_tier": "priority", "store": False}  # fmt: skip
        socket.send(json.dumps(message))
        event = json.loads(socket.recv())
        assert event["type"] == "response.created"
        assert event["response"]["fireside"]["ignored"] == ["service_tier"]


def test_a_clients_own_word_cannot_write_headers() -> None:
    table = tables.CHAT
    extras = {"role": "user", "content": "a", "x\r\nset-cookie: a=b": "", "ü": None}
    extras |= {f"extra{n}": "" for n in range(2 * MAX_NAMES)}
    _, names = table.apply({"messages": [extras]})
    header = header_of(names)
    assert header.isascii()
    assert header.isprintable()
    assert len(header) < 8000
    assert header.startswith("messages[].?, messages[].extra0, ")
    assert header.endswith(f", and {len(names) - MAX_NAMES} more")


def test_the_page_lists_both() -> None:
    """`python -m scripts.conformance SPECIFICATION --write docs/api.md` writes it."""
    assert tables_of_page() in PAGE.read_text(encoding="utf-8")


def test_no_name_is_in_a_shape_and_in_a_table() -> None:
    """A hint that is not kept would hide a member that does something."""
    for wire in WIRES.values():
        for name in set(wire.table) & set(wire.model_fields):
            parameter = wire.table[name]
            assert isinstance(parameter, Hint), (wire, name)
            assert parameter.is_kept, (wire, name)

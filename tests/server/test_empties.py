"""An empty value of a parameter that may be left out asks for nothing: it breaks no request.

The parameters are those of our own `/openapi.json`, at every depth that a request of everything
reaches; each is sent as null, "", [] and {}.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from fireside.errors import FiresideError
from fireside.server.app import create_app
from fireside.server.body import Wire, validate
from fireside.server.chat_messages import as_messages
from fireside.server.chat_tools import choice_of
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.memory_wire import NewMemory
from fireside.server.organization.keys import CreateKeyRequest
from fireside.server.parameters import HEADER
from fireside.server.responses.items import parsed
from fireside.server.responses.mcp_wire import ApprovalFilter, McpTool
from fireside.server.responses.tools import tools_of
from fireside.server.responses.wire import Context

from .fakes import FakeModel
from .test_parameters import BASES, CALL, CHAT, FUNCTION

EMPTIES: tuple[Any, ...] = (None, "", [], {})
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
MORE_CHAT = CHAT | {
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    "tools": [],
}
OLD_CHAT = {
    "model": "fake:1b",
    "functions": [FUNCTION],
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "1"},
    ],
}
MORE_RESPONSES = {
    "model": "fake:1b",
    "input": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"type": "mcp_call", "name": "f", "server_label": "s", "arguments": "{}", "output": "1"},
        {"type": "file_search_call", "queries": ["a"]},
        {"role": "user", "content": "And?"},
    ],
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
}
EVAL = {
    "data_source_config": {"type": "custom", "item_schema": SCHEMA},
    "testing_criteria": [
        {"type": "string_check", "name": "n", "input": "a", "reference": "a", "operation": "eq"},
        {"type": "score_model", "name": "s", "model": "fake:1b", "range": [0, 1],
         "input": [{"role": "user", "content": "a"}], "sampling_params": {}},
    ],
}  # fmt: skip
RUN = {
    "data_source": {
        "type": "completions",
        "model": "fake:1b",
        "source": {"type": "file_content", "content": [{"item": {"a": 1}}]},
        "input_messages": {"type": "template", "template": [{"role": "user", "content": "a"}]},
        "sampling_params": {},
    }
}
JOB = {
    "model": "fake:1b",
    "training_file": "file-1",
    "method": {"type": "dpo", "dpo": {"hyperparameters": {}}},
}
BATCH = {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h"}
STATIC = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
FILES = {
    "file_ids": ["file-1"],
    "chunking_strategy": {"type": "static", "static": STATIC},
}
ANSWERED: tuple[tuple[str, dict[str, Any]], ...] = (
    *BASES.values(),
    ("/v1/moderations", {"input": "a"}),
    ("/v1/vector_stores", {}),
)
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    *ANSWERED,
    ("/v1/chat/completions", MORE_CHAT),
    ("/v1/chat/completions", OLD_CHAT),
    ("/v1/responses", MORE_RESPONSES),
    ("/v1/files", {"purpose": "user_data"}),
    ("/v1/uploads", {"purpose": "vision", "filename": "a", "bytes": 1, "mime_type": "a/b"}),
    ("/v1/vector_stores", FILES),
    ("/v1/vector_stores/{vector_store_id}", {}),
    ("/v1/vector_stores/{vector_store_id}/files", {"file_id": "file-1"}),
    ("/v1/vector_stores/{vector_store_id}/file_batches", FILES),
    ("/v1/vector_stores/{vector_store_id}/search", {"query": "a", "ranking_options": {}}),
    ("/v1/batches", BATCH),
    ("/v1/fine_tuning/jobs", JOB),
    ("/v1/fine_tuning/jobs", {"model": "a", "training_file": "b", "hyperparameters": {}}),
    ("/v1/evals", EVAL),
    ("/v1/evals/{eval_id}/runs", RUN),
    ("/v1/conversations", {}),
)  # fmt: skip
SAYS_SOMETHING = ("web_search_options",)
"""An empty object asks for a search, with nothing said of how."""
OF_GRADERS = {"testing_criteria", "template"}
"""Shapes of the room `graders`, which is below HTTP: null alone is nothing there."""
NEEDED = ("input", "items", "stream")
"""`stream_options` goes with `stream`."""


@pytest.fixture(scope="module")
def wires(models: Any, store: Any, settings: Any) -> dict[str, type[Wire]]:
    """The shape of what is posted to each path."""
    app = create_app(models, store, settings)
    found = {}
    for route in iter_route_contexts(app.routes):
        documented = getattr(getattr(route, "endpoint", None), "documentation", None)
        if documented is not None and documented.request and "POST" in (route.methods or ()):
            found[str(route.path_format)] = documented.request
    return found


@pytest.fixture(scope="module")
def schema(address: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{address}/openapi.json", timeout=600).json()
    return found


def optional(schema: Mapping[str, Any], path: str, body: Any) -> Iterator[tuple[str, ...]]:
    """The path of each member that the request's schema names, and does not require; those of
    hints are `test_parameters.py`'s."""
    content = schema["paths"][path]["post"]["requestBody"]["content"]
    (media,) = content.values()
    yield from _below(schema, media["schema"], body, ())


def _below(
    schema: Mapping[str, Any], part: Mapping[str, Any], value: Any, at: tuple[Any, ...]
) -> Iterator[tuple[Any, ...]]:
    branches = list(_branches(schema, part, value))
    if isinstance(value, dict):
        for branch in branches:
            for name, below in branch.get("properties", {}).items():
                if name not in branch.get("required", ()) and "x-ignored" not in below:
                    yield (*at, name)
                if name in value:
                    yield from _below(schema, below, value[name], (*at, name))
    elif isinstance(value, list):
        for branch in branches:
            for place, each in enumerate(value):
                yield from _below(schema, branch.get("items", {}), each, (*at, place))


def _branches(
    schema: Mapping[str, Any], part: Mapping[str, Any], value: Any
) -> Iterator[Mapping[str, Any]]:
    """What the schema may be of this value, by its `type`."""
    if "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    options = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    for option in options:
        yield from _branches(schema, option, value)
    named = part.get("properties", {}).get("type", {})
    kinds = [named["const"]] if "const" in named else named.get("enum")
    if not options and (not kinds or not isinstance(value, dict) or value.get("type") in kinds):
        yield part


def changed(body: dict[str, Any], at: tuple[Any, ...], value: object) -> dict[str, Any]:
    made = copy.deepcopy(body)
    holder: Any = made
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    return made


def without(body: dict[str, Any], at: tuple[Any, ...]) -> dict[str, Any]:
    made = changed(body, at, None)
    holder: Any = made
    for step in at[:-1]:
        holder = holder[step]
    del holder[at[-1]]
    return made


def places(schema: Mapping[str, Any], path: str, body: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Where the request passes without its member."""
    found = sorted(set(optional(schema, path, body)), key=str)
    assert found
    return [at for at in found if at[-1] not in SAYS_SOMETHING]


@pytest.mark.parametrize(("path", "body"), BODIES, ids=lambda each: str(each)[:60])
def test_an_empty_value_is_as_good_as_none(
    wires: dict[str, type[Wire]], schema: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """Where a request passes without a member, it passes with an empty one."""
    wire = wires[path]
    broken = []
    for at in places(schema, path, body):
        if refusal(without(body, at), wire) is None:
            for value in EMPTIES[:1] if OF_GRADERS & set(at[:-1]) else EMPTIES:
                reason = refusal(changed(body, at, value), wire)
                if reason is not None:
                    broken.append(f"{at} = {value!r}: {reason}")
    assert not broken, "\n".join(broken)


def refusal(body: dict[str, Any], wire: type[Wire]) -> str | None:
    """What is said of a request, and of what its handler checks by itself."""
    try:
        call = validate(body, wire)
        parsed(getattr(call, "input", None) or getattr(call, "items", None) or [], "input")
        if isinstance(call, Context):
            tools_of(call)
        if isinstance(call, ChatCompletionRequest):
            choice_of(call)
            as_messages(call.messages)
    except FiresideError as error:
        return error.message
    return None


@pytest.mark.parametrize("value", EMPTIES, ids=repr)
@pytest.mark.parametrize(("path", "body"), ANSWERED, ids=lambda each: str(each)[:60])
def test_all_at_once(
    http: httpx.Client, schema: dict[str, Any], path: str, body: dict[str, Any], value: object
) -> None:
    """Every parameter of the first level that the request can do without."""
    names = [at[0] for at in places(schema, path, body) if len(at) == 1]
    empty = {name: value for name in names if name not in NEEDED}
    answer = http.post(path, json=body | empty)
    assert answer.status_code == 200, answer.text
    assert HEADER not in answer.headers


def test_a_value_that_says_something(http: httpx.Client) -> None:
    made = http.post("/v1/conversations", json={"metadata": {"a": "b"}}).json()
    assert made["metadata"] == {"a": "b"}
    made = http.post(f"/v1/conversations/{made['id']}", json={"metadata": {}}).json()
    assert made["metadata"] == {}
    message = {"role": "user", "content": "a"}
    search = {"model": "fake:1b", "messages": [message], "web_search_options": {}}
    assert http.post("/v1/chat/completions", json=search).status_code == 400


def test_what_a_chat_reads_is_the_same(http: httpx.Client, model: FakeModel) -> None:
    prompts = set()
    for value in EMPTIES:
        names = ("content", "refusal", "function_call", "annotations", "audio", "name")
        said = {"role": "assistant", "tool_calls": [CALL]} | dict.fromkeys(names, value)
        messages = [
            {"role": "user", "content": "a"},
            said,
            {"role": "tool", "tool_call_id": "c", "content": value},
        ]
        answer = http.post("/v1/chat/completions", json={"model": "fake:1b", "messages": messages})
        assert answer.status_code == 200, answer.text
        prompts.add(bytes(model.last.prompt))
    assert len(prompts) == 1


@pytest.mark.parametrize("value", ["", {}], ids=repr)
def test_what_grants_something_is_exact(value: object) -> None:
    """An ill-typed limit of a key, or a list of tools that need no consent, is no wider one."""
    for wire, body in (
        (CreateKeyRequest, {"name": "a", "requests_per_minute": value}),
        (CreateKeyRequest, {"name": "a", "expires_in_seconds": value}),
        (ApprovalFilter, {"never": {"tool_names": value}}),
        (McpTool, {"type": "mcp", "server_label": "a", "server_url": "b", "allowed_tools": ""}),
        (NewMemory, {"text": "a", "persona": value}),
    ):
        assert refusal(body, wire) is not None, body

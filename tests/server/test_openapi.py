"""`/openapi.json`: whole, resolvable, and true to what the handlers check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fireside.server.batches.routes import CreateBatchRequest
from fireside.server.files import CreateFileRequest


@pytest.fixture(scope="module")
def schema(address: str) -> dict[str, Any]:
    answer = httpx.get(f"{address}/openapi.json", timeout=120)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert set(references(schema)) <= known


def test_no_error_of_frameworks(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        assert "422" not in operation["responses"], name
        assert "default" in operation["responses"], name


def test_operations_have_names_of_their_own(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(schema)]
    assert len(set(names)) == len(names)


def test_a_body_is_what_its_handler_reads(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/v1/batches"]["post"]
    ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = schema["components"]["schemas"][ref.rpartition("/")[2]]
    assert set(body["properties"]) == set(CreateBatchRequest.model_fields)
    assert body["additionalProperties"] is False
    assert {"type": "null"} in body["properties"]["metadata"]["anyOf"]
    form = schema["paths"]["/v1/files"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert set(form["schema"]["properties"]) == {"file", *CreateFileRequest.model_fields}
    assert form["schema"]["required"] == ["file", "purpose"]


def test_an_answer_is_openais_type(schema: dict[str, Any]) -> None:
    answer = schema["paths"]["/v1/batches/{batch_id}"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Batch")
    assert "openai.BaseModel" not in json.dumps(schema)


def test_what_is_refused_says_so(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/v1/chat/completions"]["post"]
    ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    body = schema["components"]["schemas"][ref.rpartition("/")[2]]
    assert body["properties"]["audio"] == {"enum": [None, "", [], {}], "x-refused": True}
    assert body["properties"]["web_search_options"] == {"enum": [None], "x-refused": True}


def test_every_operation_of_openais_is_documented(schema: dict[str, Any]) -> None:
    """Each handler of /v1 says by `documented` what it reads and answers."""
    bare = [
        name
        for name, operation in operations(schema)
        if "/v1/" in name and "What was asked for." not in json.dumps(operation["responses"])
        if not operation.get("x-refused")
    ]
    assert bare == []

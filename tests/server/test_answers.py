"""What the server really answers, held against what `/openapi.json` says that it answers."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

jsonschema_rs = pytest.importorskip("jsonschema_rs")

CHAT = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}


@pytest.fixture(scope="module")
def schema(address: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{address}/openapi.json", timeout=120).json()
    return found


def held(schema: dict[str, Any], answer: httpx.Response) -> dict[str, Any]:
    """The answer's body, which is as the schema says."""
    method, path = answer.request.method.lower(), answer.request.url.path
    template = next(
        each
        for each in sorted(schema["paths"], key=lambda each: each.count("{"))
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", each), path)
        and method in schema["paths"][each]
    )
    responses = schema["paths"][template][method]["responses"]
    said = responses.get(str(answer.status_code), responses["default"])
    assert answer.status_code < 400 or said is responses["default"]
    shape = said["content"]["application/json"]["schema"]
    body: dict[str, Any] = answer.json()
    whole = {**shape, "components": schema["components"]}
    jsonschema_rs.validate(whole, body)
    return body


def test_answers(http: httpx.Client, schema: dict[str, Any]) -> None:
    def ask(method: str, path: str, **more: Any) -> dict[str, Any]:
        return held(schema, http.request(method, path, **more))

    model = ask("GET", "/v1/models")["data"][0]["id"]
    ask("GET", f"/v1/models/{model}")
    kept = ask("POST", "/v1/chat/completions", json=CHAT | {"store": True, "logprobs": True})
    ask("GET", "/v1/chat/completions")
    ask("GET", f"/v1/chat/completions/{kept['id']}")
    ask("GET", f"/v1/chat/completions/{kept['id']}/messages")
    ask("DELETE", f"/v1/chat/completions/{kept['id']}")
    ask("POST", "/v1/completions", json={"model": "fake:1b", "prompt": "a", "logprobs": 2})
    ask("POST", "/v1/moderations", json={"input": ["a", "I want to kill them."]})
    response = ask("POST", "/v1/responses", json={"model": "fake:1b", "input": "Hi"})["id"]
    ask("GET", f"/v1/responses/{response}")
    ask("GET", f"/v1/responses/{response}/input_items")
    ask("DELETE", f"/v1/responses/{response}")
    ask("POST", "/v1/responses/input_tokens", json={"model": "fake:1b", "input": "Hi"})
    said = {"type": "message", "role": "user", "content": "Hi"}
    talk = ask("POST", "/v1/conversations", json={"items": [said]})["id"]
    ask("GET", f"/v1/conversations/{talk}/items")
    ask("DELETE", f"/v1/conversations/{talk}")
    form = {"data": {"purpose": "batch"}, "files": {"file": json.dumps(LINE).encode()}}
    file = ask("POST", "/v1/files", **form)["id"]
    ask("GET", "/v1/files")
    ask("GET", f"/v1/files/{file}")
    new = {"input_file_id": file, "endpoint": LINE["url"], "completion_window": "24h"}
    batch = ask("POST", "/v1/batches", json=new)["id"]
    ask("GET", "/v1/batches")
    ask("GET", f"/v1/batches/{batch}")
    ask("DELETE", f"/v1/files/{file}")
    begin = {"filename": "a", "purpose": "evals", "bytes": 1, "mime_type": "text/plain"}
    upload = ask("POST", "/v1/uploads", json=begin)["id"]
    part = ask("POST", f"/v1/uploads/{upload}/parts", files={"data": b"a"})["id"]
    ask("POST", f"/v1/uploads/{upload}/complete", json={"part_ids": [part]})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/files/nope"), ("POST", "/v1/batches"), ("POST", "/v1/chat/completions"),
     ("GET", "/v1/responses/nope"), ("POST", "/v1/moderations")],
)  # fmt: skip
def test_errors(http: httpx.Client, schema: dict[str, Any], method: str, path: str) -> None:
    assert held(schema, http.request(method, path))["error"]["message"]

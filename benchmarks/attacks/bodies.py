"""Requests that are small to send and large to work on, or large to hold."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from typing import Any

import httpx

from attacks.target import CHAT, MODEL, Target, check, left_alone

HI = {"role": "user", "content": "Hi"}
FEW = {"model": MODEL, "messages": [HI], "max_tokens": 4}


async def prompts(target: Target) -> None:
    text = "word " * target.count(2_000_000)
    for path, body in (
        (CHAT, {"messages": [{"role": "user", "content": text}]}),
        ("/v1/completions", {"prompt": text}),
        ("/v1/responses", {"input": text}),
        ("/v1/embeddings", {"input": text}),
    ):
        await left_alone(target, path, {"model": MODEL, **body}, 4)


async def small_values(target: Target) -> None:
    """Two bytes of a body for an object in memory."""
    many = {"model": MODEL, "messages": [1] * target.count(7_000_000)}
    await left_alone(target, CHAT, many, 2)
    lists = {"model": MODEL, "prompt": [[]] * target.count(4_000_000)}
    await left_alone(target, "/v1/completions", lists, 2)


async def templates(target: Target) -> None:
    grader = {
        "type": "string_check", "name": "a", "operation": "eq", "reference": "a",
        "input": "{{item.q}}" * 20_000,
    }  # fmt: skip
    body = {"grader": grader, "model_sample": "a", "item": {"q": "x" * 5000}}
    await left_alone(target, "/v1/fine_tuning/alpha/graders/run", body, 4)


def nested(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        made = {"type": "object", "properties": {"a": made}, "required": ["a"]}
    return made


def schemas(target: Target) -> list[dict[str, Any]]:
    """Schemas and patterns whose automaton, or whose text, has no bounds."""
    wide = {f"p{n}": {"type": "string"} for n in range(target.count(5000))}
    doubled: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(1, 30):
        below = {"$ref": f"#/$defs/d{n - 1}"}
        doubled[f"d{n}"] = {"type": "object", "properties": {"a": below, "b": below}}
    return [
        {"type": "string", "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "(x{1,1000}){1,1000}"},
        {"type": "string", "pattern": "^" + "(a|b)?" * 5000 + "$"},
        {"type": "string", "enum": [f"{n:08}" * 4 for n in range(target.count(20_000))]},
        {"type": "object", "properties": wide, "required": [*wide]},
        {"type": "object", "properties": wide},
        {"$defs": doubled, "$ref": "#/$defs/d29"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "array", "items": nested(10), "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"anyOf": [{"type": "string", "pattern": f"a{n}*"} for n in range(target.count(2000))]},
        nested(25),
    ]


async def formats(target: Target) -> None:
    """Each as an answer's form, and as a tool's parameters."""
    async with target.client() as client:
        for schema in schemas(target):
            form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
            tool = {"type": "function", "function": {"name": "a", "parameters": schema}}
            for more in ({"response_format": form}, {"tools": [tool], "tool_choice": "required"}):
                await post(client, target, CHAT, FEW | more)


async def post(client: httpx.AsyncClient, target: Target, path: str, body: object) -> None:
    """Whoever asks leaves when the time is over."""
    with suppress(httpx.TimeoutException):
        check(await client.post(path, json=body, timeout=target.seconds))


async def many(target: Target) -> None:
    """Too many of everything that a request may have."""
    one_letter = {"role": "user", "content": "a"}
    deep: Any = "a"
    for _ in range(60):
        deep = [deep]
    bodies: list[dict[str, Any]] = [
        {"logit_bias": {str(n): 1 for n in range(target.count(100_000))}},
        {"stop": [f"s{n}" for n in range(target.count(10_000))]},
        {"messages": [one_letter] * target.count(100_000)},
        {"n": 128, "max_tokens": 1000, "logprobs": True, "top_logprobs": 20},
        {"metadata": {"k" * 10**6: "v"}, "store": True},
        {"metadata": {str(n): "v" for n in range(target.count(9000))}},
        {"messages": [HI | {"name": "x" * 10**6}]},
        {"messages": [HI | {"content": deep}]},
        {"messages": [HI | {"content": [{"type": "text", "text": "a"}] * target.count(100_000)}]},
        {"tools": [{"type": "function", "function": {"name": f"f{n}"}}
                   for n in range(target.count(20_000))]},
        {"user": "x" * 10**7},
        {"x" * 10**6: 1},
        {"seed": 10**4000},
        {"messages": [HI | {"content": "<" * 100_000 + "|im_start|>" * 10_000}]},
    ]  # fmt: skip
    async with target.client() as client:
        for body in bodies:
            await post(client, target, CHAT, FEW | body)
        deepest = b'{"a":' * 10**6
        check(
            await client.post(CHAT, content=deepest, headers={"content-type": "application/json"})
        )
        inputs = {"model": "minilm:l6", "input": ["a"] * target.count(100_000)}
        await post(client, target, "/v1/embeddings", inputs)


async def forms(target: Target) -> None:
    """Forms of a hundred thousand parts, and names of a megabyte."""
    kind = {"content-type": "multipart/form-data; boundary=b"}
    part = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n'
    head = b'--b\r\ncontent-disposition: form-data; name="%s"; filename="%s"\r\n%s\r\nx\r\n'
    bodies = [
        part * target.count(100_000) + b"--b--\r\n",
        head % (b"file", b"n" * 2**20, b"") + b"--b--\r\n",
        head % (b"file", b"../" * 1000 + b"a.txt", b"") + b"--b--\r\n",
        head % (b"f" * 2**20, b"a.txt", b"") + b"--b--\r\n",
        head % (b"file", b"a.txt", b"x: y\r\n" * target.count(100_000)) + b"--b--\r\n",
        b"--b\r\n" * target.count(500_000),
        b"\r\n" * target.count(5_000_000),
    ]
    async with target.client() as client:
        for path in ("/v1/files", "/v1/audio/transcriptions", "/v1/images/edits"):
            for body in bodies:
                with suppress(httpx.TransportError):
                    check(await client.post(path, content=body, headers=kind))
        for name in ("n" * 2**20, "\0", "a" * 300 + ".md"):
            made = await client.post(
                "/v1/files", files={"file": (name, b"x")}, data={"purpose": "user_data"}
            )
            found = check(made).get("id")
            if found is not None:
                await client.delete(f"/v1/files/{found}")


async def prefills(target: Target) -> None:
    """Long prompts whose clients leave while they are read."""
    rng = random.Random(0)
    for _ in range(8):
        text = " ".join(rng.choices(["one", "two", "three"], k=6000))
        await left_alone(target, "/v1/completions", {"model": MODEL, "prompt": text}, 1)


async def replays(target: Target) -> None:
    """An answer in the background whose stream is asked for again and again, from everywhere."""
    body = {"model": MODEL, "input": "Count to a thousand.", "background": True, "stream": True}
    async with target.client() as client:
        async with client.stream("POST", "/v1/responses", json=body | {"store": True}) as made:
            first = [line async for line in made.aiter_lines() if line.startswith("data:")][:1]
        url = f"/v1/responses/{json.loads(first[0][5:])['response']['id']}"

        async def again(after: str, last: str) -> None:
            given = {"stream": "true", "starting_after": after}
            with suppress(httpx.TransportError):
                answer = await client.get(url, params=given, headers={"last-event-id": last})
                check(answer) if answer.is_error else None

        places = ["0", "-1", "2147483647", "9" * 1000, "x", ""]
        await asyncio.gather(*(again(each, "9" * 10_000) for each in places * target.count(20)))
        check(await client.post(f"{url}/cancel"))


async def moderation(target: Target) -> None:
    await left_alone(target, "/v1/moderations", {"input": "You are kind. " * 70_000}, 4)
    await left_alone(target, "/v1/moderations", {"input": "0049 30 1234567, " * 7000}, 4)


async def long_chain(target: Target) -> None:
    """A hundred turns of one conversation, half a kilobyte each."""
    end = time.monotonic() + 2 * target.seconds
    async with target.client() as client:
        made = check(await client.post("/v1/conversations", json={}))
        for n in range(100):
            body = {
                "model": MODEL, "conversation": made["id"], "truncation": "auto",
                "input": f"{n} " * 170, "max_output_tokens": 1,
            }  # fmt: skip
            check(await client.post("/v1/responses", json=body))
            if time.monotonic() > end:
                break


ATTACKS = {
    "prompts": (3, prompts),
    "small-values": (3, small_values),
    "templates": (3, templates),
    "formats": (3, formats),
    "many": (3, many),
    "forms": (3, forms),
    "prefills": (5, prefills),
    "replays": (5, replays),
    "long-chain": (6, long_chain),
    "moderation": (7, moderation),
}

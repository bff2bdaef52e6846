"""The properties that Open Responses' 17 compliance checks ask of a server, written anew.

`run(base_url, model)` asks every one of them, as the public suite does, and gives what is wrong,
check by check.  `python tests/server/open_responses.py URL MODEL` prints them.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
from websockets.sync.client import connect

Object = dict[str, Any]
Found = list[str]
"""What is wrong; empty where a check passes."""
NUMBER: Final = (int, float)
NONE: Final = type(None)
MEMBERS: Final[dict[str, Any]] = {
    "id": str, "object": str, "created_at": int, "completed_at": (int, NONE), "status": str,
    "incomplete_details": (dict, NONE), "model": str, "previous_response_id": (str, NONE),
    "instructions": (str, NONE), "output": list, "error": (dict, NONE), "tools": list,
    "tool_choice": (str, dict), "truncation": str, "parallel_tool_calls": bool, "text": dict,
    "top_p": NUMBER, "presence_penalty": NUMBER, "frequency_penalty": NUMBER,
    "top_logprobs": int, "temperature": NUMBER, "reasoning": (dict, NONE),
    "usage": (dict, NONE), "max_output_tokens": (int, NONE), "max_tool_calls": (int, NONE),
    "store": bool, "background": bool, "service_tier": str, "metadata": dict,
    "safety_identifier": (str, NONE), "prompt_cache_key": (str, NONE),
}  # fmt: skip
EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "response.created": ("response",),
    "response.in_progress": ("response",),
    "response.completed": ("response",),
    "response.failed": ("response",),
    "response.incomplete": ("response",),
    "response.output_item.added": ("output_index", "item"),
    "response.output_item.done": ("output_index", "item"),
    "response.content_part.added": ("item_id", "output_index", "content_index", "part"),
    "response.content_part.done": ("item_id", "output_index", "content_index", "part"),
    "response.output_text.delta": ("item_id", "output_index", "content_index", "delta"),
    "response.output_text.done": ("item_id", "output_index", "content_index", "text"),
    "response.function_call_arguments.delta": ("item_id", "output_index", "delta"),
    "response.function_call_arguments.done": ("item_id", "output_index", "arguments"),
}
ITEMS: Final[dict[str, set[str]]] = {
    "message": {"id", "status", "role", "content"},
    "function_call": {"id", "status", "call_id", "name", "arguments"},
    "compaction": {"id", "encrypted_content"},
}
USAGE: Final = {
    "input_tokens", "output_tokens", "total_tokens", "input_tokens_details",
    "output_tokens_details",
}  # fmt: skip
ENDS: Final = ("response.completed", "response.failed", "response.incomplete")
WEATHER: Final[Object] = {
    "type": "function", "name": "get_weather", "description": "The weather of a place",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}},
                   "required": ["location"]},
}  # fmt: skip


def pixel() -> str:
    """A picture of one pixel, as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    body = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def said(role: str, content: object, **more: object) -> Object:
    return {"type": "message", "role": role, "content": content, **more}


def faults_of(response: Any) -> Found:
    """A response object: every member that is required, of its type."""
    if not isinstance(response, dict):
        return [f"no response object: {response!r:.100}"]
    found = [
        f"{name} is {response.get(name, 'absent')!r}"
        for name, kind in MEMBERS.items()
        if name not in response
        or not isinstance(response[name], kind)
        or (kind is not bool and isinstance(response[name], bool))
    ]
    for item in response.get("output", ()):
        found += item_faults(item)
    usage = response.get("usage")
    if usage is not None and not set(usage) >= USAGE:
        found.append(f"usage is {usage}")
    return found


def item_faults(item: Object) -> Found:
    needs = ITEMS.get(item.get("type", ""), {"id"})
    texts = [part for part in item.get("content") or () if part.get("type") == "output_text"]
    bare = [part for part in texts if not isinstance(part.get("annotations"), list)]
    found = [f"an item has no {name}" for name in needs - set(item)]
    return found + ["a text has no annotations"] * len(bare)


def event_faults(events: list[Object]) -> Found:
    found = [] if events else ["no events"]
    for event in events:
        kind = event.get("type", "")
        if kind not in EVENTS:
            found.append(f"an event of type {kind!r}")
            continue
        needs = ("sequence_number", *EVENTS[kind])
        found += [f"{kind} has no {name}" for name in needs if name not in event]
        if "response" in EVENTS[kind]:
            found += faults_of(event["response"])
    return found


class Suite:
    """base_url: with its `/v1`."""

    def __init__(self, base_url: str, model: str, http: httpx.Client) -> None:
        self.base = base_url.rstrip("/")
        self.model = model
        self.http = http

    def checks(self) -> dict[str, Callable[[], Found]]:
        names = [name for name in vars(type(self)) if name.startswith("check_")]
        return {n.removeprefix("check_").replace("_", "-"): getattr(self, n) for n in names}

    # -- asking ---------------------------------------------------------------------------

    def posted(self, path: str = "/responses", **body: object) -> httpx.Response:
        return self.http.post(self.base + path, json={"model": self.model, **body})

    def answered(self, **body: object) -> tuple[Object, Found]:
        """One that is to be completed, with output."""
        answer = self.posted(**body)
        if answer.status_code != 200:
            return {}, [f"HTTP {answer.status_code}: {answer.text[:200]}"]
        return answer.json(), self.ended(answer.json())

    def ended(self, response: Any) -> Found:
        found = faults_of(response)
        if not found and response["status"] != "completed":
            found.append(f"status is {response['status']!r}")
        if not found and not response["output"]:
            found.append("no output")
        return found

    def talk(self, *steps: Object | Callable[[list[Object]], Object]) -> list[list[Object]]:
        """Over one WebSocket; each step may look at the last events of those before it."""
        turns: list[list[Object]] = []
        with connect(self.base.replace("http", "ws") + "/responses", max_size=None) as socket:
            for step in steps:
                body = step([turn[-1] for turn in turns]) if callable(step) else step
                socket.send(json.dumps({"type": "response.create", "model": self.model, **body}))
                events: list[Object] = []
                while not events or events[-1]["type"] not in (*ENDS, "error"):
                    events.append(json.loads(socket.recv(timeout=600)))
                turns.append(events)
        return turns

    def completed(self, *turns: list[Object]) -> Found:
        found: Found = []
        for events in turns:
            found += event_faults(events) + self.ended(events[-1].get("response"))
        return found

    # -- the checks -----------------------------------------------------------------------

    def check_basic_response(self) -> Found:
        return self.answered(input=[said("user", "Say hello in exactly 3 words.")])[1]

    def check_assistant_phase(self) -> Found:
        return self.answered(
            input=[
                said("assistant", "I look the number up.", phase="commentary"),
                said("assistant", "The number is four.", phase="final_answer"),
                said("user", "Say the number again."),
            ]
        )[1]

    def check_response_output_phase_schema(self) -> Found:
        """The public suite looks at an example of its own here; a message's phase is optional."""
        example = said("assistant", [{"type": "output_text", "text": "4", "annotations": []}],
                       phase="commentary", id="msg_1", status="completed")  # fmt: skip
        return item_faults(example)

    def check_streaming_response(self) -> Found:
        body = {"model": self.model, "stream": True, "input": [said("user", "Count from 1 to 5.")]}
        with self.http.stream("POST", self.base + "/responses", json=body) as answer:
            lines = [line for line in answer.iter_lines() if line.startswith("data: {")]
        events = [json.loads(line.removeprefix("data: ")) for line in lines]
        return self.completed(events)

    def check_websocket_response(self) -> Found:
        return self.completed(*self.talk({"input": [said("user", "Count from 1 to 3.")]}))

    def check_websocket_sequential_responses(self) -> Found:
        steps = ({"store": False, "input": f"Say only: {word}"} for word in ("first", "second"))
        return self.completed(*self.talk(*steps))

    def check_websocket_continuation(self) -> Found:
        return self.completed(
            *self.talk(
                {"store": False, "input": "The code word is cobalt. Say OK."},
                going_on("What is the code word?"),
            )
        )

    def check_websocket_reconnect_store_false_recovery(self) -> Found:
        (first,) = self.talk({"store": False, "input": "The code word is copper. Say OK."})
        gone = going_on("Go on.")([first[-1]])
        missed, begun = self.talk(gone, {"store": False, "input": "Then begin anew."})
        return self.completed(first, begun) + not_found(missed)

    def check_websocket_previous_response_not_found(self) -> Found:
        missing = {"store": False, "previous_response_id": "resp_missing", "input": "Go on."}
        return not_found(*self.talk(missing))

    def check_websocket_failed_continuation_evicts_cache(self) -> Found:
        output = {"type": "function_call_output", "call_id": "call_missing", "output": "1"}
        first, failed, again = self.talk(
            {"store": False, "input": "The code word is ember. Say OK."},
            going_on([output]),
            going_on("Go on."),
        )
        found = self.completed(first) + not_found(again)
        return found if failed[-1]["type"] in ("error", ENDS[1]) else [*found, "it did not fail"]

    def check_websocket_compact_new_chain(self) -> Found:
        history = [
            said("user", [{"type": "input_text", "text": "The code word is slate."}]),
            said("assistant", [{"type": "output_text", "text": "OK."}]),
            said("user", [{"type": "input_text", "text": "Make this short."}]),
        ]
        made = self.posted("/responses/compact", input=history)
        if made.status_code != 200:
            return [f"HTTP {made.status_code}: {made.text[:200]}"]
        items = [*made.json()["output"], said("user", "Go on from here.")]
        return self.completed(*self.talk({"store": False, "input": items, "tools": []}))

    def check_system_prompt(self) -> Found:
        return self.answered(
            input=[said("system", "You are a pirate."), said("user", "Say hello.")]
        )[1]

    def check_tool_calling(self) -> Found:
        asked = [said("user", "What's the weather like in San Francisco?")]
        answer = self.posted(input=asked, tools=[WEATHER])
        found = faults_of(answer.json())
        kinds = [item["type"] for item in answer.json().get("output", ())]
        return found if "function_call" in kinds else [*found, f"the output is {kinds}"]

    def check_image_input(self) -> Found:
        parts = [{"type": "input_text", "text": "What do you see?"},
                 {"type": "input_image", "image_url": pixel()}]  # fmt: skip
        return self.answered(input=[said("user", parts)])[1]

    def check_multi_turn(self) -> Found:
        return self.answered(
            input=[
                said("user", "My name is Alice."),
                said("assistant", "Hello Alice! How can I help you?"),
                said("user", "What is my name?"),
            ]
        )[1]

    def check_compact_response(self) -> Found:
        history = [said("user", "We launch on Tuesday."), said("assistant", "Tuesday it is.")]
        answer = self.posted("/responses/compact", input=history, prompt_cache_key="a key")
        if answer.status_code != 200:
            return [f"HTTP {answer.status_code}: {answer.text[:200]}"]
        made = answer.json()
        found = [fault for item in made["output"] for fault in item_faults(item)]
        found += [n for n in ("id", "object", "created_at", "output", "usage") if n not in made]
        if made["object"] != "response.compaction":
            found.append(f"object is {made['object']!r}")
        kinds = [item["type"] for item in made["output"]]
        return found if "compaction" in kinds else [*found, f"the output is {kinds}"]

    def check_compact_missing_model(self) -> Found:
        body = {"input": [said("user", "Make this short.")]}
        status = self.http.post(self.base + "/responses/compact", json=body).status_code
        return [] if status in (400, 422) else [f"HTTP {status}"]


def going_on(given: object) -> Callable[[list[Object]], Object]:
    """From the first response of the connection."""

    def step(ends: list[Object]) -> Object:
        first = ends[0]["response"]["id"]
        return {"store": False, "previous_response_id": first, "input": given}

    return step


def not_found(events: list[Object]) -> Found:
    last = events[-1]
    error = last.get("error") or last.get("response", {}).get("error") or {}
    code = error.get("code")
    return [] if code == "previous_response_not_found" else [f"the error is {code!r}"]


def run(base_url: str, model: str) -> Iterator[tuple[str, Found]]:
    with httpx.Client(timeout=600) as http:
        for name, check in Suite(base_url, model, http).checks().items():
            try:
                yield name, check()
            except Exception as error:
                yield name, [f"{type(error).__name__}: {error}"]


if __name__ == "__main__":
    passed = 0
    for name, found in run(*sys.argv[1:3]):
        passed += not found
        print(f"{name:45} {'passes' if not found else '; '.join(found)[:300]}", flush=True)
    print(f"{passed} of 17")

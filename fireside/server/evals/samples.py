"""Samples of a run: what is asked of a model, and its answer as an output item shows it.

Refuses to ask: `running.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fireside.graders.templates import LONGEST, fill, find
from fireside.server.grading import GraderFailed, Usage
from fireside.server.inside import Answer


def messages_of(input_messages: Mapping[str, Any], item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Raises UnknownVariable, BadRequest: the item lacks what the template names, or it is long."""
    values = {"item": item}
    if input_messages["type"] == "item_reference":
        found = find(input_messages["item_reference"], values)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise GraderFailed(
                "invalid_item", f"{input_messages['item_reference']} is no list of messages."
            )
        return found
    messages: list[dict[str, Any]] = []
    room = LONGEST
    for message in input_messages["template"]:
        parts = message["content"] if isinstance(message["content"], list) else [message["content"]]
        text = "".join(part if isinstance(part, str) else part["text"] for part in parts)
        messages.append({"role": message["role"], "content": fill(text, values, room)})
        room -= len(messages[-1]["content"])
    return messages


def sampled(
    answer: Answer, messages: list[dict[str, Any]], body: Mapping[str, Any], usage: Usage
) -> dict[str, Any]:
    """An answer of this server as an output item's sample."""
    shown: list[dict[str, Any]] = []
    finish, model, error = "stop", body["model"], None
    if answer.status != 200:
        said = answer.body.get("error") or {}
        error = {"code": str(said.get("code") or answer.status), "message": said.get("message", "")}
        finish = "error"
    elif "choices" in answer.body:
        choice = answer.body["choices"][0]
        shown = [{"role": "assistant", "content": choice["message"]["content"]}]
        finish, model = choice["finish_reason"], answer.body["model"]
    else:
        texts = [
            part.get("text", "")
            for item in answer.body.get("output", [])
            for part in item.get("content") or []
        ]
        shown = [{"role": "assistant", "content": "".join(texts)}]
        finish = "stop" if answer.body.get("status") == "completed" else "length"
        model = answer.body["model"]
    limit = body.get("max_completion_tokens", body.get("max_output_tokens", 0))
    return {
        "input": messages, "output": shown, "finish_reason": finish, "model": model,
        "usage": {
            "prompt_tokens": usage.prompt, "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion, "cached_tokens": usage.cached,
        },
        "error": error,
        "temperature": body.get("temperature", 1.0), "top_p": body.get("top_p", 1.0),
        "max_completion_tokens": limit, "seed": body.get("seed", 0),
    }  # fmt: skip


def given_sample(said: Mapping[str, Any]) -> dict[str, Any]:
    """A row's own sample, in the form of one that was made here."""
    text = said.get("output_text")
    answer = Answer(status=200, body={"model": str(said.get("model", ""))}, request_id="")
    found = sampled(answer, [], {"model": ""}, Usage())
    found["output"] = [] if text is None else [{"role": "assistant", "content": str(text)}]
    found["finish_reason"] = "stop"
    return found


def failed_sample(code: str, message: str) -> dict[str, Any]:
    body = {"error": {"code": code, "message": message}}
    return sampled(Answer(status=400, body=body, request_id=""), [], {"model": ""}, Usage())


def request_of(
    source: Mapping[str, Any], messages: list[dict[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """The path and the body that ask for an item's sample."""
    body = {"model": source["model"], **(source.get("sampling_params") or {})}
    if source["type"] == "completions":
        return "/v1/chat/completions", body | {"messages": messages}
    if "max_completion_tokens" in body:
        body["max_output_tokens"] = body.pop("max_completion_tokens")
    return "/v1/responses", body | {"input": messages, "store": False}

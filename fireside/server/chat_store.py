"""Stored chat completions: `store: true` keeps an answer with its messages, for its owner alone.

GET lists them (by model and metadata), GET, POST (its metadata) and DELETE one, and GET its
messages.  Kept until they are deleted.  This file refuses to keep what was not finished.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request

from fireside.errors import BadRequest
from fireside.server import body
from fireside.server.body import Wire
from fireside.server.caller import caller_of
from fireside.server.chat_head import Head
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.listing import Page, shown_list
from fireside.server.openapi import METADATA_QUERY, Listed, documented
from fireside.server.wire import Metadata
from fireside.storage.objects import New, Stored

if TYPE_CHECKING:
    from fireside.storage import Store

KIND, MESSAGE = "chat_completion", "chat_completion_message"
KEPT_PARAMETERS = (
    "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "tools",
    "tool_choice", "response_format",
)  # fmt: skip


@dataclass(frozen=True)
class Keeper:
    """Keeps one answer."""

    store: Store
    call: ChatCompletionRequest
    owner: str

    async def keep(self, made: dict[str, Any]) -> None:
        await asyncio.to_thread(self._write, made)

    def _write(self, made: dict[str, Any]) -> None:
        sent = self.call.model_dump(mode="json", by_alias=True, exclude_unset=True)
        asked = {name: sent.get(name) for name in KEPT_PARAMETERS}
        rows = [
            New(id=f"{made['id']}-{i}", body={"content": None, **message})
            for i, message in enumerate(sent["messages"])
        ]
        # The messages first: what is listed is whole.
        self.store.objects.add_all(MESSAGE, rows, owner=self.owner, parent_id=made["id"])
        row = New(id=made["id"], body={**made, **asked, "input_user": self.call.user})
        self.store.objects.add_all(KIND, [row], owner=self.owner)

    async def watching(
        self, chunks: AsyncIterator[dict[str, Any]], head: Head
    ) -> AsyncIterator[dict[str, Any]]:
        """The chunks of a stream; the answer that they make is kept before the last one ends."""
        choices: dict[int, dict[str, Any]] = {}
        usage: dict[str, Any] | None = None
        async for chunk in chunks:
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                joined = choices.setdefault(choice["index"], _empty(choice["index"]))
                _join(joined, choice)
            yield chunk
        made = head.object("chat.completion", [choices[i] for i in sorted(choices)])
        await self.keep(made | ({"usage": usage} if usage else {}))


def keeper_for(store: Store, call: ChatCompletionRequest, owner: str) -> Keeper | None:
    return Keeper(store, call, owner) if call.store else None


def _empty(index: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None, "annotations": list[Any]()}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": None}


def _join(joined: dict[str, Any], choice: Mapping[str, Any]) -> None:
    """Add one chunk's choice to what came before."""
    message, delta = joined["message"], choice["delta"]
    if delta.get("content") is not None:
        message["content"] = (message["content"] or "") + delta["content"]
    for part in delta.get("tool_calls", ()):
        calls = message.setdefault("tool_calls", [])
        if part["index"] == len(calls):
            calls.append({name: part[name] for name in ("id", "type")} | {"function": {}})
        _join_function(calls[part["index"]]["function"], part["function"])
    if "function_call" in delta:
        _join_function(message.setdefault("function_call", {}), delta["function_call"])
    if choice["logprobs"]:
        if joined["logprobs"] is None:
            joined["logprobs"] = {"content": [], "refusal": None}
        joined["logprobs"]["content"] += choice["logprobs"]["content"]
    joined["finish_reason"] = choice["finish_reason"] or joined["finish_reason"]


def _join_function(joined: dict[str, Any], part: Mapping[str, str]) -> None:
    joined.setdefault("name", part.get("name", ""))
    joined["arguments"] = joined.get("arguments", "") + part.get("arguments", "")


@dataclass(frozen=True, slots=True)
class Ascending(Page):
    """OpenAI lists stored completions and their messages from the oldest on."""

    order: Annotated[Literal["asc", "desc"], Query()] = "asc"


SENT: Final = {
    "type": "object",
    "required": ["id", "role"],
    "properties": {
        "id": {"type": "string"},
        "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": {"anyOf": [{"type": ["string", "null"]}, {"type": "array"}]},
    },
}
"""A message of a request; OpenAI's type for it knows the assistant's only."""


class Update(Wire):
    metadata: Metadata


def routes(store: Store) -> APIRouter:
    router = APIRouter(tags=["chat"])
    objects = store.objects

    @router.get("/v1/chat/completions")
    @documented(
        response=Listed("chat:ChatCompletion"),
        query=METADATA_QUERY,
    )
    async def list_chat_completions(
        request: Request, page: Annotated[Ascending, Depends()], model: str | None = None
    ) -> dict[str, Any]:
        wanted = _metadata_of(request)
        if model is not None:
            wanted[("model",)] = model
        listed = await asyncio.to_thread(
            objects.listed, KIND, owner=caller_of(request).owner, matching=wanted, **page.between
        )
        return shown_list(listed, shown)

    @router.get("/v1/chat/completions/{completion_id}")
    @documented(response="chat:ChatCompletion")
    async def retrieve_chat_completion(request: Request, completion_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(objects.get, KIND, completion_id, owner=owner))

    @router.post("/v1/chat/completions/{completion_id}")
    @documented(request=Update, response="chat:ChatCompletion")
    async def update_chat_completion(request: Request, completion_id: str) -> dict[str, Any]:
        update = await body.read(request, Update)

        def change(row: Stored) -> Stored:
            return replace(row, body={**row.body, "metadata": update.metadata})

        owner = caller_of(request).owner
        return shown(
            await asyncio.to_thread(objects.change, KIND, completion_id, change, owner=owner)
        )

    @router.delete("/v1/chat/completions/{completion_id}")
    @documented(response="chat:ChatCompletionDeleted")
    async def delete_chat_completion(request: Request, completion_id: str) -> dict[str, Any]:
        owner = caller_of(request).owner
        await asyncio.to_thread(objects.remove, KIND, completion_id, owner=owner)
        return {"object": "chat.completion.deleted", "id": completion_id, "deleted": True}

    @router.get("/v1/chat/completions/{completion_id}/messages")
    @documented(response=Listed(SENT))
    async def list_chat_completion_messages(
        request: Request, completion_id: str, page: Annotated[Ascending, Depends()]
    ) -> dict[str, Any]:
        owner = caller_of(request).owner

        def read() -> dict[str, Any]:
            objects.get(KIND, completion_id, owner=owner)
            listed = objects.listed(MESSAGE, owner=owner, parent_id=completion_id, **page.between)
            return shown_list(listed, lambda row: {"id": row.id, **row.body})

        return await asyncio.to_thread(read)

    return router


def shown(row: Stored) -> dict[str, Any]:
    return {"id": row.id, **row.body}


def _metadata_of(request: Request) -> dict[tuple[str, ...], Any]:
    """`?metadata[key]=value`, as OpenAI's SDKs write it."""
    wanted: dict[tuple[str, ...], Any] = {}
    for name, value in request.query_params.multi_items():
        found = re.fullmatch(r"metadata\[(.{1,64})\]", name, re.DOTALL)
        if found:
            wanted[("metadata", found[1])] = value
        elif name.startswith("metadata"):
            raise BadRequest("metadata is asked for as metadata[key]=value.", param="metadata")
    return wanted

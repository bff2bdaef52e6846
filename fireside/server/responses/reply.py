"""One answer as it grows: the response object, and the event of each step in OpenAI's order.

Every event carries the next sequence number, and whoever adds the events up has the object.  It
makes no answer and keeps none: `run.py` feeds it, and it refuses to know who listens.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import FiresideError
from fireside.server.errors import envelope
from fireside.server.responses.items import Item, stripped
from fireside.server.responses.wire import CreateResponse
from fireside.storage.ids import new_id
from fireside.tools.mcp.servers import own_name

if TYPE_CHECKING:
    from fireside.assistant.exchange import Source
    from fireside.assistant.pieces import Called
    from fireside.tools.running import ToolRun

Event = dict[str, Any]
FINAL: Final = frozenset({"completed", "failed", "cancelled", "incomplete"})
SPOKEN: Final = frozenset({"message", "function_call", "mcp_approval_request"})


def opening(call: CreateResponse, model: str, tools: list[Item], tool_choice: object) -> Item:
    """The object at its birth: every field that OpenAI's has."""
    return {
        "id": new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": call.background,
        "completed_at": None,
        "conversation": {"id": call.conversation_id} if call.conversation_id else None,
        "error": None,
        "incomplete_details": None,
        "instructions": call.instructions,
        "max_output_tokens": call.max_output_tokens,
        "max_tool_calls": call.max_tool_calls,
        "metadata": call.metadata,
        "model": model,
        "output": [],
        "presence_penalty": call.presence_penalty,
        "frequency_penalty": call.frequency_penalty,
        "parallel_tool_calls": call.parallel_tool_calls is not False,
        "previous_response_id": call.previous_response_id,
        "prompt_cache_key": call.prompt_cache_key,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": call.safety_identifier,
        "service_tier": "default",
        "store": call.store,
        "temperature": call.temperature,
        "text": call.text.shown,
        "tool_choice": tool_choice,
        "tools": tools,
        "top_logprobs": call.top_logprobs,
        "top_p": call.top_p,
        "truncation": call.truncation,
        "usage": None,
        "user": call.user,
    }


class Reply:
    """response: the object so far.  `output` grows as items are opened.

    results: whether a file search's results are shown.
    """

    def __init__(self, response: Item, *, results: bool = False) -> None:
        self.response = response
        self._results = results
        self._next = 0
        self._open: Item | None = None
        self._kept: dict[str, str] = {}  # messages' texts as they are stored, by their ids
        self._tools: dict[str, Item] = {}  # that run, by their calls' ids

    @property
    def spoke(self) -> bool:
        """Whether there is a message, a call or a question for consent."""
        return any(item["type"] in SPOKEN for item in self.output)

    @property
    def output(self) -> list[Item]:
        items: list[Item] = self.response["output"]
        return items

    @property
    def shown(self) -> Item:
        return shown_to(copy.deepcopy(self.response), logprobs=True, results=self._results)

    def event(self, kind: str, **more: object) -> Event:
        event = {"type": kind, "sequence_number": self._next, **more}
        self._next += 1
        return event

    def about(self, kind: str) -> Event:
        """`response.<kind>` with the whole object."""
        return self.event(f"response.{kind}", response=self.shown)

    def _of_item(self, kind: str, item: Item, **more: object) -> Event:
        place = self.output.index(item)
        return self.event(f"response.{kind}", item_id=item["id"], output_index=place, **more)

    # -- items ----------------------------------------------------------------------------

    def _added(self, item: Item) -> Event:
        self.output.append(item)
        place = len(self.output) - 1
        return self.event(
            "response.output_item.added", output_index=place, item=copy.deepcopy(item)
        )

    def _done(self, item: Item, status: str) -> Event:
        item["status"] = status
        place = self.output.index(item)
        told = stripped(copy.deepcopy(item), logprobs=True, results=self._results)
        return self.event("response.output_item.done", output_index=place, item=told)

    def searched(self, queries: list[str], results: list[Item]) -> Iterator[Event]:
        """A file search from its beginning to its end."""
        item: Item = {
            "id": new_id("fs"),
            "type": "file_search_call",
            "status": "in_progress",
            "queries": queries,
            "results": None,
        }
        yield self._added(item)
        for step in ("in_progress", "searching", "completed"):
            yield self._of_item(f"file_search_call.{step}", item)
        item["results"] = results
        yield self._done(item, "completed")

    def listed(self, item: Item) -> Iterator[Event]:
        """What an MCP server offers, or why it offers nothing."""
        tools, item["tools"] = item["tools"], []
        yield self._added(item)
        yield self._of_item("mcp_list_tools.in_progress", item)
        item["tools"] = tools
        kind = "failed" if item["error"] and not tools else "completed"
        yield self._of_item(f"mcp_list_tools.{kind}", item)
        place = self.output.index(item)
        yield self.event("response.output_item.done", output_index=place, item=copy.deepcopy(item))

    @property
    def kept(self) -> Item:
        """The object as it is stored: with the texts as they are kept."""
        output = [self._as_kept(item) for item in self.output]
        return self.response | {"output": output}

    def _as_kept(self, item: Item) -> Item:
        text = self._kept.get(item["id"])
        if text is None or item["content"][0]["text"] == text:
            return item
        return item | {"content": [item["content"][0] | {"text": text}]}

    def text(
        self, delta: str, logprobs: Sequence[Item], kept: str | None = None
    ) -> Iterator[Event]:
        """More of a message, which begins here if none is open.  kept: what is stored of it."""
        if self._open is None or self._open["type"] != "message":
            yield from self.close("completed")
            yield from self._open_message()
        item = self._open
        assert item is not None
        part = item["content"][0]
        self._kept[item["id"]] = self._kept.get(item["id"], "") + (delta if kept is None else kept)
        part["text"] += delta
        part["logprobs"].extend(logprobs)
        if not delta and kept:
            return
        yield self._of_item(
            "output_text.delta", item, content_index=0, delta=delta, logprobs=list(logprobs)
        )

    def _open_message(self) -> Iterator[Event]:
        item: Item = {
            "id": new_id("msg"),
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        yield self._added(item)
        part: Item = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        item["content"].append(part)
        self._open = item
        yield self._of_item("content_part.added", item, content_index=0, part=copy.deepcopy(part))

    def cited(self, source: Source, index: int) -> Event:
        """The open message's text cites a passage, from character `index` on."""
        item = self._open
        assert item is not None
        annotation: Item = {
            "type": "file_citation",
            "index": index,
            "file_id": source.file_id,
            "filename": source.filename,
        }
        annotations = item["content"][0]["annotations"]
        annotations.append(annotation)
        return self._of_item(
            "output_text.annotation.added",
            item,
            content_index=0,
            annotation_index=len(annotations) - 1,
            annotation=dict(annotation),
        )

    def called(self, call_id: str, name: str) -> Iterator[Event]:
        """A function call begins."""
        yield from self.close("completed")
        self._open = {
            "id": new_id("fc"),
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id,
            "name": name,
            "arguments": "",
        }
        yield self._added(self._open)

    def arguments(self, delta: str) -> Event:
        item = self._open
        assert item is not None
        item["arguments"] += delta
        return self._of_item("function_call_arguments.delta", item, delta=delta)

    def tool_started(self, call: Called, approval: str | None) -> Iterator[Event]:
        """A tool that runs here begins, with all its arguments."""
        yield from self.close("completed")
        item: Item = {
            "id": new_id("mcp"),
            "type": "mcp_call",
            "status": "in_progress",
            "approval_request_id": approval,
            "server_label": call.label,
            "name": own_name(call.label, call.name),
            "arguments": "",
            "output": None,
            "error": None,
        }
        self._tools[call.id] = item
        yield self._added(item)
        yield self._of_item("mcp_call.in_progress", item)
        item["arguments"] = call.arguments
        yield self._of_item("mcp_call_arguments.delta", item, delta=call.arguments)
        yield self._of_item("mcp_call_arguments.done", item, arguments=call.arguments)

    def tool_ended(self, run: ToolRun) -> Iterator[Event]:
        """What the person declined never began, and is no item."""
        item = self._tools.pop(run.id, None)
        if item is None:
            return
        failed = run.outcome.error is not None
        if failed:
            item["error"] = {"type": "mcp_tool_execution_error", "content": run.outcome.error}
        else:
            item["output"] = run.outcome.output
        kind = "failed" if failed else "completed"
        yield self._of_item(f"mcp_call.{kind}", item)
        yield self._done(item, kind)

    def asked(self, call: Called) -> Iterator[Event]:
        """A tool runs when the person agrees."""
        yield from self.close("completed")
        item: Item = {
            "id": new_id("mcpr"),
            "type": "mcp_approval_request",
            "server_label": call.label,
            "name": own_name(call.label, call.name),
            "arguments": call.arguments,
        }
        yield self._added(item)
        yield self.event(
            "response.output_item.done",
            output_index=len(self.output) - 1,
            item=copy.deepcopy(item),
        )

    def close(self, status: str) -> Iterator[Event]:
        """The end of the item that is open, if one is."""
        if status != "completed":
            for tool in self._tools.values():  # it was broken off
                yield self._done(tool, "incomplete")
            self._tools.clear()
        item, self._open = self._open, None
        if item is None:
            return
        if item["type"] == "function_call":
            yield self._of_item(
                "function_call_arguments.done",
                item,
                name=item["name"],
                arguments=item["arguments"],
            )
        else:
            part = item["content"][0]
            yield self._of_item(
                "output_text.done",
                item,
                content_index=0,
                text=part["text"],
                logprobs=copy.deepcopy(part["logprobs"]),
            )
            yield self._of_item(
                "content_part.done", item, content_index=0, part=copy.deepcopy(part)
            )
        yield self._done(item, status)

    # -- the end --------------------------------------------------------------------------

    def finish(self, status: str, usage: Item | None, reason: str | None = None) -> None:
        self.response["status"] = status
        self.response["usage"] = usage
        if status == "completed":
            self.response["completed_at"] = int(time.time())
        if reason is not None:
            self.response["incomplete_details"] = {"reason": reason}

    def fail(self, error: Exception, usage: Item | None) -> None:
        said = envelope(error)["error"]
        assert isinstance(said, dict)
        self.finish("failed", usage)
        self.response["error"] = {"code": _code(error), "message": said["message"]}

    def failure(self, error: Exception) -> Event:
        """The `error` event that comes before `response.failed`."""
        said = envelope(error)["error"]
        assert isinstance(said, dict)
        return self.event("error", code=_code(error), message=said["message"], param=said["param"])


def _code(error: Exception) -> str:
    """Of the few that OpenAI's type of a failed response allows."""
    if isinstance(error, FiresideError) and error.status == 429:
        return "rate_limit_exceeded"
    if isinstance(error, FiresideError) and error.status < 429:
        return "invalid_prompt"
    return "server_error"


def shown_to(response: Item, *, logprobs: bool, results: bool) -> Item:
    """The object without what `include` did not ask for."""
    output = [stripped(item, logprobs=logprobs, results=results) for item in response["output"]]
    return response | {"output": output}

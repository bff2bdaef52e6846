"""What an MCP client may use: the registry's tools, a search of its documents, and a model to ask.

The client's person confirms what acts: such tools say so in their annotations.  Those that always
ask (an SMS costs the server's owner) are offered to admins alone, and `never` to nobody.  Search
and `ask` are requests to our own API, made inside as the caller: keys, scopes, budgets and owners
hold as for anybody else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fireside.errors import BadRequest, ContextOverflow, FiresideError, NotFound
from fireside.knowledge.collection_rows import STORE, is_expired
from fireside.server.caller import Caller
from fireside.tools.calls import call
from fireside.tools.tool import Tool, ToolContext

if TYPE_CHECKING:
    from fireside.server.inside import Answer, Inside
    from fireside.storage import Store


MOST_STORES: Final = 16
STEADY: Final = {"temperature": 0.2, "top_p": 0.9}
"""What small models are recommended with; the API's own default, 1, is for those that send more."""
MOST_TOKENS: Final = 1000
"""Of a model's answer, unless more is asked for: clients wait a minute or so, and a small model
that repeats itself would go on to the end of its window."""
ASK: Final = "ask"
SEARCH: Final = "search_documents"
ELSEWHERE: Final = frozenset({SEARCH, "web_fetch"})
"""The registry's own need a persona, who names documents and hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """text: for the model.  data: the same for programs.  failed: text says why."""

    text: str
    data: Mapping[str, Any] | None = None
    failed: bool = False


M = TypeVar("M", bound=BaseModel)
Run = Callable[[Mapping[str, Any], Caller], Awaitable[Said]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """acts: it changes something.  open_world: it may reach beyond this machine."""

    name: str
    description: str
    schema: Mapping[str, Any]
    run: Run
    acts: bool = False
    open_world: bool = False


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    question: Annotated[str, Field(min_length=1, description="What to ask.")]
    model: Annotated[
        str, Field(description="A model's name, or persona:NAME; without it, the default model.")
    ] = ""
    instructions: Annotated[str, Field(description="What the model must know or heed.")] = ""
    max_tokens: Annotated[
        int | None,
        Field(ge=1, description=f"Of the answer, at most; without it {MOST_TOKENS} of a model's."),
    ] = None


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    query: Annotated[str, Field(min_length=1, description="What to look for.")]
    vector_store_ids: Annotated[
        list[str],
        Field(max_length=MOST_STORES, description="Where to look; without it, everywhere."),
    ] = Field([])
    limit: Annotated[int, Field(ge=1, le=50, description="How many passages at most.")] = 5


class Offers:
    """tools: the registry's, each with its consent; made when first asked for.
    default_model: who answers `ask`.
    """

    def __init__(
        self,
        inside: Inside,
        store: Store,
        default_model: str,
        tools: Callable[[], Iterable[Tool]] = tuple,
    ) -> None:
        self._inside = inside
        self._store = store
        self._default_model = default_model
        self.tools = tools

    def of(self, caller: Caller) -> dict[str, Offer]:
        """By name; what the caller's key may not reach is not there.  The first time it is slow."""
        found = {each.name: self._ours(each) for each in self.tools() if _is_for(caller, each)}
        if _may(caller, "inference"):
            found[ASK] = Offer(
                name=ASK,
                description="Ask a language model of this Fireside, or one of its personas.",
                schema=_schema(Asked),
                run=self._ask,
            )
        if _may(caller, "vector_stores"):
            found[SEARCH] = Offer(
                name=SEARCH,
                description="Search the documents of this Fireside; gives passages and files.",
                schema=_schema(Wanted),
                run=self._search,
            )
        return found

    async def run(self, name: str, arguments: Mapping[str, Any], caller: Caller) -> Said:
        """
        Raises:
            NotFound: nothing of that name is offered to this caller.
        """
        offer = (await asyncio.to_thread(self.of, caller)).get(name)
        if offer is None:
            raise NotFound(f"There is no tool {name[:64]!r}.")
        try:
            return await offer.run(arguments, caller)
        except FiresideError as error:
            return Said(text=error.message, failed=True)

    def _ours(self, tool: Tool) -> Offer:
        return Offer(
            name=tool.name,
            description=tool.description,
            schema=tool.parameters,
            run=partial(self._call, tool),
            acts=tool.acts,
            open_world=tool.acts,
        )

    async def _call(self, tool: Tool, arguments: Mapping[str, Any], caller: Caller) -> Said:
        here = datetime.now().astimezone()
        context = ToolContext(
            owner=caller.owner, store=self._store, now=here, timezone=here.tzinfo or UTC
        )
        called = await asyncio.to_thread(call, tool, json.dumps(dict(arguments)), context)
        outcome = called.outcome
        data = outcome.data if isinstance(outcome.data, dict) else None
        if outcome.error is not None:
            return Said(text=outcome.for_model, failed=True)
        return Said(text=outcome.text, data=data)

    async def _ask(self, arguments: Mapping[str, Any], caller: Caller) -> Said:
        asked = _read(Asked, arguments)
        body: dict[str, Any] = {
            "model": asked.model or self._default_model,
            "input": asked.question,
            "store": False,
        }
        if not asked.model.startswith("persona:"):  # those have their own sampling
            body |= STEADY | {"max_output_tokens": MOST_TOKENS}
        if asked.max_tokens is not None:
            body["max_output_tokens"] = asked.max_tokens
        if asked.instructions:
            body["instructions"] = asked.instructions
        answer = await self._inside.post("/v1/responses", body, caller)
        bounded = asked.max_tokens is None and "max_output_tokens" in body
        if bounded and answer.error_code == ContextOverflow.default_code:
            del body["max_output_tokens"]  # the window has less room than that
            answer = await self._inside.post("/v1/responses", body, caller)
        if (failure := _failure(answer)) is not None:
            return failure
        reason = (answer.body.get("incomplete_details") or {}).get("reason")
        cut = "\n[cut: max_tokens was reached]" if reason == "max_output_tokens" else ""
        return Said(text=_spoken(answer.body) + cut)

    async def _search(self, arguments: Mapping[str, Any], caller: Caller) -> Said:
        wanted = _read(Wanted, arguments)
        ids = wanted.vector_store_ids or await asyncio.to_thread(self._stores, caller.owner)
        if not ids:
            return Said(text="There are no documents yet.", data={"passages": []})
        body = {"query": wanted.query, "max_num_results": wanted.limit}
        found: list[dict[str, Any]] = []
        for store_id in dict.fromkeys(ids):
            path = f"/v1/vector_stores/{_segment(store_id)}/search"
            answer = await self._inside.post(path, body, caller)
            if (failure := _failure(answer)) is not None:
                return failure
            found += answer.body["data"]
        found.sort(key=lambda each: -each["score"])
        passages = [_passage(each) for each in found[: wanted.limit]]
        return Said(text=_listed(passages), data={"passages": passages})

    def _stores(self, owner: str) -> list[str]:
        rows = self._store.objects.listed(STORE, owner=owner, limit=100).items
        living = [row.id for row in rows if not is_expired(row)]
        if len(living) > MOST_STORES:
            raise BadRequest(
                f"There are more than {MOST_STORES} vector stores: name those to search in "
                "vector_store_ids."
            )
        return living


def _is_for(caller: Caller, tool: Tool) -> bool:
    if tool.name in ELSEWHERE or tool.consent == "never":
        return False
    return tool.consent == "free" or caller.admin


def _may(caller: Caller, scope: str) -> bool:
    return caller.scopes is None or scope in caller.scopes


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    for each in (schema, *schema["properties"].values()):
        each.pop("title", None)
    return schema


def _read(model: type[M], arguments: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "arguments"
        raise BadRequest(f"{where}: {first['msg']}.") from None


def _segment(text: str) -> str:
    """An id as part of a path; what is none finds nothing, and walks nowhere."""
    if not text.isascii() or not all(letter.isalnum() or letter in "_-" for letter in text):
        raise NotFound(f"There is no vector store {text[:64]!r}.")
    return text


def _failure(answer: Answer) -> Said | None:
    if answer.status < 400:
        return None
    error = answer.body.get("error", {})
    return Said(text=str(error.get("message", "It failed.")), failed=True)


def _spoken(response: Mapping[str, Any]) -> str:
    """What was said, and what waits for a consent that cannot be given here."""
    parts: list[str] = []
    for item in response.get("output", []):
        if item.get("type") == "message":
            parts += [part.get("text") or part.get("refusal", "") for part in item["content"]]
        elif item.get("type") == "mcp_approval_request":
            parts.append(f"[{item['name']} was not run: it needs a person's consent.]")
    return "\n\n".join(part for part in parts if part) or "[The model said nothing.]"


def _passage(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "filename": found["filename"],
        "file_id": found["file_id"],
        "score": found["score"],
        "text": "\n".join(part["text"] for part in found["content"]),
    }


def _listed(passages: list[dict[str, Any]]) -> str:
    if not passages:
        return "Nothing was found."
    return "\n\n".join(
        f"[{number}] {each['filename']}\n{each['text']}" for number, each in enumerate(passages, 1)
    )

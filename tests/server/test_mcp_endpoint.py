"""`POST /mcp` with the real client: what it offers, to whom, and what it refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import openai
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, Tool

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor, Limits
from fireside.tools.outcome import Outcome
from fireside.tools.tool import ToolContext, tool

from .fakes import FakeModel, FakeModels
from .serving import running

sent: list[str] = []


@tool()
def double(context: ToolContext, number: int) -> Outcome:
    """Twice a number."""
    return Outcome(text=str(2 * number), data={"twice": 2 * number})


@tool(acts=True)
def note(context: ToolContext, text: str) -> Outcome:
    """Note it."""
    sent.append(f"{context.owner}: {text}")
    return Outcome(text="noted")


@tool(acts=True, consent="ask", floor="ask")
def send(context: ToolContext, text: str) -> Outcome:
    """Send it."""
    return Outcome(text="sent")


@tool(consent="never")
def secret(context: ToolContext) -> Outcome:
    """Nobody may call this."""
    return Outcome(text="the secret")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A server, and keys of two people who know nothing of each other."""

    url: str
    mine: str = ""
    theirs: str = ""
    narrow: str = ""
    poor: str = ""


def served(store: Store, model: FakeModel, settings: Settings) -> Any:
    app = create_app(FakeModels(model), store, settings)
    app.state.offers.tools = lambda: [double, note, send, secret]
    return app


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        model="fake:1b", embedding_model="fake-embedding", home=tmp_path_factory.mktemp("home")
    )


@pytest.fixture(scope="module")
def unkeyed(
    model: FakeModel, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with (
        Store.open(tmp_path_factory.mktemp("open") / "fireside.db") as store,
        running(served(store, model, settings)) as url,
    ):
        yield Place(url=url)


@pytest.fixture(scope="module")
def keyed(
    model: FakeModel, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with Store.open(tmp_path_factory.mktemp("keyed") / "fireside.db") as store:

        def key(name: str, **how: Any) -> str:
            user = store.people.add_user(name, by=Actor())
            project = store.people.add_project(name, by=Actor())
            made = store.keys.add(name, user_id=user.id, project_id=project.id, by=Actor(), **how)
            return str(made[1])

        mine, theirs = key("Mo"), key("Ada")
        narrow = key("Cy", scopes=["inference"])
        poor = key("Di", limits=Limits(requests_per_minute=1))
        with running(served(store, model, settings)) as url:
            yield Place(url=url, mine=mine, theirs=theirs, narrow=narrow, poor=poor)


def spoken(
    url: str, walk: Callable[[Client], Awaitable[Any]], key: str = "", mode: str = "auto"
) -> Any:
    """What `walk` gives, with a client of the official package."""

    async def go() -> Any:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=300) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            try:
                return await walk(client)
            except MCPError as error:  # the task groups around would wrap it
                return error

    given = asyncio.run(go())
    if isinstance(given, MCPError):
        raise given
    return given


async def names(client: Client) -> list[str]:
    return [each.name for each in (await client.list_tools()).tools]


def calling(name: str, **arguments: Any) -> Callable[[Client], Awaitable[CallToolResult]]:
    return lambda client: client.call_tool(name, arguments)


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert block.type == "text"
    return block.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_what_is_offered(unkeyed: Place, mode: str) -> None:
    async def walk(client: Client) -> tuple[str, list[Tool]]:
        return str(client.server_info and client.server_info.name), (
            await client.list_tools()
        ).tools

    name, tools = spoken(unkeyed.url, walk, mode=mode)
    assert name == "fireside"
    hints = {each.name: each.annotations for each in tools}
    assert [*hints] == ["double", "note", "send", "ask", "search_documents"]  # and not the secret
    assert hints["double"].read_only_hint is True
    assert (hints["send"].read_only_hint, hints["send"].destructive_hint) == (False, True)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_tool_runs(unkeyed: Place, mode: str) -> None:
    result = spoken(unkeyed.url, calling("double", number=21), mode=mode)
    assert (text_of(result), result.structured_content, result.is_error) == (
        "42", {"twice": 42}, False,
    )  # fmt: skip


def test_wrong_arguments_are_an_error_that_says_so(unkeyed: Place) -> None:
    result = spoken(unkeyed.url, calling("double", number="many"))
    assert result.is_error
    assert "number" in text_of(result)
    result = spoken(unkeyed.url, calling("ask", qestion="?"))
    assert result.is_error
    assert "question" in text_of(result)


@pytest.mark.parametrize("name", ["secret", "no_such_tool"])
def test_what_is_not_offered_is_not_there(unkeyed: Place, name: str) -> None:
    with pytest.raises(MCPError, match="There is no tool"):
        spoken(unkeyed.url, calling(name))


def test_the_model_is_asked(
    unkeyed: Place, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.answer = "Paris, of course."
    assert text_of(spoken(unkeyed.url, calling("ask", question="Where?"))) == "Paris, of course."
    monkeypatch.setattr(model, "context", 4000)
    spoken(unkeyed.url, calling("ask", question="Where?"))
    assert model.submitted[-1].params.max_tokens == 1000
    cut = spoken(unkeyed.url, calling("ask", question="Where?", max_tokens=5))
    assert text_of(cut) == "Paris\n[cut: max_tokens was reached]"
    assert spoken(unkeyed.url, calling("ask", question="Where?", max_tokens=0)).is_error
    result = spoken(unkeyed.url, calling("ask", question="Where?", model="nobody"))
    assert result.is_error
    assert "nobody" in text_of(result)


def test_documents_are_found_by_their_owner_alone(keyed: Place) -> None:
    with openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=keyed.mine) as client:
        store_id = client.vector_stores.create(name="mine").id
        client.vector_stores.files.upload_and_poll(
            vector_store_id=store_id, file=("tea.md", b"Tea is made with boiling water.")
        )
    found = spoken(keyed.url, calling("search_documents", query="boiling water"), keyed.mine)
    assert text_of(found).startswith("[1] tea.md\nTea is made")
    assert found.structured_content["passages"][0]["filename"] == "tea.md"
    theirs = spoken(keyed.url, calling("search_documents", query="boiling water"), keyed.theirs)
    assert text_of(theirs) == "There are no documents yet."

    def searched(store: str) -> str:
        asked = calling("search_documents", query="tea", vector_store_ids=[store])
        result = spoken(keyed.url, asked, keyed.theirs)
        assert result.is_error
        return text_of(result)

    # Another's store is told as none at all is.
    assert searched(store_id).replace(store_id, "ID") == searched("vs_nope").replace(
        "vs_nope", "ID"
    )
    assert "vector store" in searched("../files")


def test_a_tool_runs_as_whoever_calls_it(keyed: Place) -> None:
    sent.clear()
    spoken(keyed.url, calling("note", text="one"), keyed.mine)
    spoken(keyed.url, calling("note", text="two"), keyed.theirs)
    owners = {line.partition(":")[0] for line in sent}
    assert len(owners) == 2
    assert "" not in owners


def test_what_always_asks_is_for_admins(keyed: Place) -> None:
    assert {"note", "send"} & set(spoken(keyed.url, names, keyed.mine)) == {"note"}
    with pytest.raises(MCPError, match="There is no tool"):
        spoken(keyed.url, calling("send", text="x"), keyed.mine)


def test_a_key_without_the_scope_is_not_offered_the_search(keyed: Place) -> None:
    assert "search_documents" in spoken(keyed.url, names, keyed.mine)
    assert "search_documents" not in spoken(keyed.url, names, keyed.narrow)
    with pytest.raises(MCPError, match="There is no tool"):
        spoken(keyed.url, calling("search_documents", query="x"), keyed.narrow)


REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("key", [None, "fs-wrong"])
def test_without_a_key_that_fits_nobody_gets_in(keyed: Place, key: str | None) -> None:
    headers = ACCEPT | ({} if key is None else {"authorization": f"Bearer {key}"})
    answer = httpx.post(f"{keyed.url}/mcp", json=REQUEST, headers=headers, timeout=300)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_keys_budget_holds_here_too(keyed: Place) -> None:
    headers = ACCEPT | {"authorization": f"Bearer {keyed.poor}"}
    first, second = (
        httpx.post(f"{keyed.url}/mcp", json=REQUEST, headers=headers, timeout=300) for _ in range(2)
    )
    assert first.status_code != 429
    assert (second.status_code, second.json()["error"]["code"]) == (429, "rate_limit_exceeded")


def test_a_foreign_page_is_turned_away(unkeyed: Place) -> None:
    headers = ACCEPT | {"origin": "https://evil.example"}
    assert (
        httpx.post(f"{unkeyed.url}/mcp", json=REQUEST, headers=headers, timeout=300).status_code
        == 403
    )


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(unkeyed: Place, method: str) -> None:
    assert (
        httpx.request(method, f"{unkeyed.url}/mcp", headers=ACCEPT, timeout=300).status_code == 405
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"no json", b'{"jsonrpc": "2.0"}', b"\xff", b"[" * 100_000]
)
def test_a_bad_body_is_refused_and_hurts_nobody(unkeyed: Place, body: bytes) -> None:
    headers = ACCEPT | {"content-type": "application/json"}
    assert (
        400
        <= httpx.post(f"{unkeyed.url}/mcp", content=body, headers=headers, timeout=300).status_code
        < 500
    )
    assert "double" in spoken(unkeyed.url, names)


def test_many_at_once(unkeyed: Place) -> None:
    results: list[str] = []

    def one(number: int) -> None:
        results.append(text_of(spoken(unkeyed.url, calling("double", number=number))))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(results) == ["0", "2", "4", "6"]

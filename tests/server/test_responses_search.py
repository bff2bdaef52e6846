"""`file_search`: passages before the answer, citations where the answer makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from fireside.errors import NotFound
from fireside.server import errors
from fireside.server.admission import Admission
from fireside.server.responses.group import group
from fireside.storage import Store

from .fakes import FakeModel, FakeModels
from .serving import running
from .test_responses import asked, create
from .test_responses_stream import order, streamed, summed

SEARCH: Any = [{"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 5}]


@dataclass
class Found:
    file_id: str
    filename: str
    text: str
    score: float = 0.5
    attributes: Mapping[str, Any] = field(default_factory=dict)


class FakeFinder:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.finds = [
            Found("file-1", "a.txt", "Oslo is cold.", 0.9, {"year": 2026}),
            Found("file-2", "b.txt", "Rome is warm.", 0.4),
        ]

    def search(
        self,
        owner: str,
        vector_store_ids: Sequence[str],
        query: str,
        filters: Mapping[str, Any] | None,
        limit: int,
        ranking: Mapping[str, Any] | None,
    ) -> list[Found]:
        self.asked.append((owner, tuple(vector_store_ids), query, filters, limit))
        if "vs_none" in vector_store_ids:
            raise NotFound("There is no vector store 'vs_none'.")
        return self.finds[:limit]


@pytest.fixture(scope="module")
def finder() -> FakeFinder:
    return FakeFinder()


@pytest.fixture(scope="module")
def address(models: FakeModels, store: Store, finder: FakeFinder) -> Iterator[str]:
    app = FastAPI()
    errors.install(app)
    app.include_router(group(models, store, Admission(8, 8), finder=finder)[0])  # type: ignore[arg-type]
    with running(app) as url:
        yield url


def test_an_answer_with_a_citation(
    client: openai.OpenAI, model: FakeModel, finder: FakeFinder
) -> None:
    model.answer = "Cold [1], not warm [2]; who knows [3]."
    made = create(client, tools=SEARCH, input="Oslo?")
    assert finder.asked[-1] == ("", ("vs_1",), "Oslo?", None, 5)
    quoted = "| [1] a.txt: Oslo is cold.\n| [2] b.txt: Rome is warm.\n[end of data]\n\nOslo?"
    assert quoted in asked(model)
    search, message = made.output
    assert search.type == "file_search_call"
    assert (search.status, search.queries, search.results) == ("completed", ["Oslo?"], None)
    part = message.content[0]
    assert [(each.file_id, each.index) for each in part.annotations] == [
        ("file-1", 5),
        ("file-2", 19),
    ]
    create(client, input="And?", previous_response_id=made.id)  # what was asked, not the passages
    assert asked(model) == f"<user>Oslo?<assistant>{model.answer}<user>And?"


def test_results_where_asked(client: openai.OpenAI) -> None:
    wanted: Any = ["file_search_call.results"]
    made = create(client, tools=SEARCH, include=wanted)
    results = made.output[0].results
    assert [each.score for each in results] == [0.9, 0.4]
    assert results[0].attributes == {"year": 2026}
    assert client.responses.retrieve(made.id).output[0].results is None
    assert client.responses.retrieve(made.id, include=wanted).to_dict() == made.to_dict()


def test_events(client: openai.OpenAI, model: FakeModel) -> None:
    model.answer = "Cold [1]."
    events = streamed(client, tools=SEARCH)
    kinds = order(events)
    assert kinds[2:7] == [
        "response.output_item.added",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
        "response.output_item.done",
    ]
    assert kinds.count("response.output_text.annotation.added") == 1
    final = [item.to_dict() for item in events[-1].response.output]
    added = summed(events)
    added[1]["content"][0]["annotations"] = [
        event.annotation.to_dict()
        for event in events
        if event.type == "response.output_text.annotation.added"
    ]
    assert added == final
    assert final[1]["content"][0]["annotations"][0]["file_id"] == "file-1"


@pytest.mark.parametrize("choice", ["none", {"type": "function", "name": "f"}])
def test_no_search_where_none_is_wanted(
    client: openai.OpenAI, finder: FakeFinder, choice: Any
) -> None:
    before = len(finder.asked)
    tools = [*SEARCH, {"type": "function", "name": "f", "parameters": None, "strict": False}]
    create(client, tools=tools, tool_choice=choice)
    create(client, tools=SEARCH, max_tool_calls=0)
    assert len(finder.asked) == before


def test_passages_take_half_of_the_window_at_most(
    client: openai.OpenAI, model: FakeModel, finder: FakeFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [Found(f"file-{n}", "c.txt", "x" * 200) for n in range(5)]
    monkeypatch.setattr(finder, "finds", long)
    made = create(client, tools=SEARCH, include=["file_search_call.results"])
    assert len(made.output[0].results) == model.context // 2 // 200


def test_refused(http: httpx.Client) -> None:
    for tool, status, param in (
        ({"vector_store_ids": ["vs_none"]}, 404, "tools"),
        ({"vector_store_ids": []}, 400, "tools[0].vector_store_ids"),
        ({"vector_store_ids": ["vs_1"], "max_num_results": 51}, 400, "tools[0].max_num_results"),
        ({}, 400, "tools[0].vector_store_ids"),
    ):
        asked_for = {"model": "fake:1b", "input": "Hi", "tools": [{"type": "file_search", **tool}]}
        answer = http.post("/v1/responses", json=asked_for)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["param"] == param

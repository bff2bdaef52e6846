"""`file_search` of `/v1/responses` over a real store: from an upload to a passage in the prompt."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from .fakes import FakeModel


def test_an_answer_from_documents(client: openai.OpenAI, model: FakeModel) -> None:
    store = client.vector_stores.create()
    done = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("boats.txt", b"Boats need paint every year.")
    )
    assert done.status == "completed"
    tool: Any = {
        "type": "file_search",
        "vector_store_ids": [store.id],
        "filters": {"type": "ne", "key": "secret", "value": True},
        "ranking_options": {"ranker": "auto", "score_threshold": 0.1},
    }
    model.answer = "Every year [1]."
    answer = client.responses.create(
        model="fake:1b",
        input="How often do boats need paint?",
        tools=[tool],
        include=["file_search_call.results"],
    )
    search: Any = answer.output[0]
    assert search.type == "file_search_call"
    assert search.results[0].filename == "boats.txt"
    assert "Boats need paint every year." in bytes(model.last.prompt).decode()
    said: Any = answer.output[1]
    assert said.content[0].annotations[0].file_id == done.id
    for change in (
        {"filters": {"type": "like", "key": "a", "value": 1}},
        {"filters": {"type": "eq", "key": "a", "value": [1]}},
    ):
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model="fake:1b", input="boats", tools=[tool | change])
    with pytest.raises(openai.NotFoundError):
        client.responses.create(
            model="fake:1b", input="boats", tools=[tool | {"vector_store_ids": ["vs_unknown"]}]
        )

"""The whole way with the stock client: a file, a vector store, an answer that cites it."""

from __future__ import annotations

from typing import Any

import openai

from .fakes import FakeModel
from .serving import wait_until
from .test_responses import asked, create


def test_an_answer_from_a_file(client: openai.OpenAI, model: FakeModel) -> None:
    file = client.files.create(
        file=("towns.txt", b"Oslo is a cold town in the north."), purpose="assistants"
    )
    store = client.vector_stores.create(name="towns", file_ids=[file.id])
    assert wait_until(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == 1)
    tool: Any = {
        "type": "file_search",
        "vector_store_ids": [store.id],
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    }
    model.answer = "Cold [1]."
    made = create(client, input="How is Oslo?", tools=[tool], include=["file_search_call.results"])
    search, message = made.output
    assert [each.file_id for each in search.results] == [file.id]
    assert "Oslo is a cold town in the north." in asked(model)
    assert message.content[0].annotations[0].file_id == file.id
    tool["filters"] = {"type": "eq", "key": "place", "value": "nowhere"}
    made = create(client, input="How is Oslo?", tools=[tool])
    assert asked(model) == "<user>How is Oslo?"
    assert made.output[1].content[0].annotations == []

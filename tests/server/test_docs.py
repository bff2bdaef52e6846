"""`docs/api.md` names every parameter and every URL that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fireside.server.app import create_app
from fireside.server.body import Wire
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.responses.wire import CreateResponse
from fireside.server.wire import CompletionRequest
from fireside.settings import Settings
from fireside.storage import Store

from .fakes import FakeModel, FakeModels

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("wire", [ChatCompletionRequest, CompletionRequest, CreateResponse])
def test_every_parameter(wire: type[Wire]) -> None:
    names = [*wire.model_fields, *filter(str.isidentifier, wire.table)]
    assert [name for name in names if f"`{name}`" not in TEXT] == []


def test_every_url(store: Store) -> None:
    app = create_app(FakeModels(FakeModel()), store, Settings())
    paths = [path for path in app.openapi()["paths"] if not path.startswith("/api/")]
    assert sorted(paths)
    for path in paths:
        assert nameless(path) in nameless(TEXT)


def nameless(text: str) -> str:
    """With every `{id}` alike: OpenAI calls some parameters of paths by other names than we do."""
    return re.sub(r"\{[^}]*\}", "{}", text)

"""`/v1/embeddings` as the SDK sees it, with the real model and with one that a test can hold."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from fireside.server.app import create_app
from fireside.settings import load_settings
from fireside.storage import Store

from .fakes import FakeModels
from .serving import running
from .test_bad_input import refused

NAME = "fake-embedding"


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def real(minilm_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    from fireside.engine.models import Models

    settings = load_settings().model_copy(update={"model": "none"})
    folder = tmp_path_factory.mktemp("home")
    with (
        Store.open(folder / "fireside.db") as store,
        running(create_app(Models(settings), store, settings)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_what_is_alike_is_near(real: openai.OpenAI) -> None:
    answer = real.embeddings.create(
        model="text-embedding-3-small", input=["A cat sleeps.", "A kitten naps.", "Taxes are due."]
    )
    cat, kitten, taxes = (each.embedding for each in answer.data)
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert answer.model == "minilm:l6"
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 4 + 5 + 4
    assert cosine(cat, kitten) > 0.5 > cosine(cat, taxes)
    assert cosine(cat, cat) == pytest.approx(1, abs=1e-4)
    assert "minilm:l6" in {model.id for model in real.models.list()}
    assert real.models.retrieve("minilm:l6").owned_by


def test_one_text_in_every_form(real: openai.OpenAI) -> None:
    """A string, a list, ids, [CLS] and [SEP] around them; float and base64."""
    ids = [1037, 4937]  # "a cat"
    forms: list[Any] = ["a cat", ["a cat"], ids, [ids], [[101, *ids, 102]]]
    found = [
        real.embeddings.create(model="minilm:l6", input=form, encoding_format=encoding)
        for form in forms
        for encoding in ("float", "base64")
    ]
    vectors = [
        list(struct.unpack("<384f", base64.b64decode(shown)))
        if isinstance(shown := answer.data[0].embedding, str)
        else shown
        for answer in found
    ]
    for vector in vectors:
        assert vector == pytest.approx(vectors[0], abs=1e-6)
    assert {answer.usage.prompt_tokens for answer in found} == {2}


def test_fewer_dimensions_are_the_first_ones(real: openai.OpenAI) -> None:
    whole = real.embeddings.create(model="minilm:l6", input="a cat").data[0].embedding
    part = real.embeddings.create(model="minilm:l6", input="a cat", dimensions=64).data[0].embedding
    scale = cosine(whole[:64], whole[:64]) ** 0.5
    assert part == pytest.approx([x / scale for x in whole[:64]], abs=1e-5)
    with pytest.raises(openai.BadRequestError, match="384"):
        real.embeddings.create(model="minilm:l6", input="a cat", dimensions=385)


def test_a_text_too_long_names_its_tokens(real: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="600 tokens") as caught:
        real.embeddings.create(model="minilm:l6", input=["cat", "cat " * 600])
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param == "input"


def test_a_model_that_cannot(real: openai.OpenAI) -> None:
    for name in ("smollm2:135m", "minilm:l7", "/etc/passwd", "../minilm-l6", "nothing"):
        with pytest.raises(openai.NotFoundError) as caught:
            real.embeddings.create(model=name, input="cat")
        assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input[0]"),
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": [1.5]}, "input[0]"),
        ({"input": [-1]}, "input[0]"),
        ({"input": [2**63]}, "input[0]"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": ["a"] * 2049}, "input"),
        ({"input": ["a" * 190] * 2000}, "input"),
        ({"input": "a" * 300}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 17}, "dimensions"),
        ({"dimensions": 2**63}, "dimensions"),
        ({"dimensions": True}, "dimensions"),
        ({"user": 5}, "user"),
        ({"model": 5}, "model"),
        ({"mood": 1}, "mood"),
        ({"input_type": "query"}, "input_type"),
    ],
)
def test_bad_values(http: httpx.Client, change: dict[str, Any], param: str) -> None:
    answer = http.post("/v1/embeddings", json={"model": NAME, "input": "a"} | change)
    assert refused(answer)["param"] in (param, param.partition("[")[0], param.replace("1", "0"))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"model":', b"\xff", b'{"input": NaN}'])
def test_bad_bodies(http: httpx.Client, content: bytes) -> None:
    refused(http.post("/v1/embeddings", content=content))
    wrong = http.post("/v1/embeddings", content=content, headers={"content-type": "text/plain"})
    refused(wrong, 415)


def test_a_client_that_leaves_ends_the_work(address: str, models: FakeModels) -> None:
    models.embedding.go_on.clear()
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{address}/v1/embeddings", json={"model": NAME, "input": "a"},
                timeout=httpx.Timeout(60, read=0.5),
            )  # fmt: skip
    finally:
        models.embedding.go_on.set()
    answer = httpx.post(f"{address}/v1/embeddings", json={"model": NAME, "input": "a"}, timeout=300)
    assert answer.json()["model"] == NAME


def test_names_of_the_settings(minilm_path: Path, tmp_path: Path) -> None:
    """One's own name leads where one says; OpenAI's lead nowhere where they are switched off."""
    from fireside.engine.models import Models

    settings = load_settings().model_copy(
        update={"model": "none", "openai_names": False, "aliases": {"mine": "minilm:l6"}}
    )
    with (
        Store.open(tmp_path / "fireside.db") as store,
        running(create_app(Models(settings), store, settings)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        assert client.embeddings.create(model="mine", input="cat").model == "minilm:l6"
        with pytest.raises(openai.NotFoundError):
            client.embeddings.create(model="text-embedding-3-small", input="cat")

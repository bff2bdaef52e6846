"""Embeddings: those of transformers, whatever else is asked for at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import transformers
from hypothesis import given
from hypothesis import strategies as st

from fireside.engine import threads
from fireside.engine.embedding import Embedder, batches, load_embedder
from fireside.engine.models import Models
from fireside.errors import BadRequest, ContextOverflow, Interrupted, Unavailable
from fireside.hub import LocalModel
from fireside.settings import Settings, load_settings

TEXTS = ["A cat sat.", "The stock market fell today.", "kitten", "I love my dog! " * 20, "ü 中文"]


@pytest.fixture(scope="module")
def embedder(minilm_path: Path) -> Iterator[Embedder]:
    made = load_embedder(LocalModel(name="m", path=minilm_path, format="hf"), load_settings())
    yield made
    made.close()


def test_the_numbers_of_sentence_transformers(embedder: Embedder, minilm_path: Path) -> None:
    """Its pipeline by hand: the tokenizer's ids, the mean over tokens, length 1."""
    model = transformers.AutoModel.from_pretrained(minilm_path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm_path)
    found, counts = embedder.embed(TEXTS)
    for text, vector, count in zip(TEXTS, found, counts, strict=True):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            mean = model(input_ids=ids).last_hidden_state.mean(1)[0]
        torch.testing.assert_close(vector, F.normalize(mean, dim=-1), atol=1e-5, rtol=0)
        assert count == ids.shape[1] - 2


def test_batched_is_single_is_ids(embedder: Embedder) -> None:
    together, _ = embedder.embed(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        alone, _ = embedder.embed([text])
        torch.testing.assert_close(alone[0], vector, atol=1e-5, rtol=0)
        ids = embedder.tokenizer.encode(text)
        for given_ids in (ids, embedder.tokenizer.frame(ids)):
            by_ids, counts = embedder.embed([given_ids])
            torch.testing.assert_close(by_ids[0], vector, atol=1e-5, rtol=0)
            assert counts == [len(ids)]


@given(st.lists(st.integers(1, 600), max_size=40), st.integers(1, 700))
def test_every_text_is_in_one_batch(lengths: list[int], most: int) -> None:
    made = list(batches(lengths, most))
    assert sorted(place for batch in made for place in batch) == list(range(len(lengths)))
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= most


def test_the_longest_text_and_one_more(embedder: Embedder) -> None:
    embedder.embed(["cat " * embedder.context])
    with pytest.raises(ContextOverflow, match=f"{embedder.context + 1} tokens"):
        embedder.embed(["cat", "cat " * (embedder.context + 1)])
    assert embedder.window == 254


@pytest.mark.parametrize("ids", [[-1], [10**6]])
def test_ids_that_are_none(embedder: Embedder, ids: list[int]) -> None:
    with pytest.raises(BadRequest, match="not in the vocabulary"):
        embedder.embed(["cat", ids])


def test_a_text_of_nothing_but_space(embedder: Embedder) -> None:
    """As sentence-transformers: the vector of [CLS] and [SEP]."""
    found, counts = embedder.embed([" \n", "", []])
    assert counts == [0, 0, 0]
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(3))


def test_cancelled_between_batches(embedder: Embedder) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(Interrupted):
        embedder.embed(["cat " * 300] * 10, cancelled=cancelled)
    assert len(asked) == 3


def test_it_computes_on_one_core_and_says_so(embedder: Embedder) -> None:
    beside = threads._beside_seconds
    embedder.embed(["cat " * 300])
    assert embedder._worker.submit(torch.get_num_threads).result() == 1
    assert threads._beside_seconds > beside


NUMBERS = """
import torch
from concurrent.futures import ThreadPoolExecutor
from fireside.engine.embedding import _one_core

def others():
    with ThreadPoolExecutor(1) as fresh:
        return fresh.submit(torch.get_num_threads).result()

torch.set_num_threads(3)
with ThreadPoolExecutor(1, initializer=_one_core) as worker:
    print(worker.submit(torch.get_num_threads).result(), torch.get_num_threads(), others())
"""


def test_the_number_of_threads_of_others_stays_what_it_was() -> None:
    """Of the caller, and of a thread that computes for the first time: that one has whatever was
    set last, by any thread, so in this process another test's engine would have its say."""
    done = subprocess.run(
        [sys.executable, "-c", NUMBERS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "3", "3"]


@pytest.fixture
def models(minilm_path: Path) -> Iterator[Models]:
    made = Models(load_settings())
    yield made
    made.close()


def test_one_of_many_who_ask_at_once(models: Models) -> None:
    together = threading.Barrier(4)

    def ask(_: int) -> Embedder:
        together.wait()
        return models.embedder()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ask, range(4)))
    assert len(found) == 1
    assert models.embedder("minilm:l6") in found
    assert models.embedders()[0] == "minilm:l6"
    assert "minilm:l6" not in models.names()
    models.close()
    with pytest.raises(Unavailable):
        found.pop().embed(["cat"])
    with pytest.raises(Unavailable):
        models.embedder()


def test_a_model_of_another_kind(models: Models, smollm2_path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="makes no embeddings"):
        models.embedder("smollm2:135m")
    with pytest.raises(BadRequest, match="not an embedding model"):
        models.embedder(str(smollm2_path))
    with pytest.raises(BadRequest, match="cannot chat"):
        models.get("minilm:l6")
    assert Models(Settings(home=tmp_path)).embedders() == []

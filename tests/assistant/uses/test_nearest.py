"""Labels by the nearest name or example, with the real embedding model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.assistant.persona import Personas, parse
from fireside.assistant.uses.nearest import LEAST, LabelReader
from fireside.engine.embedding import Embedder, load_embedder
from fireside.errors import BadRequest
from fireside.hub import locate
from fireside.settings import load_settings

LABELS = ("card_arrival", "exchange_rate", "lost_phone")


@pytest.fixture(scope="module")
def embedder(minilm_path: Path, models_dir: Path) -> Iterator[Embedder]:
    made = load_embedder(locate("minilm:l6", models_dir), load_settings())
    yield made
    made.close()


def best(chances: dict[str, float] | None) -> str:
    assert chances is not None
    return max(chances, key=lambda label: chances[label])


def test_names_alone_tell_labels_apart(embedder: Embedder) -> None:
    reader = LabelReader(LABELS, {}, embedder)
    assert best(reader.chances("When will my new card come in the mail?")) == "card_arrival"
    assert best(reader.chances("My phone was stolen on the train")) == "lost_phone"
    assert best(reader.chances("How many dollars do I get for a euro?")) == "exchange_rate"


def test_examples_move_a_label_to_what_its_name_does_not_say(embedder: Embedder) -> None:
    text = "The tap in the kitchen drips all night"
    plain = LabelReader(("a", "b"), {}, embedder).chances(text)
    taught = LabelReader(
        ("a", "b"),
        {"a": ["Water comes through the ceiling", "A pipe leaks"], "b": ["The light is broken"]},
        embedder,
    ).chances(text)
    assert plain is not None
    assert taught is not None
    assert best(taught) == "a"
    assert taught["a"] > LEAST > plain["a"]


def test_a_text_about_something_else_belongs_to_no_label(embedder: Embedder) -> None:
    task = Personas().get("triage").task
    reader = LabelReader(task.labels, task.examples, embedder)
    for text in ("Who won the world cup in 1998?", "The recipe needs two eggs", "ok", "?!"):
        chances = reader.chances(text)
        assert chances is not None
        assert max(chances.values()) < LEAST, (text, chances)


@pytest.mark.parametrize(
    "text", ["a", "My parcel is lost. " * 400, "My parcel is lost \U0001f4e6!"]
)
def test_chances_are_chances(embedder: Embedder, text: str) -> None:
    task = Personas().get("triage").task
    reader = LabelReader(task.labels, task.examples, embedder)
    chances = reader.chances(text)
    assert chances is not None
    assert list(chances) == task.labels
    assert all(0 <= each <= 1 for each in chances.values())
    assert sum(chances.values()) <= 1 + 1e-6
    assert chances == LabelReader(task.labels, task.examples, embedder).chances(text)


def test_what_the_model_cannot_read_is_not_sorted(embedder: Embedder) -> None:
    assert LabelReader(LABELS, {}, embedder).chances("我的包裹在哪里？什么时候到？") is None


def test_only_labels_are_nearest() -> None:
    with pytest.raises(BadRequest, match="only labels are chosen so"):
        parse('[task]\nkind = "summarise"\nby = "nearest"\n', origin="x.toml")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('examples = {c = ["x"]}', "there is no label 'c'"),
        ('none = "a"', "a label cannot stand for none of them"),
        ("least = 2.0", "least"),
    ],
)
def test_a_mistake_is_named(lines: str, said: str) -> None:
    text = f'[task]\nkind = "classify"\nlabels = ["a", "b"]\n{lines}\n'
    with pytest.raises(BadRequest, match=said):
        parse(text, origin="x.toml")

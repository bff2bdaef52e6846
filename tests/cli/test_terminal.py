"""`fireside chat` in a terminal of its own, typed at as a person would, with the default model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fireside.storage import Store, StoredMessage
from tests.cli.terminal import Terminal


@pytest.fixture
def terminal(home: Path, models_dir: Path, smollm2_path: Path) -> Iterator[Callable[..., Terminal]]:
    (models_dir.parent / "cache").mkdir(exist_ok=True)
    home.mkdir()
    (home / "cache").symlink_to(models_dir.parent / "cache")
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(home, "chat", "--model", str(smollm2_path), *words))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def last(store: Store) -> StoredMessage | None:
    found = store.conversations()
    return store.message(found[0].head_id) if found and found[0].head_id else None


def answered(store: Store, count: int) -> bool:
    said = last(store)
    done = said is not None and said.role == "assistant" and said.status != "partial"
    return done and len(store.path_to(str(said and said.id))) == 2 * count


def test_a_conversation(terminal: Callable[..., Terminal], home: Path) -> None:
    window = terminal("--temperature", "0", "--max-tokens", "40")
    window.until(lambda: not window.echoes)
    window.type("Say hello.")  # ahead of the prompt
    window.until(lambda: "Say hello." in window.shown().partition("›")[2])
    before, _, _ = window.shown().partition("›")
    assert "/help shows the commands" in before
    assert "Say hello." not in before
    with Store.open(home / "fireside.db") as store:
        window.type("\r")
        window.until(lambda: answered(store, 1))
        said = last(store)
        assert said is not None
        assert said.status == "complete"
        window.until(lambda: said.content.split()[0] in window.shown().partition("hello.")[2])
        window.type("And again?\r")
        window.until(lambda: answered(store, 2))
    window.type("/receipt\r")
    window.until(lambda: "completion tokens" in window.shown())
    window.type("\x04")  # whether the prompt is there yet or not
    assert window.end() == 0
    assert window.echoes
    assert "Traceback" not in window.shown()


def test_ctrl_c_stops_the_answer_and_not_the_chat(
    terminal: Callable[..., Terminal], home: Path
) -> None:
    window = terminal()
    window.until(lambda: "›" in window.shown())
    with Store.open(home / "fireside.db") as store:
        window.type("Tell me a very long story of a journey around the world.\r")
        window.until(lambda: last(store) is not None)
        window.type("\x03")
        window.until(lambda: answered(store, 1))
        said = last(store)
        assert said is not None
        assert said.status in ("stopped", "complete")  # who was faster
    window.type("/quit\r")
    assert window.end() == 0
    assert "Traceback" not in window.shown()

"""`fireside chat` in a terminal of its own, typed at as a person would, with the default model."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fireside.storage import Store, StoredMessage

pty = pytest.importorskip("pty", reason="there are no such terminals here")
termios = pytest.importorskip("termios", reason="there are no such terminals here")

PATIENCE = 600  # seconds; for machines that are busy, and measured by no test
# The new session's first terminal becomes the one whose Ctrl-C it hears.
TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
START = TAKE + "os.execv(sys.executable, [sys.executable, '-m', 'fireside', *sys.argv[1:]])"


class Terminal:
    """A terminal with `fireside WORDS…` in it."""

    def __init__(self, home: Path, *words: str) -> None:
        self.keyboard, inside = pty.openpty()
        termios.tcsetwinsize(self.keyboard, (40, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            env={
                **os.environ,
                "FIRESIDE_HOME": str(home),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",
            },
        )
        os.close(inside)
        self._raw = b""

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.keyboard)[3] & termios.ECHO)

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def shown(self) -> str:
        """All that was ever printed, without the colours and the cursor's ways."""
        text = self._raw.decode(errors="replace")
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])|\r", "", text)

    def until(self, condition: Callable[[], bool]) -> None:
        """Read what is printed until the condition is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.shown()
            if select.select([self.keyboard], [], [], 0.05)[0]:
                try:
                    self._raw += os.read(self.keyboard, 1 << 16)
                except OSError:  # the program has left its terminal
                    time.sleep(0.05)

    def end(self) -> int:
        self.until(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)


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

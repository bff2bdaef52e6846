"""What a command of the terminal chat works on: the session, the screen, and a line of text.

An answer that asks for consent is asked about here, before anything else is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console

from fireside.cli import show
from fireside.cli.answer import on_terminal, silent_keys
from fireside.cli.receipt import question_of
from fireside.cli.session import Session

if TYPE_CHECKING:
    from fireside.assistant import Done
    from fireside.storage import StoredMessage

YES: Final = {"y", "yes"}


@dataclass(kw_only=True)
class Window:
    """What a command works on: the session, the screen, and how to ask for a line of text.

    `listed`: the conversations of the last `/list` or `/search`, for `/open 2`.
    """

    session: Session
    console: Console
    prompt: Callable[[str], str | None]
    listed: list[str]

    def say(self, text: str) -> None:
        show.line(self.console, text)

    def ask(self, text: str) -> None:
        with silent_keys():
            self.session.loading.watch(self.console)
        self._answered(self.session.ask(text, on_terminal(self.console)))

    def regenerate(self) -> None:
        self._answered(self.session.regenerate(on_terminal(self.console)))

    def go_on(self) -> None:
        self._answered(self.session.go_on(on_terminal(self.console)))

    def edit(self, message: StoredMessage, text: str) -> None:
        self._answered(self.session.edit(message, text, on_terminal(self.console)))

    def consent(self, message: StoredMessage, approve: bool) -> None:
        self._answered(self.session.consent(message, approve, on_terminal(self.console)))

    def _answered(self, done: Done) -> None:
        """What follows an answer; a tool that asks is asked about before anything else."""
        show.after(self.console, done)
        asks = done.receipt.get("asks", ())
        if not asks:
            return
        for each in asks:
            show.line(self.console, question_of(each), "bold")
        said = self.prompt("")
        if said is None or not said.strip():
            self.say("Nothing was done; /yes or /no answers it later.")
            return
        self.consent(done.message, said.strip().lower() in YES)

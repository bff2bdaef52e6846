"""The prompt: read a line, run a command or ask, until Ctrl-D.

Keys and history are prompt_toolkit's.  It refuses to die of an error: each is one red line.
"""

from __future__ import annotations

from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.console import Console

from fireside.cli import show, slash
from fireside.cli.assistants import persona_names
from fireside.cli.session import Session
from fireside.cli.window import Window
from fireside.errors import FiresideError

PROMPT = "› "


class Slash(Completer):
    """`/re` to `/regenerate`; after `/model`, the names of the installed models."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, event: CompleteEvent):  # type: ignore[no-untyped-def]
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, space, rest = text[1:].partition(" ")
        if not space:
            for command in slash.COMMANDS:
                if command.startswith(name):
                    yield Completion(
                        command, start_position=-len(name), display_meta=slash.help_of(command)
                    )
        elif name == "model":
            for model in self._session.loading.names():
                if model.startswith(rest):
                    yield Completion(model, start_position=-len(rest))
        elif name == "persona":
            for persona in persona_names(self._session.loading):
                if persona.startswith(rest):
                    yield Completion(persona, start_position=-len(rest))


def keys() -> KeyBindings:
    """Enter sends; Alt-Enter and Ctrl-J begin a new line."""
    bindings = KeyBindings()

    @bindings.add("enter", filter=~completion_is_selected)
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    @bindings.add("c-j")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def history(path: Path) -> History:
    """What was typed before, kept beside the database for its owner's eyes only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def run(session: Session, console: Console, home: Path) -> None:
    """Chat until the person leaves."""
    reader: PromptSession[str] = PromptSession(
        history=history(home / "chat_history"),
        completer=Slash(session),
        complete_while_typing=True,
        key_bindings=keys(),
        multiline=True,
        prompt_continuation=lambda width, number, wrapped: " " * width,
    )

    def prompt(default: str = "") -> str | None:
        """A line of text; None when Ctrl-C gave it up."""
        try:
            return reader.prompt(PROMPT, default=default)
        except KeyboardInterrupt:
            return None

    window = Window(session=session, console=console, prompt=prompt, listed=[])
    while True:
        try:
            text = prompt()
        except EOFError:
            return
        if text is None or not text.strip():
            continue
        try:
            answer(window, text)
        except slash.Quit:
            return


def answer(window: Window, text: str) -> None:
    """Run a command or ask a question; an error is a line, not the end."""
    try:
        if slash.is_command(text):
            slash.run(window, text.strip())
        else:
            window.ask(text)
    except FiresideError as error:
        show.error(window.console, error.message)
    except (KeyboardInterrupt, EOFError):
        show.line(window.console, "(given up)")
    window.console.print()

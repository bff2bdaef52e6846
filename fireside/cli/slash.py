"""The commands of the terminal chat: `/name what follows`.

One function per command; its docstring's first line is its help.  A command prints or changes the
session; what it raises is shown as one line and ends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fireside.cli import show
from fireside.cli.assistants import persona_names
from fireside.cli.thought import split
from fireside.cli.window import Window
from fireside.errors import BadRequest, NotFound

if TYPE_CHECKING:
    pass


class Quit(Exception):
    """The person wants to leave."""


Command = Callable[[Window, str], None]
COMMANDS: Final[dict[str, Command]] = {}
USAGE: Final[dict[str, str]] = {}
ALIASES: Final[dict[str, str]] = {}


def command(name: str, usage: str = "", *aliases: str) -> Callable[[Command], Command]:
    def register(function: Command) -> Command:
        COMMANDS[name], USAGE[name] = function, usage
        ALIASES.update(dict.fromkeys(aliases, name))
        return function

    return register


def is_command(text: str) -> bool:
    """`/help` is one; `/etc/hosts says …` and `//` are said to the model."""
    first = text.split(maxsplit=1)[0]
    return first.startswith("/") and "/" not in first[1:]


def run(window: Window, line: str) -> None:
    """Run one line that begins with a slash.

    Raises:
        BadRequest: there is no such command.
        Quit: the session is over.
    """
    name, _, rest = line[1:].partition(" ")
    COMMANDS[resolved(name)](window, rest.strip())


def resolved(name: str) -> str:
    """The command that a name, an alias or the beginning of one name means."""
    if name in COMMANDS or name in ALIASES:
        return ALIASES.get(name, name)
    begun = [command for command in COMMANDS if command.startswith(name)] if name else []
    if len(begun) == 1:
        return begun[0]
    from difflib import get_close_matches

    near = begun or get_close_matches(name, [*COMMANDS, *ALIASES], n=1)
    hint = f" Did you mean /{' or /'.join(near)}?" if near else ""
    raise BadRequest(f"There is no command /{name}.{hint} /help lists them.")


def help_of(name: str) -> str:
    return (COMMANDS[name].__doc__ or "").splitlines()[0]


@command("help", "", "?")
def _help(window: Window, rest: str) -> None:
    """Show the commands and the keys."""
    rows = [(f"/{name} {USAGE[name]}".strip(), help_of(name)) for name in COMMANDS]
    keys = [
        ("Enter", "Send the message."),
        ("Alt-Enter, Ctrl-J", "Begin a new line; pasted lines stay together too."),
        ("Up, Down, Ctrl-R", "Look through what was typed before."),
        ("Ctrl-C", "Stop the answer; at the prompt, clear the line."),
        ("Ctrl-D", "Quit."),
    ]
    show.table(window.console, [*rows, ("", ""), *keys])


@command("system", "[TEXT | -]")
def _system(window: Window, rest: str) -> None:
    """Show the system prompt, set it, or clear it with a dash."""
    if rest:
        window.session.set_system(None if rest == "-" else rest)
    now = window.session.conversation
    system = now.system if now is not None else window.session.system
    window.say(f"System prompt: {system}" if system else "There is no system prompt.")


@command("model", "[NAME]")
def _model(window: Window, rest: str) -> None:
    """Show the models, or answer with another one from now on."""
    if rest:
        with window.console.status(f"Loading {rest}…"):
            window.session.set_model(rest)
        window.say(f"{rest} answers from now on.")
        return
    for name in window.session.loading.names():
        mark = "*" if name == window.session.answering else " "
        window.say(f"{mark} {name}")


@command("persona", "[NAME | -]")
def _persona(window: Window, rest: str) -> None:
    """Show the personas, answer as one from now on, or as none with a dash."""
    if rest == "-":
        window.session.set_model(window.session.loading.name)
        window.say("No persona answers from now on.")
    elif rest:
        window.session.set_model(f"persona:{rest}")
        window.say(f"{rest} answers from now on. With this model: {window.session.ability}")
    else:
        names = persona_names(window.session.loading)
        for name in names:
            mark = "*" if f"persona:{name}" == window.session.answering else " "
            window.say(f"{mark} {name}")
        if not names:
            window.say("There is no persona yet: docs/assistant.md says how to write one.")


@command("attach", "[FILE]", "file")
def _attach(window: Window, rest: str) -> None:
    """Give this conversation a document to answer from, or show those that it has."""
    if rest:
        path = Path(rest.strip("\"'"))
        with window.console.status(f"Reading {path.name}…"):
            made = window.session.attach(path)
        for what in made.unread:
            window.say(f"{made.filename}: not read: {what}")
        window.say(f"{made.filename} is read: ask about it.")
        return
    files = window.session.attached()
    for each in files:
        window.say(each.filename)
    if not files:
        window.say("This conversation has no file yet: /attach FILE.")


@command("regenerate", "", "retry", "r")
def _regenerate(window: Window, rest: str) -> None:
    """Answer the last question again; the answer before stays in the conversation."""
    window.regenerate()


@command("continue", "", "more")
def _continue(window: Window, rest: str) -> None:
    """Write on the last answer, where its limit or Ctrl-C ended it."""
    window.go_on()


@command("edit", "[TEXT]")
def _edit(window: Window, rest: str) -> None:
    """Ask the last question differently."""
    question = window.session.last_question()
    text = rest or window.prompt(question.content)
    if text is not None and text.strip():
        window.edit(question, text)


@command("undo")
def _undo(window: Window, rest: str) -> None:
    """Take back the last question and its answer."""
    question = window.session.undo()
    window.say(f"Taken back: {show.short(question.content)}")


@command("new", "", "clear")
def _new(window: Window, rest: str) -> None:
    """Start a new conversation."""
    window.session.new()
    window.say("A new conversation.")


@command("list", "[COUNT]", "history")
def _list(window: Window, rest: str) -> None:
    """List the last conversations."""
    limit = whole(rest, "COUNT") if rest else 20
    found = window.session.store.conversations(limit=limit)
    window.listed[:] = [conversation.id for conversation in found]
    here = window.session.conversation
    show.conversations(window.console, found, here.id if here is not None else None)


@command("search", "WORDS", "find")
def _search(window: Window, rest: str) -> None:
    """Find what was said, in any conversation."""
    if not rest:
        raise BadRequest("Say what to look for: /search WORDS.")
    hits = window.session.store.search(rest)
    window.listed[:] = [hit.conversation.id for hit in hits]
    show.hits(window.console, hits)


@command("open", "NUMBER | ID", "load")
def _open(window: Window, rest: str) -> None:
    """Go on with a conversation of /list or /search."""
    window.session.open(chosen(window, rest))
    show.conversation(window.console, window.session)


@command("rename", "TITLE", "title")
def _rename(window: Window, rest: str) -> None:
    """Give this conversation a title."""
    here = window.session.conversation
    if here is None or not rest:
        raise BadRequest("Say something first, then /rename TITLE.")
    window.session.store.rename(here.id, rest)
    window.session.open(here.id)
    window.say(f"This conversation is called {rest}.")


@command("delete", "NUMBER | ID")
def _delete(window: Window, rest: str) -> None:
    """Delete a conversation for good."""
    doomed = window.session.store.get(chosen(window, rest))
    window.session.store.delete(doomed.id)
    here = window.session.conversation
    if here is not None and here.id == doomed.id:
        window.session.new()
    window.say(f"Deleted: {doomed.title or doomed.id}")


@command("save", "[FILE]", "export")
def _save(window: Window, rest: str) -> None:
    """Write the conversation to a Markdown file."""
    here = window.session.conversation
    words = re.sub(r"\W+", "-", here.title.lower()).strip("-") if here is not None else ""
    path = Path(rest or f"{words or 'conversation'}.md")
    window.session.save(path)
    window.say(f"Saved to {path}.")


@command("set", "[NAME VALUE | NAME -]")
def _set(window: Window, rest: str) -> None:
    """Show or change the sampling: temperature, top_p, top_k, min_p, seed, max_tokens …"""
    name, _, value = rest.partition(" ")
    if value.strip() == "-":
        window.session.set_sampling(name, None)
    elif name:
        window.session.set_sampling(name, number(name, value))
    sampling = window.session.sampling
    own = ", ".join(f"{key} {value}" for key, value in sampling.items())
    window.say(f"You set: {own}." if own else "The model's recommended sampling is used.")


@command("receipt", "", "why")
def _receipt(window: Window, rest: str) -> None:
    """Show what the last answer was made from."""
    show.receipt(window.console, window.session.last_answer())


@command("anyway")
def _anyway(window: Window, rest: str) -> None:
    """Let the model try what it was measured to be too small for, or no longer."""
    window.session.anyway = not window.session.anyway
    tries = "tries" if window.session.anyway else "does not try"
    window.say(f"A model that is too small for a persona {tries} all the same from now on.")


@command("yes")
def _yes(window: Window, rest: str) -> None:
    """Agree to what the last answer asks for."""
    window.consent(window.session.last_answer(), True)


@command("no")
def _no(window: Window, rest: str) -> None:
    """Do not agree to what the last answer asks for."""
    window.consent(window.session.last_answer(), False)


@command("thought", "", "reasoning")
def _thought(window: Window, rest: str) -> None:
    """Show what was thought before the last answer, by a model that thinks aloud."""
    thought, _ = split(window.session.last_answer().content)
    window.say(thought.strip() or "Nothing was thought aloud before the last answer.")


@command("quit", "", "exit", "bye", "q")
def _quit(window: Window, rest: str) -> None:
    """Leave; the conversation is kept."""
    raise Quit


def chosen(window: Window, rest: str) -> str:
    """The conversation that `2` (of the last list) or an id means."""
    if not rest:
        raise BadRequest("Say which: its number in /list, or its id.")
    if not rest.isdecimal():
        return rest
    if not window.listed:
        window.listed[:] = [c.id for c in window.session.store.conversations(limit=20)]
    place = int(rest) - 1
    if not 0 <= place < len(window.listed):
        raise NotFound(f"There is no number {rest} in the list: /list shows it.")
    return window.listed[place]


def whole(text: str, name: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 10_000:
        raise BadRequest(f"{name} must be a whole number from 1 to 10,000, not {text!r}.")
    return int(text)


def number(name: str, text: str) -> int | float:
    try:
        return int(text) if text.strip().lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise BadRequest(f"{name} needs a number, not {text!r}.", param=name) from None

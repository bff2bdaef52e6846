"""`fireside memory`: what is remembered of you, to see, to correct and to forget.

It works on the database itself, as `fireside keys` does; `--owner` is a project's name or id.  It
refuses to keep personal data that nobody insists on (`--personal`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fireside.cli import failures, people
from fireside.cli.keys import seconds_of
from fireside.cli.printable import printable_json
from fireside.cli.table import show_table
from fireside.errors import BadRequest

if TYPE_CHECKING:
    from fireside.assistant.memory.memories import Memories
    from fireside.assistant.memory.records import Memory

app = typer.Typer(help="What is remembered of you: see, correct, forget.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
Owner = Annotated[
    str | None, typer.Option("--owner", help="Whose: a project of `keys projects list`.")
]
Persona = Annotated[str | None, typer.Option("--persona", help="The one persona that sees it.")]
Expires = Annotated[str | None, typer.Option("--expires", help="When it ends: 12h, 30d, 4w.")]
Personal = Annotated[
    bool, typer.Option("--personal", help="Keep it although it looks private or secret.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="An id of `memory list`.")]


@app.command("list")
def list_memories(
    status: Annotated[
        str, typer.Option("--status", help="kept, proposed, superseded, forgotten, expired or all.")
    ] = "kept",
    persona: Persona = None,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """What is remembered, the newest first."""
    from fireside.assistant.memory.records import STATUSES

    if status not in (*STATUSES, "all"):
        raise BadRequest(f"There is no status {status!r}: take {', '.join(STATUSES)} or all.")
    with opened(owner) as (memories, whose):
        statuses = STATUSES if status == "all" else (status,)
        found = memories.listed(whose, statuses=statuses, persona=persona)
        waiting = len(memories.listed(whose, statuses=("proposed",)))
    _show(found, as_json)
    if waiting and status == "kept" and not as_json:
        failures.say(f"{waiting} more wait to be accepted: fireside memory list --status proposed")


@app.command("search")
def search(
    query: Annotated[str, typer.Argument(help="A question, or words.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100)] = 10,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """What bears on a question, best first."""
    with opened(owner, embedding=True) as (memories, whose):
        found = memories.search(whose, query, limit=limit)
    if found.words_only is not None and found.searched:
        failures.say(f"found by words alone: {found.words_only}")
    if as_json:
        print(
            printable_json(
                [each.memory.as_json() | {"match": round(each.score, 4)} for each in found.found]
            )
        )
        return
    show_table(
        ("match", "id", "fact"),
        ((f"{each.score:.2f}", each.memory.id, each.memory.text) for each in found.found),
    )


@app.command("add")
def add(
    text: Annotated[str, typer.Argument(help="What to remember, in a sentence.")],
    persona: Persona = None,
    expires: Expires = None,
    personal: Personal = False,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """Remember a fact."""
    with opened(owner) as (memories, whose):
        added = memories.add(
            whose, text, persona=persona, expires_at=_end(expires), personal=personal
        )
    if as_json:
        print(printable_json(added.memory.as_json()))
        return
    print(added.memory.id)
    if added.known:
        failures.say("it was known already.")
    for each in added.superseded:
        failures.say(f"it replaces {each}; `fireside memory undo` brings that back.")


@app.command("edit")
def edit(
    memory_id: Id,
    text: Annotated[str | None, typer.Argument(help="What it says from now on.")] = None,
    persona: Persona = None,
    all_personas: Annotated[bool, typer.Option("--all-personas", help="All see it.")] = False,
    expires: Expires = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="It does not end.")] = False,
    personal: Personal = False,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """Change a fact, who sees it, or when it ends."""
    if text is None and persona is None and expires is None and not (all_personas or for_ever):
        raise BadRequest("Nothing to change: give a text, --persona, --expires or --for-ever.")
    with opened(owner) as (memories, whose):
        made = memories.edit(
            whose, memory_id, text=text, persona=persona, all_personas=all_personas,
            expires_at=_end(expires), for_ever=for_ever, personal=personal,
        )  # fmt: skip
    _one(made, as_json)


@app.command("accept")
def accept(memory_id: Id, owner: Owner = None, as_json: Json = False) -> None:
    """Keep a fact that was proposed."""
    with opened(owner) as (memories, whose):
        made = memories.accept(whose, memory_id)
    _one(made, as_json)


@app.command("forget")
def forget(
    memory_id: Id,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete it for good: nothing brings it back.")
    ] = False,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """Forget a fact; `undo` brings it back for 30 days."""
    with opened(owner) as (memories, whose):
        if purge:
            memories.purge(whose, memory_id)
        else:
            memories.forget(whose, memory_id)
    if as_json:
        print(printable_json({"id": memory_id, "forgotten": True, "purged": purge}))
    else:
        print(f"{memory_id} is {'deleted' if purge else 'forgotten'}.")


@app.command("undo")
def undo(
    change_id: Annotated[
        str | None, typer.Argument(metavar="CHANGE", help="Of `memory changes`; else the newest.")
    ] = None,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """Take back the last change, or the one that you name."""
    with opened(owner) as (memories, whose):
        change = memories.undo(whose, change_id)
    if as_json:
        print(printable_json(change.as_json()))
    else:
        print(f"taken back: {change.operation} of {', '.join(change.memory_ids)}.")


@app.command("changes")
def changes(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    owner: Owner = None,
    as_json: Json = False,
) -> None:
    """What was done to memories, the newest first."""
    with opened(owner) as (memories, whose):
        found = memories.log.changes(whose, limit)
    if as_json:
        print(printable_json([each.as_json() for each in found]))
        return
    show_table(
        ("id", "when", "what", "memories", "state"),
        (
            (
                each.id, people.date(each.at), each.operation, " ".join(each.memory_ids),
                "undone" if each.undone else "",
            )
            for each in found
        ),
    )  # fmt: skip


@app.command("export")
def export(owner: Owner = None) -> None:
    """Everything that is remembered, forgotten facts too: one JSON object a line."""
    import json

    from fireside.assistant.memory.records import STATUSES

    with opened(owner) as (memories, whose):
        for each in reversed(memories.listed(whose, statuses=STATUSES)):
            print(json.dumps(each.as_json(), ensure_ascii=True))


@contextmanager
def opened(owner: str | None, *, embedding: bool = False) -> Iterator[tuple[Memories, str]]:
    """The memories of this machine's database, and whose are meant."""
    from fireside.assistant.memory.opened import memories_of

    with people.opened() as store:
        whose = people.project_named(store, owner).owner
        if not embedding:
            yield memories_of(store.objects, None), whose
            return
        from fireside.engine.models import Models
        from fireside.settings import load_settings

        models = Models(load_settings())
        try:
            yield memories_of(store.objects, models), whose
        finally:
            models.close()


def _end(expires: str | None) -> float | None:
    return None if expires is None else time.time() + seconds_of(expires)


def _one(memory: Memory, as_json: bool) -> None:
    print(printable_json(memory.as_json()) if as_json else f"{memory.id} {memory.text}")


def _show(found: list[Memory], as_json: bool) -> None:
    if as_json:
        print(printable_json([each.as_json() for each in found]))
        return
    rows = (_row(each) for each in found)
    show_table(("id", "fact", "state", "kind", "from", "since", "until", "used"), rows)


def _row(memory: Memory) -> tuple[Any, ...]:
    source = memory.source
    return (
        memory.id,
        memory.text,
        memory.status,
        memory.kind,
        source.message_id or source.conversation_id or "you",
        people.date(memory.created_at),
        people.date(memory.expires_at),
        str(memory.uses),
    )

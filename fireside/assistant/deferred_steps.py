"""The steps that are imported when a turn first needs them (`deferred.py`), each made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from fireside.assistant.memory.memories import Memories
    from fireside.assistant.steps import Step
    from fireside.assistant.tickets import Tickets
    from fireside.dialogue.kept import States
    from fireside.safety.guards import Guards
    from fireside.safety.heads import Embeds
    from fireside.settings import Settings
    from fireside.storage import Store


def make_memories(store: Store, models: Embeds) -> Memories:
    from fireside.assistant.memory.opened import memories_of

    return memories_of(store.objects, models)


def make_privacy(store: Store, settings: Settings) -> Step:
    from fireside.assistant.steps.privacy import Privacy
    from fireside.safety.privacy.vault import Vault

    return Privacy(Vault(store.objects, settings.home))


def make_dialogue(
    models: Embeds,
    states: States,
    clock: Callable[[], datetime],
    tickets: Tickets,
    settings: Settings,
) -> Step:
    from fireside.assistant.steps.dialogue import Dialogue
    from fireside.assistant.ticket_desk import TicketDesk
    from fireside.tools.shipped import mail_server

    return Dialogue(models, states, clock, TicketDesk(tickets=tickets, mail=mail_server(settings)))


def make_offering() -> Step:
    from fireside.assistant.steps.dialogue import Offering

    return Offering()


def make_framing() -> Step:
    from fireside.assistant.steps.dialogue import Framing

    return Framing()


def make_keeping(states: States) -> Step:
    from fireside.assistant.steps.dialogue import Keeping

    return Keeping(states)


def make_recall(memories: Memories) -> Step:
    from fireside.assistant.steps.recall import Recall

    return Recall(memories)


def make_remember(memories: Memories) -> Step:
    from fireside.assistant.steps.remember import Remember

    return Remember(memories)


def make_requests(models: object, settings: Settings, clock: Callable[[], datetime]) -> Step:
    """models: adapters are added to them, where that can be done."""
    from fireside.assistant.steps.requests import Adapts, PlainRequests

    return PlainRequests(models if isinstance(models, Adapts) else None, settings.home, clock)


def make_practice(memories: Memories) -> Step:
    from fireside.assistant.steps.practice import Practice

    return Practice(memories)


def make_progressing(memories: Memories) -> Step:
    from fireside.assistant.steps.practice import Progressing

    return Progressing(memories)


def make_grounded() -> Step:
    from fireside.assistant.steps.grounded import Grounded

    return Grounded()


def make_compact(store: Store) -> Step:
    from fireside.assistant.compaction import Compaction
    from fireside.assistant.steps.compact import Compact

    return Compact(Compaction(store.objects))


def make_task(guards: Guards, models: Embeds) -> Step:
    from fireside.assistant.steps.task import Task

    return Task(guards, models)


def make_cite() -> Step:
    from fireside.assistant.steps.cite import Cite

    return Cite()

"""All the steps of a turn, in their order, with what each needs: the assistant put together.

One of these is made for a process, beside its models.  Making it loads nothing: a step loads what
it needs when the first persona asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fireside.assistant.ability.states import abilities_of
from fireside.assistant.assistant import Assistant
from fireside.assistant.compaction import Compaction
from fireside.assistant.dialogue.kept import States
from fireside.assistant.knowledge import Knowledge
from fireside.assistant.memory.memories import Memories
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps import Step
from fireside.assistant.steps.ability import TooSmall, TooSmallStill, UnknownLanguage
from fireside.assistant.steps.cite import Cite
from fireside.assistant.steps.compact import Compact
from fireside.assistant.steps.dialogue import Dialogue, Framing, Keeping, Offering, now
from fireside.assistant.steps.extract import ExtractAnswer, Readers
from fireside.assistant.steps.grounded import Grounded
from fireside.assistant.steps.injection import Injection, InspectTools
from fireside.assistant.steps.mcp import McpTools
from fireside.assistant.steps.moderation import ModerateInput, ModerateOutput, ModerationCheck
from fireside.assistant.steps.mood import Mood
from fireside.assistant.steps.practice import Practice, Progressing
from fireside.assistant.steps.recall import Recall
from fireside.assistant.steps.remember import Remember
from fireside.assistant.steps.requests import Adapts, PlainRequests
from fireside.assistant.steps.retrieve import Retrieve
from fireside.assistant.steps.task import Task
from fireside.assistant.steps.tools import Tools
from fireside.assistant.steps.uncertain import Uncertain
from fireside.assistant.ticket_desk import TicketDesk
from fireside.assistant.tickets import Tickets
from fireside.assistant.tools.mcp.servers import Servers
from fireside.safety.guards import Guards

if TYPE_CHECKING:
    from datetime import datetime

    from fireside.assistant.tools.registry import Registry
    from fireside.knowledge.collections import Collections
    from fireside.safety.heads import Embeds
    from fireside.settings import Settings
    from fireside.storage import Store


def assistant_of(
    models: Embeds,
    store: Store,
    settings: Settings,
    *,
    collections: Collections | None = None,
    guards: Guards | None = None,
    memories: Memories | None = None,
    personas: Personas | None = None,
    clock: Callable[[], datetime] = now,
    tickets: Tickets | None = None,
) -> Assistant:
    """collections: documents; None where none can be kept.  clock: what the dialogue takes for
    today.  tickets: None keeps them in the settings' home.  personas: those of the home where none
    are given.  The others are shared with endpoints, where there are any."""
    from fireside.assistant.memory.opened import memories_of

    @cache
    def registry() -> Registry:
        from fireside.assistant.tools.shipped import shipped

        return shipped(settings, collections=collections)

    servers = Servers(os.environ)
    steps = steps_of(
        models,
        store,
        settings,
        servers,
        registry,
        knowledge=Knowledge(collections),
        guards=guards or Guards(models, settings.home / "heads"),
        memories=memories or memories_of(store.objects, models),
        clock=clock,
        tickets=tickets or Tickets(settings.home / "tickets"),
    )
    return Assistant(
        personas or Personas(settings.home / "personas"), Pipeline.of(steps), close=servers.close
    )


def steps_of(
    models: Embeds,
    store: Store,
    settings: Settings,
    servers: Servers,
    registry: Callable[[], Registry],
    *,
    knowledge: Knowledge,
    guards: Guards,
    memories: Memories,
    clock: Callable[[], datetime] = now,
    tickets: Tickets | None = None,
) -> list[Step]:
    """By stage; within a stage in the order that they run in."""
    from fireside.assistant.steps.privacy import Privacy
    from fireside.assistant.tools.shipped import mail_server
    from fireside.safety.privacy.vault import Vault

    states = States(store.objects)
    abilities = abilities_of(settings)
    return [
        ModerateInput(guards),
        UnknownLanguage(abilities, settings.try_anyway),
        TooSmall(abilities, settings.try_anyway),
        Privacy(Vault(store.objects, settings.home)),
        Mood(guards),
        Dialogue(models, states, clock, TicketDesk(tickets=tickets, mail=mail_server(settings))),
        Recall(memories),
        Tools(registry, store, clock),
        McpTools(servers, store),
        PlainRequests(_adapting(models), settings.home, clock),
        Retrieve(knowledge),
        Injection(guards),
        ExtractAnswer(Readers(models)),
        Offering(),
        Framing(),
        Practice(memories),
        Grounded(),
        ModerateOutput(guards),
        TooSmallStill(),
        Compact(Compaction(store.objects)),
        Task(guards, models),
        ModerationCheck(guards),
        InspectTools(guards),
        Cite(),
        Uncertain(_embed(models), knowledge),
        Keeping(states),
        Remember(memories),
        Progressing(memories),
    ]


def _adapting(models: object) -> Adapts | None:
    """The models themselves, where adapters can be added to them."""
    return models if isinstance(models, Adapts) else None


def _embed(models: Embeds) -> Callable[[Sequence[str]], Any]:
    return lambda texts: models.embedder().embed(texts)[0].numpy()

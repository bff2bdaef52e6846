"""All the steps of a turn, in their order, with what each needs: the assistant put together.

One of these is made for a process, beside its models.  Making it loads nothing: a step loads what
it needs when the first persona asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from fireside.assistant import deferred_steps as late
from fireside.assistant.ability.states import abilities_of
from fireside.assistant.assistant import Assistant
from fireside.assistant.deferred import Deferred
from fireside.assistant.knowledge import Knowledge
from fireside.assistant.persona import Personas
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.steps import Step
from fireside.assistant.steps.ability import TooSmall, TooSmallStill, UnknownLanguage
from fireside.assistant.steps.extract import ExtractAnswer, Readers
from fireside.assistant.steps.injection import Injection, InspectTools
from fireside.assistant.steps.mcp import McpTools
from fireside.assistant.steps.moderation import ModerateInput, ModerateOutput, ModerationCheck
from fireside.assistant.steps.mood import Mood
from fireside.assistant.steps.retrieve import Retrieve
from fireside.assistant.steps.tools import Tools
from fireside.assistant.steps.uncertain import Uncertain
from fireside.assistant.tickets import Tickets
from fireside.dialogue.kept import States
from fireside.safety.guards import Guards
from fireside.tools.mcp.servers import Servers

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.memory.memories import Memories
    from fireside.knowledge.collections import Collections
    from fireside.safety.heads import Embeds
    from fireside.settings import Settings
    from fireside.storage import Store
    from fireside.tools.registry import Registry


def now() -> datetime:
    return datetime.now(UTC)


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

    @cache
    def registry() -> Registry:
        from fireside.tools.shipped import shipped

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
        memories=cache(lambda: memories or late.make_memories(store, models)),
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
    memories: Callable[[], Memories],
    clock: Callable[[], datetime] = now,
    tickets: Tickets,
) -> list[Step]:
    """By stage; within a stage in the order that they run in.

    Deferred are those that few personas ask for and that bring many modules with them.
    """
    states = States(store.objects)
    abilities = abilities_of(settings)
    return [
        ModerateInput(guards),
        UnknownLanguage(abilities, settings.try_anyway),
        TooSmall(abilities, settings.try_anyway),
        Deferred("protect", "privacy", _hides, lambda: late.make_privacy(store, settings)),
        Mood(guards),
        Deferred(
            "understand",
            "dialogue",
            _leads,
            lambda: late.make_dialogue(models, states, clock, tickets, settings),
        ),
        Deferred("recall", "recall", _recalls, lambda: late.make_recall(memories())),
        Tools(registry, store, clock),
        McpTools(servers, store),
        Deferred(
            "recall",
            "requests",
            _reads,
            lambda: late.make_requests(models, settings, clock),
        ),
        Retrieve(knowledge),
        Injection(guards),
        ExtractAnswer(Readers(models)),
        Deferred("budget", "dialogue_offer", _leads, late.make_offering),
        Deferred("budget", "dialogue_frame", _leads, late.make_framing),
        Deferred("understand", "practice", _practises, lambda: late.make_practice(memories())),
        Deferred("budget", "grounded", _cites, late.make_grounded),
        ModerateOutput(guards),
        TooSmallStill(),
        Deferred("budget", "compact", _goes_on, lambda: late.make_compact(store)),
        Deferred("budget", "task", _has_task, lambda: late.make_task(guards, models)),
        ModerationCheck(guards),
        InspectTools(guards),
        Deferred("check", "citations", _cites, late.make_cite),
        Uncertain(_embed(models), knowledge),
        Deferred("record", "dialogue_state", _leads, lambda: late.make_keeping(states)),
        Deferred("record", "remember", _remembers, lambda: late.make_remember(memories())),
        Deferred("record", "progress", _practises, lambda: late.make_progressing(memories())),
    ]


def _hides(exchange: Exchange) -> bool:
    return exchange.persona.safety.privacy.mode != "off"


def _leads(exchange: Exchange) -> bool:
    return exchange.persona.dialogue.active


def _recalls(exchange: Exchange) -> bool:
    return exchange.persona.memory.recalls


def _remembers(exchange: Exchange) -> bool:
    return exchange.persona.memory.write != "off"


def _reads(exchange: Exchange) -> bool:
    return exchange.persona.tools.by_rules


def _practises(exchange: Exchange) -> bool:
    return exchange.persona.practice.sums


def _cites(exchange: Exchange) -> bool:
    return bool(exchange.sources) or "extract" in exchange.results


def _goes_on(exchange: Exchange) -> bool:
    return bool(exchange.history)


def _has_task(exchange: Exchange) -> bool:
    return exchange.persona.task.kind != "chat"


def _embed(models: Embeds) -> Callable[[Sequence[str]], Any]:
    return lambda texts: models.embedder().embed(texts)[0].numpy()

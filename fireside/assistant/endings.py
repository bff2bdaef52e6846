"""How long an answer may become where nobody says it, and the line that tells of an early end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from fireside.assistant.repetition import RepetitionGuard
from fireside.sections import PersonaSection

if TYPE_CHECKING:
    from fireside.assistant.answering import Answering
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.wanted import Wanted

MOST: Final = 1024
"""Tokens: some 700 words of English."""
MOST_OF_THINKERS: Final = 4096
"""What a model thinks first counts too."""

LIMIT, WINDOW, REPETITION = range(3)
LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "en": (
        "This answer reached its limit of {} tokens.",
        "This answer reached the end of the model’s window of {} tokens.",
        "This answer was ended: it repeated itself.",
    ),
    "de": (
        "Diese Antwort hat ihre Grenze von {} Tokens erreicht.",
        "Diese Antwort hat das Ende des Fensters von {} Tokens erreicht.",
        "Diese Antwort wurde beendet: sie wiederholte sich.",
    ),
    "es": (
        "Esta respuesta llegó a su límite de {} tokens.",
        "Esta respuesta llegó al final de la ventana de {} tokens.",
        "Esta respuesta se terminó porque se repetía.",
    ),
    "fr": (
        "Cette réponse a atteint sa limite de {} tokens.",
        "Cette réponse a atteint la fin de la fenêtre de {} tokens.",
        "Cette réponse a été arrêtée : elle se répétait.",
    ),
    "zh": (
        "回答已达到 {} 个词元的上限。",
        "回答已用完模型的窗口（{} 个词元）。",
        "回答一直在重复，已被结束。",
    ),
}


class RepetitionConfig(PersonaSection):
    """ends_answer: an answer that repeats itself without end is ended."""

    ends_answer: bool = True


def limit_of(exchange: Exchange, wanted: Wanted) -> int | None:
    """Tokens of an answer, all its rounds together; None is the rest of the window."""
    own = wanted.params.max_tokens
    if own is None and not wanted.is_raw:
        entry = exchange.model.entry
        own = MOST_OF_THINKERS if entry is not None and entry.thinks else MOST
    limits = [each for each in (own, exchange.max_tokens) if each is not None]
    return min(limits, default=None)


def guard_of(exchange: Exchange, wanted: Wanted) -> RepetitionGuard | None:
    """None where every letter is wanted: a step's own reply, a raw model's answer, a shape."""
    is_off = not exchange.persona.repetition.ends_answer
    if is_off or wanted.is_raw or wanted.shape is not None or exchange.reply is not None:
        return None
    guard = RepetitionGuard()
    guard.feed(exchange.begun)
    guard.finish()
    return guard


def early_end(core: Answering, limit: int | None) -> list[str]:
    """The line for an answer that is over; none where it came to its own end."""
    language = core.exchange.persona.language.partition("-")[0].lower()
    lines = LINES.get(language, LINES["en"])
    if core.reason == "repetition":
        return [lines[REPETITION]]
    if core.reason != "length":
        return []
    if limit is not None and core.usage.completion_tokens >= limit:
        return [lines[LIMIT].format(limit)]
    return [lines[WINDOW].format(core.exchange.model.context)]

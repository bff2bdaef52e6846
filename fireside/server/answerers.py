"""Who answers to a name: a model, or a persona with its model.

`persona:NAME` is a model's name in every endpoint that chats.  A name that is neither is a 404 that
says which names come near.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fireside.assistant.assistant import PREFIX
from fireside.assistant.sampling import merged
from fireside.server.models import find

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.assistant.persona import Persona
    from fireside.engine.models import Models
    from fireside.engine.text import TextModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """name: as an answer shows it.  own: whether it is a persona, and not a model's own name."""

    name: str
    persona: Persona
    model: TextModel
    own: bool

    def sampling(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What the caller asked for, and for a persona what it and its model recommend below that.

        A model's own name keeps OpenAI's defaults.
        """
        if not self.own:
            return asked
        return merged(self.model.sampling, self.persona.sampling.under(asked))


async def answerer(
    assistant: Assistant, models: Models, name: str | None, *, owner: str = ""
) -> Answerer:
    """
    Raises:
        UnknownModel: there is no such model or persona, or the persona's model is not here.
        BadRequest: the persona's file has a mistake.
    """
    if name is None or not name.startswith(PREFIX):
        model = await find(models, name, owner=owner)
        own = assistant.named(None)
        return Answerer(name=model.name, persona=own.persona, model=model, own=False)
    named = await asyncio.to_thread(assistant.named, name)
    model = await find(models, named.model, owner=owner)
    return Answerer(name=name, persona=named.persona, model=model, own=True)

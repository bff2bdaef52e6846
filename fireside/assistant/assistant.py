"""The assistant: personas, and the steps that every answer goes through.

One of these serves the page, the terminal and the API, so an answer is made in one way.  It knows
of no rows and no HTTP: `chat.py` and the server bring the history and keep the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fireside.assistant.answering import Answering
from fireside.assistant.persona import DEFAULT, Persona, Personas
from fireside.assistant.pipeline import Pipeline, Receipt, run
from fireside.errors import BadRequest, NotFound, UnknownModel

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.wanted import Wanted

PREFIX: Final = "persona:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a model's name means: who answers, and with which model (None: the caller's default)."""

    persona: Persona
    model: str | None


class Assistant:
    """close: lets go of what the steps hold: other programs.  Blocking."""

    def __init__(
        self,
        personas: Personas | None = None,
        pipeline: Pipeline | None = None,
        *,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.personas = personas or Personas()
        self.close = close
        self._pipeline = pipeline or Pipeline()

    @property
    def names(self) -> list[str]:
        """As models are named: `persona:support`."""
        return [PREFIX + name for name in self.personas.readable]

    def named(self, model: str | None) -> Named:
        """
        Raises:
            UnknownModel: there is no such persona; the line names near ones.
            BadRequest: its file has a mistake.
        """
        if model is None or not model.startswith(PREFIX):
            return Named(persona=DEFAULT, model=model)
        try:
            persona = self.personas.get(model.removeprefix(PREFIX))
        except NotFound as error:
            raise UnknownModel(error.message, param="model") from None
        except BadRequest as error:
            raise BadRequest(error.message, param="model") from None
        if persona.model is not None and persona.model.startswith(PREFIX):
            raise BadRequest(
                f"The persona {persona.name!r} answers with another persona: name a model.",
                param="model",
            )
        return Named(persona=persona, model=persona.model)

    def answering(self, exchange: Exchange, wanted: Wanted) -> Answering:
        """The steps up to the answer.  Slow: not on an event loop.

        Raises:
            FiresideError: a step refuses the turn, or the prompt does not fit.
        """
        receipt = Receipt()
        run(self._pipeline.before, exchange, receipt)
        return Answering(exchange, wanted, self._pipeline, receipt)

"""Step `uncertainty`: how sure the model was of its answer, and what follows where it was not.

Writes `notices`: below the persona's threshold a line that says so, asks what was meant, or tells
what the persona's documents say.  The answer itself stays as it is.  It refuses answers that tools
had a part in: their words are not the model's own, and nothing was fitted on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from fireside.assistant.knowledge import Found, Knowledge
from fireside.assistant.likelihood import Spoken, logprobs
from fireside.assistant.prompt import messages_of
from fireside.assistant.sources import cited, place, with_sources
from fireside.assistant.uncertainty import (
    COMPARED,
    TEMPERATURE,
    Signals,
    load_calibrations,
    of_samples,
    of_tokens,
)
from fireside.engine.params import SamplingParams
from fireside.errors import ContextOverflow
from fireside.messages import Message

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float32

    from fireside.assistant.exchange import Exchange
    from fireside.assistant.steps import Stage

LOOKED_UP: Final = 160  # tokens of a second answer
SAID: Final[Mapping[str, tuple[str, str, str]]] = {
    "en": (
        "I am not sure of this.",
        "I am not sure that I understood. Could you say more exactly what you mean?",
        "I was not sure, so I looked it up:",
    ),
    "de": (
        "Ich bin mir dabei nicht sicher.",
        "Ich bin nicht sicher, ob ich richtig verstanden habe. Was genau ist gemeint?",
        "Ich war nicht sicher und habe nachgesehen:",
    ),
    "es": (
        "No estoy seguro de esto.",
        "No estoy seguro de haber entendido. ¿Podría precisar lo que quiere decir?",
        "No estaba seguro, así que lo he consultado:",
    ),
    "fr": (
        "Je n'en suis pas sûr.",
        "Je ne suis pas sûr d'avoir compris. Pourriez-vous préciser ?",
        "Je n'étais pas sûr, j'ai donc cherché :",
    ),
    "zh": (
        "这一点我不太确定。",
        "我不确定是否理解了您的意思。能说得更具体一些吗？",
        "我不太确定，所以查了一下：",
    ),
}

Embed = Callable[[Sequence[str]], "Float32[np.ndarray, 'N D']"]
"""Texts to vectors of length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """probability: that the answer is right; None where it was not worked out, and `why`."""

    probability: float | None = None
    signals: Signals | None = None
    fitted_on: str = ""
    measured: str = ""
    threshold: float = 0.0
    done: str | None = None
    found: Found | None = None
    why: str = ""

    def as_receipt(self) -> dict[str, Any]:
        if self.probability is None or self.signals is None:
            return {"probability": None, "reason": self.why}
        told: dict[str, Any] = {
            "probability": round(self.probability, 4),
            "threshold": self.threshold,
            "signals": self.signals.as_receipt(),
            "fitted_on": self.fitted_on,
            "measured": self.measured,
        }
        if self.done is not None:
            told["unsure"] = self.done
        if self.found is not None:
            told["looked_up"] = self.found.as_receipt()
        return told


@dataclass(frozen=True, slots=True)
class Uncertain:
    """embed: of the default embedding model.  knowledge: what `look_up` looks in."""

    embed: Embed
    knowledge: Knowledge
    stage: ClassVar[Stage] = "check"
    name: ClassVar[str] = "uncertainty"

    def run(self, exchange: Exchange) -> Sureness | None:
        config = exchange.persona.uncertainty
        if not config.enabled or not exchange.answer.strip() or exchange.reply is not None:
            return None
        if exchange.tool_runs:
            return Sureness(why="tools had a part in the answer")
        try:
            signals = self._signals(exchange, config.samples)
        except ContextOverflow:
            return Sureness(why="the answer fills the window")
        fitted = load_calibrations()["samples" if config.samples else "tokens"]
        probability = fitted.probability(signals)
        done, found = None, None
        if probability < config.threshold:
            done, found = self._say(exchange)
        return Sureness(
            probability=probability,
            signals=signals,
            fitted_on=fitted.fitted_on,
            measured=fitted.measured,
            threshold=config.threshold,
            done=done,
            found=found,
        )

    def _signals(self, exchange: Exchange, samples: int) -> Signals:
        model = exchange.model
        prompt = model.tokenizer.render(messages_of(exchange)).ids
        answer = model.tokenizer.encode(exchange.answer)[:COMPARED]
        [scores] = logprobs(model, [Spoken(prompt, answer)], owner=exchange.owner)
        own = of_tokens(scores)
        if not samples:
            return own
        texts = [""] * samples
        params = SamplingParams(temperature=TEMPERATURE, max_tokens=COMPARED, n=samples, seed=0)
        for event in model.generate(prompt, params, owner=exchange.owner):
            texts[event.index] += event.text
        compared = [model.tokenizer.decode(answer), *texts]
        return of_samples(own, self.embed([text[:1000] or " " for text in compared]))

    def _say(self, exchange: Exchange) -> tuple[str, Found | None]:
        """Append a notice; which one."""
        config = exchange.persona.uncertainty
        language = exchange.persona.language.partition("-")[0].lower()
        say, ask, look_up = SAID.get(language, SAID["en"])
        if config.unsure == "ask":
            exchange.notices.append(config.text or ask)
            return "asked", None
        if config.unsure == "look_up" and not exchange.sources:
            found = self._found(exchange)
            if found is not None and found.sources:
                exchange.notices.append(f"{config.text or look_up} {_answer(exchange, found)}")
                return "looked up", found
            exchange.notices.append(say)
            return "nothing found", found
        exchange.notices.append(config.text or say)
        return "said", None

    def _found(self, exchange: Exchange) -> Found | None:
        knowledge = exchange.persona.knowledge
        if not knowledge.collections or exchange.question.role != "user":
            return None
        return self.knowledge.find(
            exchange.owner, knowledge, exchange.question.content, model=exchange.model
        )


def _answer(exchange: Exchange, found: Found) -> str:
    """A second answer, from the passages, with the places that it cites."""
    model = exchange.model
    said = with_sources(Message(role="user", content=exchange.question.content), found.sources)
    params = SamplingParams(temperature=0.0, max_tokens=LOOKED_UP)
    generation = model.generate(model.tokenizer.render([said]).ids, params, owner=exchange.owner)
    answer = "".join(event.text for event in generation).strip()
    named = [one.source for one in cited(answer, found.sources) if one.source is not None]
    places = dict.fromkeys(place(source) for source in named or found.sources[:1])
    return f"{answer} ({'; '.join(places)})"

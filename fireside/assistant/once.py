"""One answer to one text, with no conversation around it: what files and tables are run through.

It refuses to keep anything, and offers no tool that would have to ask somebody first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fireside.assistant.budget import Budget, Fit
from fireside.assistant.driving import pieces_of
from fireside.assistant.exchange import Exchange
from fireside.assistant.pieces import Notice, Said
from fireside.assistant.sampling import merged
from fireside.assistant.wanted import Wanted
from fireside.engine.params import SamplingParams
from fireside.errors import BadRequest, FiresideError, Interrupted
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.assistant.assistant import Assistant
    from fireside.assistant.persona import Persona
    from fireside.engine.text import TextModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """fields: the answer as columns, where a task gives any.  notices: lines below the answer."""

    text: str
    fields: Mapping[str, Any]
    notices: tuple[str, ...]
    receipt: list[dict[str, Any]]


def answer_once(
    assistant: Assistant,
    persona: Persona,
    model: TextModel,
    text: str,
    *,
    owner: str = "",
    sampling: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = lambda piece: None,
    anyway: bool = False,
) -> Once:
    """say: hears the answer as it comes.  anyway: also where the model is too small.

    Raises:
        BadRequest: the text is empty.
        FiresideError: a step refuses it, or the engine failed.
    """
    if not text.strip():
        raise BadRequest("The text is empty.", param="content")
    own = persona.sampling.under(sampling or {})
    chosen = merged(model.sampling, own)
    params = SamplingParams(**{**chosen, "logprobs": 0})
    params.validate(model.tokenizer.vocab_size)
    exchange = Exchange(
        owner=owner,
        persona=persona,
        model=model,
        question=Message(role="user", content=text),
        anyway=anyway,
    )
    fit = Fit(budget=Budget.of(model.context, chosen.get("max_tokens")))
    core = assistant.answering(exchange, Wanted(params=params, fit=fit, may_ask=False))
    said, notices = [], []
    try:
        for piece in pieces_of(core):
            if isinstance(piece, Said):
                said.append(piece.after + piece.text)
                say(said[-1])
            elif isinstance(piece, Notice):
                notices.append(piece.text)
    except BaseException:
        core.cancel()
        raise
    if core.reason == "error":
        failure = core.generation.error if core.generation is not None else None
        raise failure or FiresideError("The engine failed while it answered.")
    if core.reason == "cancelled":
        raise Interrupted("The answer was stopped.")
    task = exchange.results.get("task")
    return Once(
        text="".join(said),
        fields=getattr(task, "fields", {}),
        notices=tuple(notices),
        receipt=core.receipt.steps,
    )

"""The receipt of an answer: what was sent, what was left out, what ran, how sure, how long.

JSON values only.  Every part of the prompt is counted in tokens, and what the template adds is
counted as its own, so the parts make up the whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fireside.assistant.exchange import Unread
from fireside.assistant.sources import with_sources
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.assistant.answering import Answering
    from fireside.assistant.exchange import Exchange
    from fireside.engine.text import TokenInfo
    from fireside.tokenizer.tokenizer import Tokenizer


def receipt_of(core: Answering, *, sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Of an answer that is over, or was broken off.  Slow: it counts the prompt's tokens."""
    exchange = core.exchange
    told: dict[str, Any] = {
        "model": exchange.model.name,
        "persona": exchange.persona.name,
        "window": core.wanted.fit.budget.window,
        "reserve": core.wanted.fit.budget.reserve,
        "system": bool(exchange.system),
        "steps": list(core.receipt.steps),
        "sent": sent(core),
        "dropped": dropped(exchange),
        "sampling": dict(sampling),
        "mean_logprob": mean_logprob(exchange.tokens),
        "rounds": len(core.generations),
        "exact": exchange.model.is_exact,
        "arithmetic": exchange.model.arithmetic,
    }
    if exchange.tool_runs:
        told["tools"] = [ran.as_receipt() for ran in exchange.tool_runs]
    if core.asked:
        told["asks"] = [
            {"id": each.id, "name": each.name, "label": each.label, "arguments": each.arguments}
            | ({} if each.question is None else {"question": each.question})
            for each in core.asked
        ]
    if exchange.notices:
        told["notices"] = list(exchange.notices)
    if exchange.sources:
        told["sources"] = [
            {
                "number": source.number,
                "file_id": source.file_id,
                "filename": source.filename,
                "page": source.page,
                "score": round(source.score, 4),
            }
            for source in exchange.sources
        ]
    return told


def dropped(exchange: Exchange) -> list[dict[str, Any]]:
    """What stands neither in the prompt nor in its summary: stretches of the conversation, which
    their two ends name."""
    unread, cut = exchange.unread, exchange.kept_from
    ids = [each for each in exchange.history_ids[:cut] if each]
    full = f"the window of {exchange.model.context} tokens is full"
    if exchange.summarised and unread.messages:
        old = "older than what was read for the first summary of this conversation"
        gone = [unread.as_receipt() | {"reason": old}]
        unread = Unread()
    else:
        gone = []
    if cut or unread.messages:
        gone.append(
            {
                "first_id": unread.first_id if unread.messages else next(iter(ids), None),
                "last_id": ids[-1] if ids else unread.last_id,
                "messages": unread.messages + cut,
                "reason": full,
            }
        )
    return gone


def mean_logprob(tokens: Sequence[TokenInfo]) -> float | None:
    known = [token.logprob for token in tokens if token.logprob is not None]
    return round(sum(known) / len(known), 4) if known else None


def sent(core: Answering) -> dict[str, Any] | None:
    """Tokens of the last prompt, part by part; None where no model was asked."""
    if not core.generations:
        return None
    exchange = core.exchange
    tokenizer = exchange.model.tokenizer
    kept = exchange.history[exchange.kept_from :]
    question, shown = exchange.question, exchange.question
    if question.role == "user":
        shown = with_sources(question, exchange.sources, cite=exchange.persona.knowledge.cite)
    parts: dict[str, Any] = {
        "system": _tokens(tokenizer, [exchange.persona.instructions, exchange.instructions or ""]),
        "sections": {
            section.name: _tokens(tokenizer, [section.text]) for section in exchange.sections
        },
        "history": _tokens(tokenizer, [text for message in kept for text in _texts(message)]),
        "question": _tokens(tokenizer, _texts(question)),
        "passages": _tokens(tokenizer, [shown.content]) - _tokens(tokenizer, [question.content]),
        "tools": _tokens(tokenizer, [json.dumps(each.as_tool) for each in core.functions]),
        "results": _tokens(
            tokenizer, [text for message in core.composing.since for text in _texts(message)]
        ),
    }
    if exchange.begun:
        parts["begun"] = _tokens(tokenizer, [exchange.begun])
    total = core.generations[-1].usage.prompt_tokens
    known = sum(sum(v.values()) if isinstance(v, dict) else v for v in parts.values())
    return {**parts, "template": total - known, "total": total}


def _texts(message: Message) -> list[str]:
    return [message.content, *(call.name + call.arguments for call in message.tool_calls)]


def _tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> int:
    return sum(len(tokenizer.encode(text)) for text in texts if text)

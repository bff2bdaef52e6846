"""Step `privacy`: personal data in what was said, before anything is stored or reaches the model.

Writes `question`, `history`, `filters` and, where values are to come back for their owner's eyes,
`shown`.  Its receipt has kinds and counts, never a value.  It refuses to touch a persona without
`[safety.privacy]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fireside.assistant.steps import Stage
from fireside.errors import BadRequest
from fireside.messages import Message
from fireside.safety.privacy.finder import Finder, Found, load_finder, tally
from fireside.safety.privacy.kinds import IN_WORDS, Kind
from fireside.safety.privacy.masks import AnswerMask, redacted
from fireside.safety.privacy.pseudonyms import Pseudonyms, Showing

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.safety.privacy.config import Mode, PrivacyConfig
    from fireside.safety.privacy.vault import Vault

T = TypeVar("T")
LONGEST: Final = 400_000
"""Characters of one message: at 70 µs each, the worst that was measured, half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyResult:
    """found: in the question, by kind.  mask: of the answer, which counts as it goes.
    hides: the same again for another text.  hiding: where values are to come back."""

    mode: Mode
    found: Mapping[Kind, int]
    hides: Callable[[str], str]
    mask: AnswerMask | None = None
    hiding: Hiding | None = None

    def as_receipt(self) -> dict[str, Any]:
        return {"mode": self.mode, "found": dict(self.found)}

    def after(self) -> dict[str, Any]:
        """What the receipt says more, once the answer is over."""
        return {} if self.mask is None else {"masked": dict(sorted(self.mask.counts.items()))}

    def reveal(self, arguments: str) -> str:
        """A tool's arguments (JSON) with the values that it needs; what is no JSON, or nested
        too deeply, stays."""
        if self.hiding is None or "[" not in arguments:
            return arguments
        try:
            given = _within(json.loads(arguments), self.hiding.shown)
            return json.dumps(given, ensure_ascii=False)
        except (ValueError, RecursionError):
            return arguments

    def hide(self, text: str) -> str:
        """What a tool gave back, as the model may read it and a row may hold it."""
        return self.hides(text)


class Hiding:
    """The pseudonyms of a conversation; without a vault or a conversation, of this turn."""

    def __init__(self, vault: Vault | None, owner: str, scope: str | None) -> None:
        self._vault, self._owner, self._scope = vault, owner, scope
        self._names = Pseudonyms()

    def hide(self, work: Callable[[Pseudonyms], T]) -> T:
        """Raises Corrupt: the vault's key is lost."""
        if self._vault is None or self._scope is None:
            return work(self._names)
        made, self._names = self._vault.hide(self._owner, self._scope, work)
        return made

    def shown(self, text: str) -> str:
        return self._names.shown(text)


class Privacy:
    """vault: None keeps pseudonyms for one turn only.  find: for tests; else loaded when wanted."""

    stage: Stage = "protect"
    name = "privacy"

    def __init__(self, vault: Vault | None, finder: Callable[[], Finder] = load_finder) -> None:
        self._vault = vault
        self._finder = finder

    def run(self, exchange: Exchange) -> PrivacyResult | None:
        """
        Raises:
            BadRequest: the mode is `block` and the question holds personal data; or it is longer
                than can be looked at.
            Corrupt: the vault's key is lost.
        """
        config = exchange.persona.safety.privacy
        if config.mode == "off":
            return None
        texts = [exchange.question, *exchange.history]
        if max(len(message.content) for message in texts) > LONGEST:
            raise BadRequest(
                f"A message has at most {LONGEST:,} characters where a persona protects personal "
                "data: send it in parts."
            )
        look = _Look(self._finder(), config)
        found = look.at(exchange.question)
        hiding = None
        hides = look.redacted
        if config.mode == "block":
            _refuse(found)
        elif config.mode == "redact":
            exchange.question = _redact(exchange.question, look)
            exchange.history = [_redact(message, look) for message in exchange.history]
        else:
            hiding = Hiding(self._vault, exchange.owner, exchange.scope)
            hides = partial(_hide_text, hiding, look)
            self._pseudonymise(exchange, look, hiding)
        mask = None
        if config.answers:
            mask = AnswerMask(look.finder, config.kinds, config.allow)
            exchange.filters.append(mask)
        return PrivacyResult(
            mode=config.mode, found=tally(found), mask=mask, hiding=hiding, hides=hides
        )

    def _pseudonymise(self, exchange: Exchange, look: _Look, hiding: Hiding) -> None:
        def work(names: Pseudonyms) -> tuple[Message, list[Message]]:
            history = [_hide(message, look, names) for message in exchange.history]
            return _hide(exchange.question, look, names), history

        exchange.question, exchange.history = hiding.hide(work)
        exchange.shown.append(Showing(hiding.shown))


@dataclass(frozen=True, slots=True)
class _Look:
    finder: Finder
    config: PrivacyConfig

    def at(self, message: Message) -> list[Found]:
        return self.of(message.content)

    def of(self, text: str) -> list[Found]:
        return self.finder.find(text, self.config.kinds, self.config.allow)

    def redacted(self, text: str) -> str:
        return redacted(text, self.of(text))


def _hide_text(hiding: Hiding, look: _Look, text: str) -> str:
    found = look.of(text)
    return hiding.hide(lambda names: names.hidden(text, found)) if found else text


def _redact(message: Message, look: _Look) -> Message:
    return replace(message, content=redacted(message.content, look.at(message)))


def _hide(message: Message, look: _Look, names: Pseudonyms) -> Message:
    return replace(message, content=names.hidden(message.content, look.at(message)))


def _within(value: Any, change: Callable[[str], str]) -> Any:
    """JSON with every string changed, names of members too."""
    match value:
        case str():
            return change(value)
        case list():
            return [_within(each, change) for each in value]
        case dict():
            return {change(name): _within(each, change) for name, each in value.items()}
        case _:
            return value


def _refuse(found: Sequence[Found]) -> None:
    kinds = list(tally(found))
    if kinds:
        said = ", ".join(IN_WORDS[kind] for kind in kinds)
        raise BadRequest(
            f"This message was not taken, for it holds {said}: leave that out and send it again.",
            code="personal_data",
        )

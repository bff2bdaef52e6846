"""Personal data out of texts: what has a recognisable form is replaced by its kind.

Presidio's own recognisers of forms and check sums do the finding: e-mail addresses, telephone,
card, account and social security numbers, IP and MAC addresses, wallets, web addresses.  Names of
people and places have no form, and are not found; nothing is fetched, and no language model used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fireside.data.examples import Chat, Example, Judged, Preference, Problem, Text
from fireside.data.extras import needed
from fireside.messages import Message

LEAST_SCORE = 0.4
"""Presidio's patterns without a check sum score 0.4 and more; guesses by bare digits, 0.05."""

LEAST_URL = 0.6
"""Addresses with a scheme.  Without one, "the end.It was" would be an Italian host."""

# Asking every recogniser costs 10 ms a paragraph, and most paragraphs hold nothing: so each is
# asked only about lines that have what all of its forms have.
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){3}")
_WALLET = re.compile(r"[a-zA-Z0-9]{26}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recogniser:
    backend: Any
    entities: list[str]
    gate: re.Pattern[str]


class Redactor:
    """Replaces personal data, e.g. by <EMAIL_ADDRESS>."""

    def __init__(self) -> None:
        self._recognisers = list(_recognisers())

    def text(self, text: str) -> str:
        return "".join(self._line(line) for line in text.splitlines(keepends=True))

    def _line(self, line: str) -> str:
        found: list[tuple[float, int, int, str]] = []
        for one in self._recognisers:
            if one.gate.search(line):
                for result in one.backend.analyze(line, one.entities, None):
                    least = LEAST_URL if result.entity_type == "URL" else LEAST_SCORE
                    if result.score >= least:
                        size = result.end - result.start
                        found.append((-result.score, -size, result.start, result.entity_type))
        taken: list[tuple[int, int, str]] = []
        for _, size, start, kind in sorted(found):  # the surest first, then the longest
            end = start - size
            if all(end <= first or start >= last for first, last, _ in taken):
                taken.append((start, end, kind))
        for start, end, kind in sorted(taken, reverse=True):
            line = f"{line[:start]}<{kind}>{line[end:]}"
        return line

    def _message(self, message: Message) -> Message:
        calls = tuple(
            replace(call, arguments=self.text(call.arguments)) for call in message.tool_calls
        )
        return replace(message, content=self.text(message.content), tool_calls=calls)

    def _messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        return tuple(self._message(message) for message in messages)

    def example(self, example: Example) -> Example:
        """The example without personal data; the very same where it has none."""
        changed: Example
        match example:
            case Text(text=text):
                changed = replace(example, text=self.text(text))
            case Chat(messages=messages):
                changed = replace(example, messages=self._messages(messages))
            case Preference(prompt=prompt, chosen=chosen, rejected=rejected):
                changed = replace(
                    example,
                    prompt=self._messages(prompt),
                    chosen=self._message(chosen),
                    rejected=self._message(rejected),
                )
            case Judged(prompt=prompt, answer=answer):
                changed = replace(
                    example, prompt=self._messages(prompt), answer=self._message(answer)
                )
            case Problem(prompt=prompt, answer=result):
                changed = replace(example, prompt=self._messages(prompt), answer=self.text(result))
        return example if changed == example else changed


def _recognisers() -> Iterator[_Recogniser]:
    # Eight seconds where transformers is installed, for presidio imports it: so only when wanted.
    with needed("Finding personal data"):
        from presidio_analyzer import predefined_recognizers as presidio

    gates = {
        "CreditCardRecognizer": _DIGITS,
        "CryptoRecognizer": _WALLET,
        "IbanRecognizer": _DIGITS,
        "IpRecognizer": re.compile(r"[0-9A-Fa-f][.:]"),
        "MacAddressRecognizer": _MAC,
        "PhoneRecognizer": _DIGITS,
        "UrlRecognizer": re.compile(r"://|www\.", re.IGNORECASE),
        "UsSsnRecognizer": _DIGITS,
    }
    backends = [(getattr(presidio, name)(), gate) for name, gate in gates.items()]
    backends.append((_offline_email(presidio), re.compile("@")))
    for backend, gate in backends:
        yield _Recogniser(backend=backend, entities=list(backend.supported_entities), gate=gate)


def _offline_email(presidio: Any) -> Any:
    """Presidio's recogniser of e-mail addresses, with the list of domains that is on the disk.

    Its own would fetch the list from publicsuffix.org at the first address that it sees.
    """
    import tldextract

    known = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmail(presidio.EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(known(pattern_text).top_domain_under_public_suffix)

    return OfflineEmail()

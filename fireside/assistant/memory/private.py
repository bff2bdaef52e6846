"""What is never remembered by itself: secrets, and what tells one person from all others.

Two looks: words and forms that memory alone is wary of (a door code, any long number, any long mix
of letters and digits), and what the privacy room finds.  Names, places and dates pass: memory is
for those.  A person who writes a fact by hand is warned, and may insist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from fireside.errors import BadRequest
from fireside.safety.privacy.kinds import IN_WORDS, PLACEHOLDER, Kind


class Finding(Protocol):
    @property
    def kind(self) -> Kind: ...


class Finds(Protocol):
    """The privacy room's door (`safety.privacy.finder.Finder`): personal data in a text."""

    def find(self, text: str) -> Sequence[Finding]: ...


class PersonalData(BadRequest):
    """`kinds`: what was found, without its words."""

    default_code = "personal_data"

    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__(
            f"The fact holds {' and '.join(kinds)}, which is not remembered by itself: leave that "
            "out, or say that you want it kept all the same (personal: true, or --personal).",
            param="text",
        )
        self.kinds = tuple(kinds)


PASSING: Final = frozenset({"NAME"})
"""Kinds of the privacy room that a fact may hold: what people are called."""

_DATE = re.compile(r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\b")
_FORMS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "a secret",
        re.compile(
            r"\b(?:pass(?:word|code|phrase)s?|pin(?: (?:code|number))?|pwd|api[- ]?keys?|"
            r"access[- ]?tokens?|private keys?|secret keys?|seed phrase|cvv|login|passwort|"
            r"contraseña|mot de passe|"
            r"(?:wi-?fi|wlan|door|gate|garage|house|alarm|safe|lock(?:er)?|entry|access|security|"
            r"unlock|recovery|backup|verification|voicemail|sim)(?:'s)? "
            r"(?:code|combination|key|phrase|answer|question)s?|"
            r"maiden name|puk)\b|密码|口令|验证码",
            re.IGNORECASE,
        ),
    ),
    (
        "a key",
        re.compile(
            r"(?<![A-Za-z0-9_-])-*+\b(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])"
            r"[A-Za-z0-9_-]{20,}\b|-----BEGIN"
        ),
    ),
    (
        "a number of a person, an account or a telephone",
        re.compile(r"(?:\d[\s().+/-]{0,2}){7,}"),
    ),
)


def load_finder() -> Finds:
    # A second and more with what it imports, so only when a fact is looked at.
    from fireside.safety.privacy.finder import load_finder as load

    return load()


def private_in(text: str, finds: Callable[[], Finds] = load_finder) -> tuple[str, ...]:
    """What a text holds that is not remembered by itself, each once; () where there is nothing."""
    if PLACEHOLDER.search(text):
        return ("a masked value",)
    without_dates = _DATE.sub("", text)
    found = [name for name, form in _FORMS if form.search(without_dates)]
    if not found:
        kinds = (each.kind for each in finds().find(without_dates))
        found = [IN_WORDS[kind] for kind in kinds if kind not in PASSING]
    return tuple(dict.fromkeys(found))


def refuse_private(text: str, finds: Callable[[], Finds] = load_finder) -> None:
    """
    Raises:
        PersonalData: the text holds a secret or personal data; the line names which.
    """
    if found := private_in(text, finds):
        raise PersonalData(found)

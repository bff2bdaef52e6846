"""The kinds of personal data: a word for each, as placeholders, receipts and refusals name it.

It refuses to know how one is found.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

Kind = Literal[
    "NAME",
    "ADDRESS",
    "PHONE",
    "EMAIL",
    "CARD",
    "IBAN",
    "ID",
    "IP",
    "MAC",
    "WALLET",
    "SECRET",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

IN_WORDS: Final[dict[Kind, str]] = {
    "NAME": "a person's name",
    "ADDRESS": "an address",
    "PHONE": "a telephone number",
    "EMAIL": "an e-mail address",
    "CARD": "a card number",
    "IBAN": "a bank account",
    "ID": "an identity, tax or account number",
    "IP": "an IP address",
    "MAC": "a device address",
    "WALLET": "a wallet address",
    "SECRET": "a key, token or password",
}

_OF_ENTITY: Final[dict[str, Kind]] = {
    "PERSON": "NAME",
    "ADDRESS": "ADDRESS",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "CRYPTO": "WALLET",
    "SECRET": "SECRET",
}

LITERAL: Final = "LITERAL"
"""The kind of a placeholder that a person typed themselves: it stands for itself."""

PLACEHOLDER: Final = re.compile(rf"\[({'|'.join(KINDS)}|{LITERAL})_([1-9][0-9]{{0,5}})\]")
LONGEST_PLACEHOLDER: Final = max(map(len, KINDS)) + 9


def kind_of(entity: str) -> Kind | None:
    """Of Presidio's word for it; None for what is no personal data to us (web addresses)."""
    if entity == "URL":
        return None
    return _OF_ENTITY.get(entity, "ID")

"""Personal data that has a form, in one look: what `forms.py`, `numbers.py`, `accounts.py` and
`secrets.py` find.

The assistant's privacy and the cleaning of training data both use it.  Names of people and places
have no form, and are not found here.
"""

from __future__ import annotations

from collections.abc import Iterator

from fireside.data.accounts import accounts
from fireside.data.forms import Span, load_forms
from fireside.data.numbers import is_named_otherwise, is_no_phone, numbers
from fireside.data.secrets import secrets


def personal_spans(text: str) -> Iterator[Span]:
    """Of a plain text (`plain_text.py`); they may overlap (`forms.apart` chooses)."""
    for span in load_forms().spans(text):
        match span.entity:
            case "PHONE_NUMBER":
                other = is_no_phone(text, span.start, span.end)
            case "US_SSN":
                other = is_named_otherwise(text, span.start)
            case _:
                other = False
        if not other:
            yield span
    yield from numbers(text)
    yield from accounts(text)
    yield from secrets(text)

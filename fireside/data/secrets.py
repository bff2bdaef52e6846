"""Keys and tokens in a text: by the form that their makers gave them, or by name and disorder.

A form with a maker's prefix counts by itself (AWS, GitHub, Stripe, ...), a JWT if its head is JSON,
a private key if it has its first line.  Anything else only behind a word such as `api_key` or
`password`, and only if it looks drawn by chance: words and repetitions do not.  It refuses to try
one out.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from fireside.data.forms import Span

ENTITY: Final = "SECRET"
LEAST_BITS: Final = 2.9
"""Bits a character (Shannon) from which a value counts as drawn by chance: 20 random hex digits
have 3.3 ± 0.2, an English word of 12 letters under 3.3 but without a digit among them."""

_MADE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255}"
    r"|glpat-[A-Za-z0-9_-]{20,64}|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,512}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-\d-[A-Za-z0-9-]{10,255}"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,512}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9+/=]{24,255}"
    r"|sk-(?:ant-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,255}|hf_[A-Za-z]{30,64}"
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|SK[0-9a-f]{32}"
    r"|dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|\d{8,10}:AA[A-Za-z0-9_-]{33}"
    r")(?![A-Za-z0-9])"
)
_JWT: Final = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,4096}\.[A-Za-z0-9_-]{5,8192}\.[A-Za-z0-9_-]{0,2048}"
)
_PEM: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")
_IN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,128}:([^\s/@]{1,256})@")
_SAID: Final = re.compile(
    r"(?i)(?<![^\W_])((?:api|access|secret|private|auth|client|encryption|signing|account)[ _-]?"
    r"(?:key|token|secret)|secret|token|bearer|passwor[dt]|passphrase|passwd|pwd|pass[ _-]?code)"
    r"(?![^\W_])[\"']?(?:\s{0,3}(?:[:=]|=>|\bis\b|\bwas\b)\s{0,3}|\s{1,3})[\"'`]?([^\s\"'`<>,;]{6,512})"
)
_PASSWORDS: Final = re.compile(r"(?i)pass|pwd")


def secrets(text: str) -> Iterator[Span]:
    """Spans of entity `SECRET`; the value alone, without the name before it."""
    for found in _MADE.finditer(text):
        if _drawn(found[0].rpartition("_")[2], 2.5):
            yield _span(found.start(), found.end(), 0.95)
    for found in _JWT.finditer(text):
        if _is_jwt(found[0]):
            yield _span(found.start(), found.end(), 1.0)
    last = 0
    for found in _PEM.finditer(text):
        if found.start() < last:
            continue
        end = _PEM_END.search(text, found.end())
        last = end.end() if end else len(text)
        yield _span(found.start(), last, 1.0)
    for found in _IN_URL.finditer(text):
        yield _span(found.start(1), found.end(1), 0.9)
    for found in _SAID.finditer(text):
        value = found[2].rstrip(".!?)]}")
        joined = bool(re.search(r"[:=]|\bis\b|\bwas\b", text[found.end(1) : found.start(2)]))
        if _looks_secret(value, password=bool(_PASSWORDS.search(found[1])), joined=joined):
            yield _span(found.start(2), found.start(2) + len(value), 0.7)


def _looks_secret(value: str, *, password: bool, joined: bool) -> bool:
    digits = any(letter.isdigit() for letter in value)
    if password:
        mixed = digits or not value.isalnum()
        return joined and mixed and any(c.isalpha() for c in value) and len(set(value)) > 4
    return digits and len(value) >= 16 and _drawn(value, LEAST_BITS)


def _drawn(value: str, least: float) -> bool:
    """Whether its letters are as many and as mixed as chance makes them."""
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= least


def _is_jwt(text: str) -> bool:
    head = text.split(".")[0]
    try:
        read = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        return False
    return isinstance(read, dict) and "alg" in read


def _span(start: int, end: int, score: float) -> Span:
    return Span(start=start, end=end, entity=ENTITY, score=score)

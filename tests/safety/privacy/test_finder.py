"""What is found, and what is not: checks hold, hostile texts cost little, clean ones stay clean."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data.numbers import luhn
from fireside.safety.privacy.finder import Finder, load_finder, tally
from fireside.safety.privacy.kinds import IN_WORDS, KINDS
from tests.measures import seconds


@pytest.fixture(scope="module")
def finder() -> Finder:
    return load_finder()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("EMAIL", "ana.lee+x@mail.example.co.uk", "write to {} today"),
        ("PHONE", "+44 (0)1632 960183", "my number is {}."),
        ("PHONE", "415-555-2671", "call me at {}"),
        ("PHONE", "001-322-896-1113x3060", "it is {}"),
        ("CARD", "4111 1111 1111 1111", "card {} please"),
        ("CARD", "2223003122003222", "pay with {}"),
        ("CARD", "213106753751005", "{} is my card"),
        ("IBAN", "DE89 3704 0044 0532 0130 00", "IBAN {}"),
        ("ID", "512-34-6789", "SSN {}"),
        ("ID", "C12345678", "my passport is {}"),
        ("ID", "RSSMRA85T10A562S", "{}"),
        ("ID", "943 476 5919", "NHS number {}"),
        ("ID", "ABCPK1234F", "his PAN is {}"),
        ("ID", "D1234567", "driver's license number is {}"),
        ("IP", "203.0.113.77", "from {} it came"),
        ("IP", "2001:db8:85a3:0:0:8a2e:370:7334", "from {}"),
        ("IP", "::ffff:81.2.69.142", "from {} today"),
        ("MAC", "00:1A:2B:3C:4D:5E", "device {}"),
        ("WALLET", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "send to {}"),
        ("SECRET", "AKIA" + "IOSFODNN7EXAMPLE", "key {} leaked"),
        ("SECRET", "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "{}"),
        ("SECRET", "sk-proj-" + "Zx81kQpLm02nVbT7rYw3", "OPENAI_API_KEY={}"),
        ("SECRET", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Bearer {}"),
        ("SECRET", "Tr0ub4dor&3", "my password is {}"),
        ("SECRET", "s3cr3tpw", "postgres://app:{}@db.local/x"),
        ("SECRET", "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c", "client_secret = '{}'"),
        ("NAME", "Ana Lee", "lunch with {} on Tuesday"),
        ("NAME", "John Q. Smith", "{} will be there"),
        ("NAME", "Ngozi Okonkwo", "my name is {} and"),
        ("NAME", "Zyxwv", "Dear Mr. {}, thank you"),
        ("NAME", "José García", "{} called"),
        ("NAME", "王小明", "我叫{}"),
        ("ADDRESS", "221B Baker Street, London NW1 6XE", "He lives at {}"),
        ("ADDRESS", "742 Evergreen Terrace Apt. 5\nSpringfield, IL 62704", "ship to {}"),
        ("ADDRESS", "Hauptstraße 12a, 10115 Berlin", "Adresse: {}"),
        ("ADDRESS", "12 rue de la Paix\n75002 Paris", "au {}"),
        ("ADDRESS", "P.O. Box 4411", "to {}"),
        ("ADDRESS", "北京市朝阳区建国路88号", "我住在{}"),
    ],
)  # fmt: skip
def test_found(finder: Finder, kind: str, value: str, text: str) -> None:
    filled = text.format(value)
    found = [one for one in finder.find(filled) if one.kind == kind]
    assert found, finder.find(filled)
    covered = "".join(filled[one.start : one.end] for one in found)
    letters = re.sub(r"\W", "", value)
    assert letters in re.sub(r"\W", "", covered)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("\uff14\uff11\uff11\uff11" + "\uff11" * 12, "CARD"),
        ("a\u200bna@exam\u00adple.com", "EMAIL"),
        ("\uff41\uff4e\uff41\uff20\uff45\uff58.com", "EMAIL"),
        ("DE89\u2060 3704 0044 0532 0130 00", "IBAN"),
    ],
)
def test_it_reads_what_a_person_reads(finder: Finder, value: str, kind: str) -> None:
    text = f"\ufeffmy one: {value}, and \u200b more"
    (found,) = finder.find(text)
    assert (found.kind, text[found.start : found.end]) == (kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "In 1984, 3.14159 of 1,000,000 ran.It was 12:30; pages 10-20.",
        "The order 4111 1111 1111 1112 was shipped.",  # no card: Luhn
        "DE88370400440532013000 is not an account.",  # no IBAN: mod 97
        "Version 1.2.3.4.5 of the library, see section 10.20.30.",
        "Will May march in April? June and Rose hope so. Paris is in France.",
        "The token is valid; the password is required. A secret: be kind.",
        "def password(token): return token.key",
        "api_key = aaaaaaaaaaaaaaaaaaaaaaaa1",
        "eyJhbGciOi.not-json.at-all",
        "We met at the University of Virginia, near Lake Victoria.",
        "Call 911 in an emergency.",
        "Add 2 cups of flour and bake at 350 for 45 minutes.",
        "print(x[0:5], y[::2])",
        "你好，今天天气很好。",
        "Это обычное предложение без имён.",
        "[EMAIL_1] wrote to [NAME_2]",
        "",
    ],
)
def test_not_found(finder: Finder, text: str) -> None:
    assert finder.find(text) == []


def test_a_wrong_check_digit_is_no_card(finder: Finder) -> None:
    for last in "023456789":
        assert not [
            one for one in finder.find(f"pay 411111111111111{last} now") if one.kind == "CARD"
        ], last
    assert luhn("4111111111111111")


@given(st.integers(0, 10**18), st.integers(0, 18))
def test_luhn_sees_every_single_wrong_digit(number: int, place: int) -> None:
    digits = str(number)
    check = next(d for d in "0123456789" if luhn(digits + d))
    whole = digits + check
    place %= len(whole)
    for other in "0123456789":
        if other != whole[place]:
            assert not luhn(whole[:place] + other + whole[place + 1 :])


@given(text=st.text(max_size=300))
def test_any_text_has_findings_in_order_and_apart(text: str) -> None:
    found = load_finder().find(text)
    at = 0
    for one in found:
        assert at <= one.start < one.end <= len(text)
        at = one.end


def test_kinds_and_allowed_values_are_kept(finder: Finder) -> None:
    text = "Ana Lee, ana@example.com or Help@Example.com"
    assert tally(finder.find(text)) == {"EMAIL": 2, "NAME": 1}
    assert tally(finder.find(text, ["EMAIL"], ["help@example.com"])) == {"EMAIL": 1}
    assert set(IN_WORDS) == set(KINDS)


def test_a_private_key_is_found_whole(finder: Finder) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow\n" * 20 + "-----END RSA PRIVATE KEY-----"
    (found,) = finder.find(f"look:\n{key}\nthat was it")
    assert (found.kind, found.start, found.end) == ("SECRET", 6, 6 + len(key))
    cut = finder.find(f"look:\n{key[:100]}")[0]
    assert cut.end == 106  # without its end, to the end


HOSTILE = [
    "1 2 3 4 ", "1.1.1.1.", "a@", "Aa-", "Via Aa ", "中市", "Flat 1 Aa Bb ", "123-45-", "AKIA",
    "password password ", "call 1-1-1-1-1-1-", "-----BEGIN PRIVATE KEY-----", "eyJaaaaa.", "O'",
]  # fmt: skip


@pytest.mark.parametrize("seed", HOSTILE)
def test_hostile_texts_cost_no_more_than_their_length(finder: Finder, seed: str) -> None:
    """Twice the text, about twice the work."""

    def cost(size: int) -> float:
        text = (seed * size)[:size]
        return seconds(lambda: finder.find(text), tries=2)

    small, large = cost(2_000), cost(8_000)
    assert large < 10 * small + 0.2


def test_a_megabyte_is_read(finder: Finder) -> None:
    text = "word " * 200_000 + "ana@example.com"
    (found,) = finder.find(text)
    assert text[found.start : found.end] == "ana@example.com"


def test_ordinary_passages_hold_next_to_no_forms(finder: Finder, shared_data: Path) -> None:
    rows = (shared_data / "instructions_train.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(row)["response"] for row in rows[:300]]
    forms = [k for k in KINDS if k != "NAME"]
    found = [one for text in texts for one in finder.find(text, forms)]
    assert len(found) <= 5


def test_nothing_heavy_is_imported_before_it_is_wanted() -> None:
    heavy = "{'presidio_analyzer', 'spacy', 'phonenumbers', 'cryptography.hazmat'}"
    code = (
        "import sys, fireside.cli.main, fireside.server.app, fireside.assistant.persona; "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

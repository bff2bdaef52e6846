"""Personal numbers in every writing, and numbers that are nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data.accounts import accounts
from fireside.data.numbers import numbers
from fireside.data.plain_text import PlainText
from fireside.data.privacy import Redactor
from fireside.safety.privacy.finder import load_finder
from fireside.safety.privacy.kinds import KINDS, Kind
from tests.measures import seconds

FORMS = [kind for kind in KINDS if kind != "NAME"]
SEPARATORS = ["", " ", "  ", "-", ".", "/", "_", "\t", " - ", "\u00b7", *map(chr, [
    0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000,  # every space
    0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58, 0xFE63, 0xFF0D,
])]  # fmt: skip
GROUPED: list[tuple[Kind, str, str]] = [
    ("CARD", "Card {} please", "4111 1111 1111 1111"),
    ("CARD", "{} is mine", "5500 0000 0000 0004"),
    ("CARD", "my amex: {}", "3782 822463 10005"),
    ("IBAN", "IBAN {} please", "DE89 3704 0044 0532 0130 00"),
    ("IBAN", "pay {} now", "gb82 west 1234 5698 7654 32"),
    ("ID", "SSN {} please", "536 22 8145"),
    ("ID", "my social security number is {}.", "536 22 8145"),
]


def in_the_open(text: str, value: str, kind: Kind) -> str:
    """Letters and digits of the value that no finding of the kind covers."""
    covered = {at for one in load_finder().find(text, [kind]) for at in range(one.start, one.end)}
    start = text.index(value)
    return "".join(
        text[at]
        for at in range(start, start + len(value))
        if text[at].isalnum() and at not in covered
    )


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
@pytest.mark.parametrize(("kind", "frame", "groups"), GROUPED)
def test_whatever_stands_between_the_groups(
    kind: Kind, frame: str, groups: str, separator: str
) -> None:
    value = separator.join(groups.split())
    assert in_the_open(frame.format(value), value, kind) == ""


NAMED: list[tuple[Kind, str]] = [
    ("ID", "my ssn is 536228145"), ("ID", "ssn=536228145"), ("ID", "Social Security No. 536228145"),
    ("ID", "passport C01X00T47"), ("ID", "My passport no is 533380006"),
    ("ID", "Reisepass C01X00T47"), ("ID", "tax id is 123456789"), ("ID", "EIN 12-3456789"),
    ("ID", "Steuernummer 21/815/08150"), ("ID", "Kontonummer 648489890"),
    ("ID", "meine kontonummer lautet 0532013000"), ("ID", "my account number is 000123456789"),
    ("ID", "routing number 021000021"), ("ID", "driver's license D1234567"),
    ("ID", "NINO: QQ123456C"), ("ID", "DNI 12345678Z"), ("ID", "NIE X-1234567-L"),
    ("ID", "codice fiscale rssmra85t10a562s"), ("ID", "my BSN is 123456782"),
    ("ID", "CPF 123.456.789-09"), ("ID", "Aadhaar 2345 6789 0124"), ("ID", "SIN 046 454 286"),
    ("ID", "身份证号 11010519491231002X"), ("ID", "national id 1234567890"), ("ID", "MRN 00123456"),
    ("ID", "numéro de sécurité sociale 1 85 05 78 006 084 36"),
    ("CARD", "card number is 4111111111111111"), ("CARD", "my card number is 4111 1111 1111 1112"),
    ("CARD", "visa 4222222222222"), ("CARD", "card: 4111-1111/1111 1111"),
    ("CARD", "Card4111111111111111"), ("CARD", "x4111111111111111"),
    ("CARD", "4111111111111111exp"), ("CARD", "visa4111 1111 1111 1111"),
    ("CARD", "4111-1111-1111-1111CVV"), ("CARD", "card no.4111111111111111a"),
    ("CARD", "卡号4111111111111111"), ("CARD", "3056 930902 5904"),
    ("CARD", "4111 1111\n1111 1111 is mine"), ("CARD", "Card ٤١١١ ١١١١ ١١١١ ١١١١"),
    ("CARD", "card ４１１１１１１１１１１１１１１１"), ("CARD", "card 𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏"),
    ("IBAN", "iban gb82west12345698765432"), ("IBAN", "NO93 8601 1117 947"),
    ("IBAN", "my IBAN is DE00 3704 0044 0532 0130 00"), ("IBAN", "DE89 3704 0044\n0532 0130 00"),
    ("PHONE", "phone 4155552671"), ("PHONE", "+1 (415) 555-2671"), ("PHONE", "415 555 2671"),
    ("PHONE", "415\u2011555\u20112671"), ("PHONE", "+44 (0)20 7946 0958"),
    ("PHONE", "01 23 45 67 89"), ("PHONE", "01.23.45.67.89"), ("PHONE", "tel: 030 / 901820"),
    ("PHONE", "\u202a+49\u00a0170\u00a01234567\u202c"), ("PHONE", "手机13812345678"),
    ("PHONE", "+49 170\n1234567"), ("SECRET", "cvv is 123"), ("SECRET", "PIN: 4711"),
    ("MAC", "00\u20111A\u20112B\u20113C\u20114D\u20115E"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), NAMED)
def test_a_number_behind_its_name_or_in_its_own_form(kind: Kind, text: str) -> None:
    digits = {at for at, letter in enumerate(text) if letter.isdecimal()}
    found = load_finder().find(text, FORMS)
    assert digits <= {at for one in found for at in range(one.start, one.end)}
    assert {one.kind for one in found} == {kind}


NOBODYS = [
    "Upgrade to version 1.2.3.4 today.", "We run v2.14.0.3 in production.",
    "Chrome/120.0.6099.109 Safari/537.36", "openssl 1.1.1.4 is affected", "foo-1.2.3.4.tar.gz",
    "Updated from 4.2.1.7 to 4.2.1.9.", "pip install foo==1.2.3.4", "see section 10.20.30.40",
    "build 192.168.100.7 of the tool", "iOS 9.3.5.1 and Android 8.1.0.2", "1.2.3.4.5",
    "ISBN 978-3-16-148410-0", "The book (978-0-306-40615-7) is out.", "ISBN 0-306-40615-2",
    "Order number 415-555-2671 shipped.", "Order #112-3456789-1234567", "order 2025550123 was late",
    "Invoice no. 2024-0315-77", "Tracking: 9400 1000 0000 0000 0000 00", "ticket 123-45-6789",
    "It is at 40.7128, -74.0060.", "Coordinates: 48.8566, 2.3522", "On 2024-03-04 12:30:45 it was.",
    "01.02.2023 - 03.04.2024", "between 1990-2000 and 2010-2020", "1700000000000", "1234567890",
    "The population was 8 336 817 in 2020.", "It cost 1,234,567.89 dollars.", "3.14159265358979",
    "https://example.com/4111111111111111/a", "sha 4111111111111111aa",
    "9f4111111111111111e3ab", "commit a4111111111111111", "x4111111111111112", "SKU 555-123-4567",
    "uuid 550e8400-e29b-41d4-a716-446655440000", "1 2 3 4 5 6 7 8 9 10 11 12 13",
    "I need a new passport by 2024-03-04.", "bank account numbers are 8 digits long",
    "The PIN header has 40 pins; pin 13 is the LED.", "patent US 7,654,321", "x[1:2], a::b",
    "The order 4111 1111 1111 1112 was shipped.", "2014 2015 2016 2017 2018 2019",
    "IBANs have up to 34 characters.", "flight LH 1234 at 10:45, seat 23A", "44 100 Hz",
]  # fmt: skip


@pytest.mark.parametrize("text", NOBODYS)
def test_nobodys_number(text: str) -> None:
    found = load_finder().find(text, FORMS)
    assert [(one.kind, text[one.start : one.end]) for one in found] == []


@pytest.mark.parametrize(
    "text", ["server 1.2.3.4 is down", "my ip is 1.2.3.4", "84.17.46.5 logged in", "10.0.0.7"]
)
def test_an_address_of_a_machine(text: str) -> None:
    assert [one.kind for one in load_finder().find(text, FORMS)] == ["IP"]


def test_training_data_is_cleaned_of_the_same() -> None:
    assert Redactor().text("card 4111\u00a01111\u20111111\u00a01111!") == "card <CREDIT_CARD>!"


@given(st.text(max_size=80))
def test_a_plain_text_knows_where_each_letter_stands(text: str) -> None:
    plain = PlainText.of(text)
    for at in range(len(plain.text)):
        start, end = plain.as_written(at, at + 1)
        assert end == start + 1
        assert PlainText.of(text[start:end]).text == plain.text[at]


@pytest.mark.parametrize(
    "seed",
    ["4111 ", "1", "4 1 1 1 ", "iban de89 ", "DE89 3704 ", "ssn : : : ", "ssn 1 2 3 ", "at 15 ",
     "+49 170\n", "4111-", "passport number number ", "card # # # # ", "415-555-"],
)  # fmt: skip
def test_twice_the_text_is_about_twice_the_work(seed: str) -> None:
    def cost(size: int) -> float:
        text = (seed * size)[:size]
        return seconds(lambda: [*numbers(text), *accounts(text)], tries=3)

    assert cost(40_000) < 8 * cost(10_000) + 0.1

"""Numbers of people and accounts that Presidio's recognisers miss: bank accounts in any writing,
and bare numbers behind a word that names them ("my ssn is 536228145", "Kontonummer: 1234567").

An IBAN counts by its country's length and its check digits (ISO 13616), whatever its letters' case
and whatever stands between its groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fireside.data.forms import Span
from fireside.data.numbers import is_named_otherwise

# Letters of each country's IBAN in all (ISO 13616 registry).
_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM TL SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "PT LY ST", 26: "IS TR",
        27: "FR GR IT MC MR SM BI DJ", 28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR PS QA UA",
        30: "JO KW MU", 31: "MT SC YE", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
_BETWEEN: Final = " \t\n-._/"
_IBAN_HEAD: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ \t\n._/-]{0,2}\d[ ]?\d")
_LONGEST: Final = 100  # characters in which 34 letters with what stands between them end

# What may stand between the name of a number and the number.
_JOIN: Final = (
    r"(?:[ \t]{0,8}(?:[:#=]|\b(?:number|no|nr|num|nummer|numéro|numero|número|id|code|is|was|are|"
    r"it's|ist|lautet|est|es|è|as|of|mine|my|der|die|and|the|card|new|old|following|below)\b\.?|"
    r"[\"'“”‘’()\[\]]|-++>?|\|)){0,5}[ \t]{0,8}(?:\n[ \t]{0,8})?"
)
_NUMBER: Final = (
    r"(?P<value>(?:[A-Z]{1,2}[ -])?[A-Za-z]{0,6}\d[A-Za-z0-9]{0,24}"
    r"(?:(?:[ ./_-]{1,3}|[ -]?\n(?=\d\d))[A-Za-z]{0,3}\d[A-Za-z0-9]{0,12}){0,9}"
    r"(?:[ -][A-Z](?![a-z]))?)(?![A-Za-z0-9])"
)
_NAMES: Final[dict[str, tuple[str, int, int]]] = {  # kind: names, least and most digits
    "US_SSN": (
        r"ssn|s\.s\.n\.|social[ ]security|social[ ]insurance|sin(?:[ ](?:number|no))?|"
        r"(?:sozial|renten)versicherungsnummer|sécurité[ ]sociale|numéro[ ]de[ ]sécu|insee|"
        r"seguridad[ ]social|national[ ]insurance|nino|ni[ ]number|bsn|burgerservicenummer|"
        r"personnummer|pesel|cpf|cnpj|curp|aadhaa?r|身份证(?:号码|号)?|社会保障号",
        6, 18,
    ),
    "PASSPORT": (
        r"passports?|reisepass|passnummer|pasaporte|passeport|passaporto|护照(?:号码|号)?", 6, 12
    ),
    "TAX_ID": (
        r"tax[ ]?(?:payer)?[ ]?(?:id\w*|number|no|file[ ]number|reference)|tin|ein|itin|vat[ ]?id|"
        r"steuer-?(?:id\w*|nummer|nr)|codice[ ]fiscale|nif|nie|dni|utr|numéro[ ]fiscal",
        5, 16,
    ),
    "ID_CARD": (
        r"(?:national|identity|personal|citizen)[ ](?:id|identity|identification|card)|"
        r"id[ ]card|personalausweis\w{0,8}|ausweis(?:nummer|nr)|carte[ ]d'identité|"
        r"driv(?:er'?s?'?|ing)[ ]licen[cs]e|führerschein\w{0,8}|permis[ ]de[ ]conduire|"
        r"health[ ]insurance|medicare|nhs|krankenversicher\w{1,10}|versichertennummer|"
        r"medical[ ]record|patient[ ]id|mrn",
        5, 18,
    ),
    "ACCOUNT": (
        r"(?:bank[ ]|savings[ ]|checking[ ]|current[ ])?account[ ](?:number|no\b|nr|\#)|acct|"
        r"bank[ ]account|routing[ ](?:number|no)|aba|kontonummer|konto-?nr\.?|bankleitzahl|blz|"
        r"número[ ]de[ ]cuenta|numéro[ ]de[ ]compte|numero[ ]di[ ]conto|银行账号|账号",
        6, 20,
    ),
    "CREDIT_CARD": (
        r"(?:credit|debit|bank|visa|amex|master)[ ]?card(?:[ ](?:number|no|nr|\#))?|"
        r"card[ ](?:number|no\b|nr|\#)|cc[ ](?:number|no\b)|kreditkarte\w{0,7}|kartennummer|"
        r"carte[ ](?:bancaire|de[ ]crédit)|tarjeta(?:[ ]de[ ](?:crédito|débito))?|卡号",
        12, 19,
    ),
}  # fmt: skip
_NAMED: Final = tuple(
    (kind, re.compile(rf"(?i:(?<![^\W_])(?:{names})(?![^\W\d_]){_JOIN}){_NUMBER}"), least, most)
    for kind, (names, least, most) in _NAMES.items()
)
_IBAN_NAMED: Final = re.compile(
    rf"(?i:(?<![^\W_])iban(?![^\W\d_]){_JOIN})"
    r"(?P<value>[A-Za-z]{2}[ -]?\d\d(?:[ ./_-]?[A-Za-z0-9]){11,30}(?<=\d))(?![A-Za-z0-9])"
)
_DATE: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d")
_SSN: Final = re.compile(
    r"(?<![\w./-])(?!000|666|9)\d{3}(?P<gap> ?[-._/] ?| {1,2})(?!00)\d\d(?P=gap)(?!0000)\d{4}"
    r"(?![\w/-])(?!\.\d)"
)
_CODE: Final = re.compile(
    r"(?i:(?<![^\W_])(?P<name>cvv2?|cvc2?|csc|card[ ]verification|security[ ]code|pin(?:[ ]?code)?)"
    r"(?:[ \t]{0,8}(?:[:#=]|\b(?:is|code|number|no|was|value)\b)){1,3}[ \t]{0,8})"
    r"(?P<value>\d{3,8})(?!\w)"
)


def accounts(text: str) -> Iterator[Span]:
    """Spans of `IBAN_CODE` and of the kinds of named numbers."""
    for head in _IBAN_HEAD.finditer(text):
        if (end := _iban_end(text, head.start())) is not None:
            yield Span(start=head.start(), end=end, entity="IBAN_CODE", score=1.0)
    for found in _IBAN_NAMED.finditer(text):
        if 15 <= sum(map(str.isalnum, found["value"])) <= 34:
            yield _span("IBAN_CODE", found, 0.65)
    for kind, pattern, least, most in _NAMED:
        for found in pattern.finditer(text):
            digits = sum(map(str.isdigit, found["value"]))
            if least <= digits <= most and not _DATE.match(found["value"]):
                yield _span(kind, found, 0.6)
    for found in _SSN.finditer(text):
        if not is_named_otherwise(text, found.start()):
            yield Span(start=found.start(), end=found.end(), entity="US_SSN", score=0.6)
    for found in _CODE.finditer(text):
        yield _span("SECRET", found, 0.6)


def _iban_end(text: str, start: int) -> int | None:
    """Where the IBAN that begins here ends; None: there is none."""
    length = _LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return None
    letters, gap = "", 0
    for at in range(start, min(len(text), start + _LONGEST)):
        letter = text[at]
        if letter.isascii() and letter.isalnum():
            letters, gap = letters + letter, 0
            if len(letters) == length:
                behind = text[at + 1 : at + 2]
                whole = not (behind.isascii() and behind.isalnum())
                return at + 1 if whole and _checks(letters.upper()) else None
        else:
            gap += 1
            if letter not in _BETWEEN or gap > 3:
                return None
    return None


def _checks(iban: str) -> bool:
    """ISO 7064, MOD 97-10; half of it digits, so that no words pass."""
    if 2 * sum(map(str.isdigit, iban)) < len(iban) or not iban[2:4].isdigit():
        return False
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _span(entity: str, found: re.Match[str], score: float) -> Span:
    return Span(start=found.start("value"), end=found.end("value"), entity=entity, score=score)

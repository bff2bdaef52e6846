"""Personal data that has a form: what Presidio's recognisers find, each with its own check.

Presidio's `AnalyzerEngine` wants a language model for names and for context words.  Here its
recognisers are asked directly, so none is needed and nothing is fetched: a form with a check sum
(Luhn, mod 97, ...) or a clear shape counts by itself; one of bare digits only beside a word that
says what it is ("passport", "tax id").  It refuses to find names of people and places: those have
no form.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Any, Final

LEAST_SCORE: Final = 0.4
"""Presidio's patterns without a check sum score 0.4 and more; guesses by bare digits, 0.05."""

LEAST_URL: Final = 0.6
"""Addresses with a scheme.  Without one, "the end.It was" would be an Italian host."""

WINDOW: Final = 2000
"""Characters that one search sees.  Some of Presidio's patterns look ahead through the whole line
from each of its places: a line of a megabyte would take minutes."""
OVERLAP: Final = 200  # longer than any form
CONTEXT: Final = 60  # characters before a form in which the word that says what it is may stand
BEHIND: Final = 25

# Asking every recogniser costs 10 ms a paragraph, and most paragraphs hold nothing: so each is
# asked only about lines that have what all of its forms have.
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){3}")
_WALLET = re.compile(r"[a-zA-Z0-9]{26}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}")
_IP = re.compile(r"[0-9A-Fa-f][.:]")

_CLEAR: Final = {
    "CryptoRecognizer": _WALLET,
    "EsNieRecognizer": _DIGITS,
    "EsNifRecognizer": _DIGITS,
    "FiPersonalIdentityCodeRecognizer": _DIGITS,
    "IbanRecognizer": _DIGITS,
    "IpRecognizer": _IP,
    "ItFiscalCodeRecognizer": _DIGITS,
    "KrRrnRecognizer": _DIGITS,
    "MacAddressRecognizer": _MAC,
    "PhoneRecognizer": _DIGITS,
    "UkNinoRecognizer": _DIGITS,
    "UrlRecognizer": re.compile("://"),
    "UsSsnRecognizer": _DIGITS,
}
"""Found wherever they stand.  Cards are `numbers.py`'s: Presidio takes any grouping of digits."""

_NAMED: Final[dict[str, str]] = {
    "AuMedicareRecognizer": "medicare",
    "AuTfnRecognizer": "tax file|tfn",
    "CaSinRecognizer": "social insurance|sin",
    "DeFuehrerscheinRecognizer": "führerschein\\w*|driving licen[cs]e|driver'?s licen[cs]e",
    "DeHealthInsuranceRecognizer": "krankenversicher\\w*|versichertennummer|health insurance",
    "DeIdCardRecognizer": "personalausweis\\w*|ausweis\\w*|id card|identity card",
    "DePassportRecognizer": "reisepass\\w*|passnummer|passport",
    "DeSocialSecurityRecognizer": "(?:renten|sozial)versicherungsnummer|social security",
    "DeTaxIdRecognizer": "steuer\\W?id\\w*|steueridentifikationsnummer|tax id\\w*|idnr",
    "EsPassportRecognizer": "pasaporte|passport",
    "InAadhaarRecognizer": "aadhaar|aadhar|uidai",
    "InPanRecognizer": "pan|permanent account|income tax",
    "InPassportRecognizer": "passport",
    "InVoterRecognizer": "voter|epic",
    "ItDriverLicenseRecognizer": "patente|driving licen[cs]e",
    "ItIdentityCardRecognizer": "carta d'identità|identity card",
    "ItPassportRecognizer": "passaporto|passport",
    "KrPassportRecognizer": "여권\\w*|passport",
    "NhsRecognizer": "nhs|national health",
    "NgNinRecognizer": "nin|national identification",
    "PlPeselRecognizer": "pesel",
    "SePersonnummerRecognizer": "personnummer",
    "SgFinRecognizer": "nric|fin",
    "ThTninRecognizer": "เลขประจำตัว\\w*|thai national id|thai id",
    "TrNationalIdRecognizer": "kimlik|tckn|tc",
    "UkDrivingLicenceRecognizer": "driving licen[cs]e|driver'?s licen[cs]e|dvla",
    "UkPassportRecognizer": "passport",
    "UsBankRecognizer": "account (?:number|no)|acct|bank account|account #",
    "UsItinRecognizer": "itin|tax\\w* id\\w*|taxpayer",
    "UsLicenseRecognizer": "driver'?s?'? licen[cs]e|driving licen[cs]e|licen[cs]e number|dl",
    "UsMbiRecognizer": "medicare|mbi",
    "UsPassportRecognizer": "passport",
    "ZaIdNumberRecognizer": "south african id|id number|identity number",
    "ZaPassportRecognizer": "passport",
}
"""Found only beside one of these words, which stand here as a pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """entity: Presidio's word for it.  score: how sure, 0 to 1."""

    start: int
    end: int
    entity: str
    score: float

    @property
    def order(self) -> tuple[float, int, int]:
        """The surest first, then the longest."""
        return -self.score, self.start - self.end, self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recogniser:
    """gate: what a line must have.  named: what must stand beside the form; None: nothing."""

    backend: Any
    entities: list[str]
    gate: re.Pattern[str]
    named: re.Pattern[str] | None = None

    def spans(self, text: str) -> Iterator[Span]:
        if not self.gate.search(text) or (self.named and not self.named.search(text)):
            return
        for found in self.backend.analyze(text, self.entities, None):
            span = Span(
                start=found.start, end=found.end, entity=found.entity_type, score=found.score
            )
            if span.entity == "IP_ADDRESS" and not _is_somebodys(text, span):
                continue
            if self.named is None:
                if span.score >= (LEAST_URL if span.entity == "URL" else LEAST_SCORE):
                    yield span
            elif self.named.search(text[max(0, span.start - CONTEXT) : span.end + BEHIND]):
                yield Span(
                    start=span.start, end=span.end, entity=span.entity, score=max(0.6, span.score)
                )


_VERSION_WORD: Final = re.compile(
    r"(?i)(?:(?<![^\W_])(?:versions?|ver|v|rev|revision|releases?|builds?|firmware|drivers?|patch(?:ed)?|"
    r"upgrad\w{1,5}|updat\w{1,4}|downgrad\w{1,5}|sections?|chapters?|clauses?|paragraphs?|articles?|"
    r"rules?|figures?|tables?|appendix|oid|requires?|since|sdk|api|library|package|kernel)"
    r"(?:[ ](?:number|no|to|from|is|was|of|than|before|after)){0,2}\.?[ ]?[:=(\"'#]{0,2}[ ]?"
    r"|[§@^~]|[=<>~!]=?[ ]?|[A-Za-z][\w+-]{0,30}[/_-]v?)$"
)
_VERSION_BEHIND: Final = re.compile(
    r"(?i)[-+](?:alpha|beta|rc|dev|snapshot|final|ga|sp|hotfix)|\.(?:x|\*|final|ga)"
)
_HOST_WORD: Final = re.compile(
    r"(?i)(?<![^\W_])(?:ips?|ipv4|address(?:es)?|hosts?|hostname|servers?|subnets?|gateways?|routers?|dns|"
    r"ping\w{0,3}|ssh|vpn|log(?:ged)?[ -]?in|connect\w{0,4}|nameservers?|netmask|peers?|clients?|"
    r"proxy|firewall|network|https?://|ban(?:ned)?|block(?:ed)?|traffic|requests?|attack\w{0,3})(?![^\W_])"
)
_LOWEST: Final = 30
"""Of an address all of whose numbers are smaller, as those of versions are, a word must say that it
is one; private networks (10.…) aside."""


def _is_somebodys(text: str, span: Span) -> bool:
    """No version of a program, no slice of a list, and no machine that everybody has."""
    before = text[max(0, span.start - CONTEXT) : span.start]
    if re.match(r"\.\d", text[span.end : span.end + 2]) or re.search(r"\d\.$", before):
        return False
    value = text[span.start : span.end]
    try:
        address = ip_address(value.partition("/")[0])
    except ValueError:
        return False
    if address.version == 4:
        if _is_version(text, span, before, value):
            return False
    elif len([part for part in re.split("[:.]", value) if part]) < 3:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _is_version(text: str, span: Span, before: str, value: str) -> bool:
    if _HOST_WORD.search(before[-25:]):
        return False
    if _VERSION_WORD.search(before) or _VERSION_BEHIND.match(text, span.end):
        return True
    numbers = [int(part) for part in value.partition("/")[0].split(".")]
    small = max(numbers) < _LOWEST and numbers[0] != 10
    return small and not _HOST_WORD.search(text[max(0, span.start - CONTEXT) : span.end + BEHIND])


class Forms:
    """Presidio's recognisers, loaded once: `load_forms()`."""

    def __init__(self) -> None:
        self._recognisers = list(_recognisers())

    def spans(self, text: str) -> Iterator[Span]:
        """Everything found, line by line; spans may overlap (`apart` chooses)."""
        begin = 0
        for line in text.splitlines(keepends=True):
            for at in range(0, max(1, len(line) - OVERLAP), WINDOW - OVERLAP):
                piece = line[at : at + WINDOW]
                for one in self._recognisers:
                    for span in one.spans(piece):
                        yield Span(
                            start=begin + at + span.start,
                            end=begin + at + span.end,
                            entity=span.entity,
                            score=span.score,
                        )
            begin += len(line)


def apart(spans: Sequence[Span]) -> list[Span]:
    """Those that remain when of two that overlap the surer is kept; in the text's order."""
    taken: list[Span] = []
    ends: list[int] = []
    for span in sorted(set(spans), key=lambda each: each.order):
        place = bisect_left(ends, span.start + 1)  # the first that ends behind our start
        if place == len(ends) or taken[place].start >= span.end:
            insort(ends, span.end)
            taken.insert(place, span)
    return taken


@cache
def load_forms() -> Forms:
    return Forms()


def _recognisers() -> Iterator[_Recogniser]:
    # Seconds where transformers is installed, for presidio imports it: so only when wanted.
    from presidio_analyzer import predefined_recognizers as presidio

    for name, gate in _CLEAR.items():
        backend = getattr(presidio, name)()
        if name == "UrlRecognizer":  # the others take a second for 2,000 letters of "www."
            backend.patterns = [each for each in backend.patterns if each.score >= LEAST_URL]
        yield _Recogniser(backend=backend, entities=list(backend.supported_entities), gate=gate)
    for name, words in _NAMED.items():
        backend = getattr(presidio, name)()
        named = re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])", re.IGNORECASE)
        if name == "InPanRecognizer":
            backend.patterns = backend.patterns[:2]  # the third takes any ten characters
        yield _Recogniser(
            backend=backend, entities=list(backend.supported_entities), gate=_DIGITS, named=named
        )
    backend = _offline_email(presidio)
    yield _Recogniser(
        backend=backend, entities=list(backend.supported_entities), gate=re.compile("@")
    )


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

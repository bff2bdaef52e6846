"""Postal addresses, by their form: number, street, unit, town, code, in the order of a country.

Known: the United States and Canada (with military and box addresses), the United Kingdom, German,
French, Spanish, Italian and Portuguese streets, and Chinese and Japanese ones.  What it misses: a
street or a town without a number, and the forms of other countries, unless "my address is" stands
before them.  It refuses to look anything up: a house that does not exist counts like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fireside.data.forms import Span

ENTITY: Final = "ADDRESS"

# The street suffixes of USPS Publication 28, appendix C1, and their usual short forms.
_SUFFIX: Final = (
    "alley|aly|avenue|ave|av|bayou|beach|bend|bluffs?|bottom|boulevard|blvd|branch|bridge|brooks?|"
    "burgs?|bypass|camp|canyon|cape|causeway|centers?|centres?|circles?|cir|cliffs?|club|commons?|"
    "corners?|course|courts?|ct|coves?|creek|crescent|cres|crest|crossing|crossroads?|curve|dale|dam|"
    "divide|drives?|dr|estates?|expressway|extensions?|falls?|ferry|fields?|flats?|fords?|forest|"
    "forges?|forks?|fort|freeway|gardens?|gateway|glens?|greens?|groves?|harbors?|haven|heights|"
    "highway|hwy|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?|land|landing|"
    "lane|ln|lights?|loaf|locks?|lodge|loop|mall|manors?|meadows?|mews|mills?|mission|motorway|mount|"
    "mountains?|neck|orchard|oval|overpass|parks?|parkways?|pkwy|pass|passage|path|pike|pines?|"
    "place|pl|plains?|plaza|points?|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river|"
    "roads?|rd|route|row|run|shoals?|shores?|skyway|springs?|spurs?|squares?|sq|station|"
    "stravenue|stream|streets?|str|st|summit|terrace|ter|throughway|trace|track|trafficway|"
    "trail|trailer|tunnel|turnpike|underpass|unions?|valleys?|viaduct|views?|villages?|ville|"
    "vista|walks?|wall|ways?|wells?|close|gate|quay|wharf"
)
_WORD: Final = r"[A-Z0-9][\w'’.\-]{0,30}"
_STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEHINOPST]|N[CDEHJMVY]|O[HKR]|"
    r"P[ARW]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|AS|FM|AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT)"
)
_UK: Final = r"(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-Z]? ?[0-9][ABD-HJLN-UW-Z]{2})"
_CA: Final = r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d"
_CODE: Final = rf"(?:\d{{5}}(?:-\d{{4}})?|{_UK}|{_CA}|\d{{4}} ?[A-Z]{{2}})"
_GAP: Final = r"[ \t]{0,2},?[ \t]{0,2}\n?[ \t]{0,2}"
_UNIT: Final = (
    rf"(?:{_GAP}(?:(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|studio|#)"
    r"\.?[ ]?#?[ ]?[\w-]{1,8}))?"
)
_TOWN: Final = (
    rf"(?:{_GAP}{_WORD}(?:[ ]{_WORD}){{0,3}})"
    rf"(?:{_GAP}(?:{_STATE}|{_WORD}))?{_GAP}{_CODE}"
)
_WORT: Final = r"[A-ZÄÖÜ][\w.]{0,30}"
_RUE: Final = (
    r"(?i:rue|avenue|boulevard|chemin|place|allée|impasse|quai|route|cours)[ ]"
    r"(?:(?i:de|du|des|la|le|les)[ ]|(?i:de[ ])?(?i:l['’]|d['’])){0,3}"
    rf"{_WORD}(?:[ -](?:de[ ])?{_WORD}){{0,3}}"
)
_VILLE: Final = rf"{_GAP}\d{{5}}[ ][\w'’-]{{2,30}}(?:[ -](?:la[ -]|le[ -]|sur[ -])?{_WORD}){{0,3}}"
_FORMS: Final[tuple[tuple[float, re.Pattern[str]], ...]] = tuple(
    (score, re.compile(pattern))
    for score, pattern in (
        (
            0.85,
            rf"(?<![\w.-])(?:(?i:flat|studio|unit|apt|suite)\.?[ ]?[\w-]{{1,6}}{_GAP})?"
            rf"\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?,?[ ](?:{_WORD}[ ]){{1,4}}(?i:{_SUFFIX})\b\.?"
            rf"(?:[ ][NSEW]{{1,2}}\b)?(?i:{_UNIT})(?:{_TOWN})?",
        ),
        (
            0.8,
            rf"(?<![\w.-])(?i:flat|studio|unit|apt|suite)\.?[ ]?[\w-]{{1,6}}{_GAP}"
            rf"(?:{_WORD}[ ]){{1,3}}(?i:{_SUFFIX})\b{_TOWN}",
        ),
        (0.85, rf"\b(?i:p\.? ?o\.? ?box)[ ]#?\d{{1,7}}(?:{_TOWN})?"),
        (
            0.85,
            r"\b(?:PSC|Unit|USNS|USNV|USS|USCGC|USCGV)[ ][\w ,]{1,30}\n?[ ,]{0,2}"
            r"(?:FPO|APO|DPO)[ ,]{1,2}A[AEP][ ]\d{5}",
        ),
        (
            0.8,
            rf"(?<!\w)(?:{_WORT}[ -](?:(?:van|von|der|den|zu)[ ]){{0,2}}){{0,3}}[^\W\d_]{{0,30}}"
            r"(?:[Ss]traße|[Ss]trasse|[Ss]tr\.|[Ww]eg|[Aa]llee|[Pp]latz|[Gg]asse|[Rr]ing|[Dd]amm|"
            r"[Uu]fer)[ ](?!(?:19|20)\d\d\b(?!,?[ ]?\n?\d{5}))\d{1,4}(?:[-/]\d{1,4})?[ ]?[a-z]?\b"
            rf"(?:{_GAP}(?:D-)?\d{{5}}[ ]{_WORT}(?:[ -]{_WORT})?)?",
        ),
        (0.8, rf"\b\d{{1,4}}(?:[ ]?(?:bis|ter))?,?[ ]{_RUE}(?:{_VILLE})?"),
        (0.8, rf"\b{_RUE}{_VILLE}"),
        (
            0.75,
            r"\b(?i:calle|avenida|avda\.?|av\.|c/|plaza|paseo|camino|ronda|glorieta|pasaje|vial|"
            r"callejón|alameda|cuesta|urbanización|acceso|cañada|pasadizo|callejon|rambla|vía|via|"
            r"viale|piazza|corso|largo|strada|stretto|vicolo|borgo|contrada|rotonda|canale|incrocio|"
            r"rua|travessa|praça|estrada)[ ]"
            r"(?:(?i:de|del|della|dei|di|da|do|dos|das|la|las|los|el|san|santa)[ ]){0,3}"
            rf"{_WORD}(?:[ ](?:(?i:de|del|di|y)[ ])?{_WORD}){{0,4}},?[ ]"
            r"(?i:n[º°.]{1,2}[ ]?)?\d{1,4}\b"
            r"(?:[ ](?i:piso|puerta|apt\.?|appartamento)[ .]{0,2}\w{1,4})?"
            rf"(?:{_GAP}(?:\d{{5}},?[ ](?:{_WORD}[ ]?){{1,4}}(?:\([A-Z]{{2}}\))?|"
            rf"{_WORD},[ ]\d{{5}}))?",
        ),
        (0.6, rf"\b{_WORD}(?:[ ]{_WORD}){{0,2}},[ ]{_STATE}[ ]\d{{5}}(?:-\d{{4}})?\b"),
        (0.5, rf"\b{_UK}\b(?<=[A-Z0-9]{{3}})"),
        (
            0.8,
            r"(?:[\u4e00-\u9fff]{2,8}[省市区县州镇乡村]){0,4}[\u4e00-\u9fff]{1,10}[路街道巷弄]"
            r"\d{1,5}号?(?:[\u4e00-\u9fff\d]{0,10}[室楼栋单元号])?",
        ),
        (0.8, r"〒 ?\d{3}-\d{4}[ 　]?[\u3040-\u9fff\d−ー-]{0,40}"),
    )
)
_SAID: Final = re.compile(
    r"(?i)\baddress(?:es)?(?:[ ](?:is|are|to|with|at|from))?[ ]?:?[ ]|"
    r"\b(?:i|we)[ ]live[ ](?:at|in)[ ]|"
    r"\b(?:deliver|delivered|ship|shipped|send|mail|post)[ ](?:it[ ]|this[ ]|them[ ])?to:?[ ]|"
    r"\b(?:moved|located|lives|living)[ ](?:to|at)[ ]"
)
_REST: Final = re.compile(
    rf"(?:[^\W_][\w'’./#-]{{0,30}}(?:,?[ ]|,?\n)){{1,10}}?{_CODE}(?![\w@])(?:[ ]{_WORD}){{0,2}}"
)
_UK_POSTCODE: Final = re.compile(_UK)


def addresses(text: str) -> Iterator[Span]:
    """Spans of entity `ADDRESS`."""
    for score, pattern in _FORMS:
        for found in pattern.finditer(text):
            yield Span(start=found.start(), end=found.end(), entity=ENTITY, score=score)
    for said in _SAID.finditer(text):
        rest = _REST.match(text, said.end(), min(len(text), said.end() + 160))
        if rest:
            yield Span(start=rest.start(), end=rest.end(), entity=ENTITY, score=0.6)

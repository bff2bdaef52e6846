"""What people put around a request: politeness, where it is to be written, how glad they would be.

core("could you please put the vet in my calendar, thanks")   -> "the vet"
"""

from __future__ import annotations

import re
from typing import Final

POLITE: Final = (
    r"(?:hi|hey|hello|yo|dude|bro|lol|ok(?:ay)?|so|well|right|um+|uh|oh|please|kindly|now|and|"
    r"also|then|"
    r"good (?:morning|day|evening|afternoon)|dear (?:secretary|assistant)|hi there|hey there|"
    r"hello there|"
    r"to my secretary|excuse me|sorry|quick one|one more thing|just|again|thanks|thank you|"
    r"pray tell|be a dear and|do|if you (?:please|can|could|would|like|have time)|"
    r"if it(?: is|['’]s|['’]s not| isn['’]?t) (?:no trouble|too much(?: to ask| trouble)?|"
    r"not too much trouble)|"
    r"(?:could|can|would|will|might|may) (?:you|i|we)(?: please| kindly| just| possibly| maybe|"
    r" also| perhaps){0,3}"
    r"(?: (?:ask you to|trouble you (?:for|to)|be so (?:kind|good) (?:as to|and)|be able to|mind|"
    r"have you|get you to|ask(?: for)?))?|"
    r"(?:i|we)(?:['’]d| would| should)? (?:like|love|want|need|wish)(?: you| that you|"
    r" for you)?(?: to)?|"
    r"i(?:['’]d| would) (?:be (?:most |very |so )?(?:grateful|glad|happy|obliged)|"
    r"appreciate it) if you (?:could|would|can)|"
    r"i (?:was hoping|wonder(?:ed)?(?: if| whether)?|am hoping)(?: that)?(?: you could| you can)?|"
    r"be so (?:kind|good) (?:as to|and)|please be so (?:kind|good) (?:as to|and)|"
    r"it is possible to|is it possible to|you can|please to|i am needing to|make sure (?:to|"
    r"that)|help me|(?:you )?happen to|tell me|let me know|i (?:would|should) like to know|"
    r"i(?:['’]d| would) love to know)"
)
_LEAD: Final = re.compile(rf"^(?:[\s,;:!.\-]{{0,6}}{POLITE}\b[\s,;:!.]{{0,6}})", re.I)
_TAIL: Final = re.compile(
    r"[\s,;:!.?\-]{0,6}\b(?:please|pls|thanks(?: a lot| so much)?|thank you(?: so much|"
    r" very much)?|many thanks|"
    r"cheers|ok(?:ay)?|asap|if you (?:please|can|could|would|like)|for me|would you|will you|"
    r"could you|can you|"
    r"real quick|dear|when you have (?:a (?:moment|second|minute)|time)|right now|"
    r"that(?:['’]s| is| would be) (?:all|great|nice|it|lovely)|in advance)[\s,;:!.?]{0,6}$",
    re.I,
)


_GERUND: Final = re.compile(
    r"^(?:if you would )?(?:mind )?(?P<verb>shift|mov|add|putt|send|tell|chang|book|writ|text|"
    r"lett|check|giv|schedul|"
    r"reschedul|not|remind|calculat|convert|show|cancel|email|messag|block|enter|sav)ing\b",
    re.I,
)
_REPORTED: Final = re.compile(
    r"^(?:she|he|they|(?:my|our) \w+|the \w+|somebody|someone) (?:says?|said|told me|reminded me|"
    r"tells me|wrote)(?: that)? ",
    re.I,
)
_DOUBLED: Final = frozenset({"putt", "lett"})
_WITHOUT_E: Final = frozenset(
    "mov chang writ giv schedul reschedul not calculat messag sav".split()  # noqa: SIM905
)


def _base(found: re.Match[str]) -> str:
    stem = found["verb"].lower()
    if stem in _DOUBLED:
        return stem[:-1]
    return f"{stem}e" if stem in _WITHOUT_E else stem


def without_politeness(text: str) -> str:
    """Without politeness on either side."""
    before = None
    while before != text:
        before = text
        text = _GERUND.sub(_base, _REPORTED.sub("", _LEAD.sub("", text)))
        shorter = _TAIL.sub("", text)
        text = shorter if shorter.strip() else text
    return text.strip(" ,;:!.?-\n\t")


_WHERE: Final = (
    r"(?:(?:in(?:to)?|on(?:to)?|to) (?:my|the|our) (?:calendar|diary|agenda|planner|schedule))"
)
_VERB: Final = (
    r"(?:add|put(?: down| in)?|book(?! (?:club|fair|launch|group|signing|shop|circle|"
    r"reading))(?: me)?(?: in)?|schedule(?: me)?|enter|create|make|note(?: down)?|set up|arrange|"
    r"save|plan|block(?! party)(?: out)?|reserve|write(?: down)?|jot down|mark|log|pencil in|"
    r"insert|record|register|"
    r"remember|keep|fix|have|remind me (?:of|about|to|that)|do write down|include|organi[sz]e)"
)
_LEAD_OF_TITLE: Final = re.compile(
    rf"^(?:{_VERB}\b(?! up with)|{_WHERE}|calendar(?: entry)?\b|new (?=event|entry|appointment|"
    rf"meeting)|"
    r"(?:an?|the|my|our)? ?\b(?:new )?(?:event|entry|reminder|note|appointment)"
    r"(?: (?:called|named|of|about|for|to|that))(?= )|"
    r"(?:called|named|titled|entitled)\b|"
    r"i(?:['’]ve| have)(?: got)?(?: to(?: go to| see| be at| attend| do)?)?\b|i got\b|i(?:['’]m|"
    r" am)(?: having| going to(?: be at)?| meeting(?= )| to have| at)\b|"
    r"we(?:['’]re| are| have)(?: having| got)?\b|i (?:must|need to|should)(?: go to| see| attend|"
    r" not forget)?\b|"
    r"there(?:['’]s| is| will be)\b|i(?:['’]ll| will) (?:be at|have)\b|(?:going to|"
    r"have to) (?:see|have|do)?\b|"
    r"it(?:['’]s| is)\b|i am to (?:have|be|see|go)\b|(?:an?|the|my|our|his|her|their|this|please|"
    r"for|of|in|to|that|about|me|up)\b)[\s,;:]{0,6}",
    re.I,
)
_TAIL_OF_TITLE: Final = re.compile(
    rf"[\s,;:.!?]{{0,6}}(?:\b{_WHERE}|\b(?:on|at|for|from|in|by|to|until|is|are|was|will be|"
    rf"comes|come|starts|begins|and|so|,|please|pls|"
    r"lasting|it takes|which takes|can see me|for me)|"
    r"\b(?:and )?(?:so )?(?:please |pls |could you |can you |do |that )?(?:put|add|note|write|"
    r"save|keep|book|record|enter|mark|jot|remember)"
    r" (?:it|that|this|them)(?: down| in| up)?(?: please| for me)?(?: in(?:to)? (?:my|"
    r"the) (?:calendar|diary|agenda))?|"
    r"\b(?:we|i) (?:should|must|need to|have to|ought to) (?:remember|note|write down) (?:that|"
    r"it|this)|"
    r"\b(?:or |otherwise )?i(?:['’]?ll| will)(?: only| just)? forget(?: it)?(?: otherwise)?|"
    r"\b(?:do not|don['’]?t) (?:let me )?(?:forget|miss)(?: it| that)?|\bso i (?:do not|"
    r"don['’]?t) forget(?: it)?|"
    r"\b(?:put|write|note) in|(?:was|were|should be|must be|should go|must go|needs to go|"
    r"can go)(?: in)?)$",
    re.I,
)


def title_of(text: str) -> str:
    """Of one stretch of a request for the calendar; empty where nothing but the asking stands."""
    text = re.sub(rf"\b{_WHERE}(?= (?:about|for|of|on)\b)", "", text, flags=re.I)
    before = None
    while before != text:
        before = text
        text = without_politeness(text)
        text = _TAIL_OF_TITLE.sub("", text).strip(" ,;:.!?-\"'")
        text = _LEAD_OF_TITLE.sub("", text).strip(" ,;:.!?-\"'")
    return text


GENERIC: Final = re.compile(
    r"(?:an? |the |my |our |some |another |new |this ){0,3}(?:appointments?|events?|something|"
    r"thing|"
    r"things|entry|reminder|note|"
    r"engagement|date|it|that|one|anything|stuff|slot|time|reservation|this|them|item)?"
    r"|(?:an? |the |this )?(?:something|things?|stuff|anything)\b(?: (?:i|we|to|about|for|with|"
    r"important|new|else|that|which|in|on)\b.{0,80})?",
    re.I,
)


def is_generic(title: str) -> bool:
    """It says that there is something, and not what."""
    return GENERIC.fullmatch(title.strip()) is not None


ADDS: Final = re.compile(
    r"\b(?:add|put|book|schedule|enter|create|note|set up|arrange|save|plan|block|reserve|"
    r"write (?:it |that |them )?down|jot|mark|log|pencil|"
    r"insert|record|register|remember|remind me|calendar entry|new (?:event|entry|appointment|"
    r"meeting)|calendar|diary|forget|make)\b"
    r"|^fix\b",
    re.I,
)
ASKS: Final = re.compile(
    r"^(?:what|when|where|who|which|why|how|is|are|am|do|does|did|was|were|should|shall|any|"
    r"anything)\b",
    re.I,
)
CLAUSE: Final = re.compile(
    r"\b(?:i|you|he|she|they|we|because|which|who|what|when|where|why|how|whether|if|but|although|"
    r"wait|no|sorry|oops|actually|rather|has|have|had|can|be|been|is|are|was|were|am|does|do|did|needs?|got|"
    r"while|would|could|might|should|must|shall|will|cannot|isn['’]?t|doesn['’]?t|don['’]?t|"
    r"mustn['’]?t|not|never|nothing|nobody|somebody|someone|said|says|want|wants|know|think|ask|"
    r"any ?more|better|instead|other|another|different|calculate|convert|divided?|times|plus|"
    r"without|off|already|still|until|til|till|since|days|weeks|price|costs?|weather|temperature|"
    r"news|score|traffic|capital|recipe)\b",
    re.I,
)
"""What makes a whole clause of a stretch of words, or a request of another kind: no title."""
LONGEST: Final = 8
"""Words of a title that the rules trust."""
_NUMBERED: Final = re.compile(
    r"(?i:\b(?:room|gate|platform|floor|part|chapter|grade|class|level|section|number|no\.?|hall|"
    r"terminal|group|team|phase|week|lesson|unit|day|year|line|bus|track|bay|q|v|project|"
    r"store) ?)\d{1,4}\b"
    r"|\b[A-Z]\d{1,3}\b"
)


def is_title(title: str) -> bool:
    """Nothing but the name of an event: no clause, and no number that may be a time."""
    numbers = re.search(r"\d", _NUMBERED.sub("", title)) is not None
    few = len(title.split()) <= LONGEST
    return bool(title) and few and not numbers and CLAUSE.search(title) is None

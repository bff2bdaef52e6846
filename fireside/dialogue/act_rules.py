"""What clauses look like, by act: regular expressions, English and a little Chinese.

The first pattern that matches says what a clause is, so the order is part of the rules: "no, that's
all" is a goodbye before it is a denial.  A rule that does not see an act is no error: the nearest
examples (`acts.py`) are asked then.  It refuses meaning: irony and quotation pass it by.
"""

from __future__ import annotations

import re
from typing import Final

from fireside.dialogue.state import Act

_GOOD: Final = (
    "good|great|perfect|fine|nice|right|correct|awesome|excellent|ok(?:ay)?|fantastic|amazing|cool|"
    "lovely|interesting|wonderful"
)
_YES: Final = (
    "yes|yeah|yep|yup|sure|ok(?:ay)?|right|correct|exactly|indeed|absolutely|definitely|certainly|"
    "of course|perfect|great|good|fine|excellent|awesome|wonderful|cool|alright|all right|agreed|"
    "please do|go ahead|do it|do so|confirmed?|true|sounds?|是的?|对|好的?|没错|可以|行"
)
_ASKING: Final = (
    "what|when|where|who|whom|whose|which|why|how|is|are|was|were|do|does|did|can|could|will|would|"
    "should|may|have|has|am"
)
_BEGINS: Final = (
    "i|we|my|our|it|the|there|on|in|at|from|to|for|by|with|about|around|only|just|mine|going|"
    "leaving|returning|departing|arriving|coming|will|let|let's|maybe|most"
)
_OTHER: Final = (
    "another|a different|any other|something else|anything else|other options?|more options|"
    "some other|others?"
)

_RULES: Final[tuple[tuple[Act, tuple[str, ...]], ...]] = (
    (
        "greet",
        (
            r"^(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening)|你好|您好)"
            r"(?: there| all| again)?$",
        ),
    ),
    (
        "goodbye",
        (
            r"^(?:ok(?:ay)? )?(?:good ?bye|bye(?: bye)?|see you.*|good night|cheers|再见|拜拜)$",
            r"^have a (?:nice|good|great|lovely) \w+(?: too)?$",
            r"^(?:you too|take care)$",
            r"^(?:no )?(?:that'?s|that is|that'll be|that will be) (?:it|all)\b"
            r"(?!.*\b(?:wrong|i know)\b)",
            r"^(?:no|nope)? ?(?:i )?(?:don'?t need|need nothing).*(?:else|more|further|now)$",
            r"^(?:i'?m|i am) (?:all )?(?:good|done|set|fine)(?: for now| now)?$",
            r"^nothing(?: else| more)?$",
            r"\bthat(?:'s| is| will be|'?ll be) (?:all|it|everything)\b",
            r"^no need\b",
        ),
    ),
    (
        "thank",
        (
            r"^(?:ok(?:ay)? |great |many |no )?(?:thanks|thank you|thx|ty|cheers)\b",
            r"\b(?:really )?appreciate\b",
            r"\bthank(?:s| you)\b",
            r"^(?:much )?obliged",
            r"^(?:谢谢|多谢)",
            r"^you(?:'ve| have| were| are) (?:been )?(?:so |very |really |a great )?"
            r"(?:help\w*|kind)",
            r"^that'?s (?:very |so )?(?:helpful|kind)",
        ),
    ),
    (
        "correct",
        (
            r"^(?:no|sorry|oh|oops|wait|actually|well)?\W*(?:i|what i) (?:really |actually )?"
            r"(?:meant|mean)\b(?! it)",
            r"^(?:actually|correction|rather|sorry|oops|wait)\b(?=.*\w \w|.*\d)",
            r"^(?>.*?\bi (?:said|wanted|asked for)\b).*\bnot\b",
            r"^(?>.*?\bnot\b).+\bbut\b",
            r"^不.*是|^我是说|^(?:应该|改)",
            r"^(?>.*?\b(?:change|correct|update|switch|move|make) (?:it|that|this|the|my)).*\b"
            r"(?:to|into|for|from)\b",
            r"^make (?:it|that)\b",
            r"\b(?:that'?s|that is|this is|it'?s) (?:wrong|not right|incorrect|a mistake)\b",
            r"\binstead(?: of)?\b",
            r"\b(?:not|isn'?t|wasn'?t) (?:right|correct)\b",
        ),
    ),
    (
        "request",
        (
            rf"^(?>.*?\b(?:{_OTHER})\b).*\?|\b(?:{_OTHER})\b$",
            r"^(?:find|show|search|look|get|give|tell|try|check) (?:me |for |out )?.*\b"
            r"(?:other|another|different|else|more|others)\b",
            rf"^(?:and |but |so |also |ok(?:ay)? |then )*(?:{_ASKING})(?:n'?t|'s|'re|'ll)?\b"
            r"(?! be\b)"
            r"(?!.*\bbe (?:good|great|fine|perfect)$)",
            r"[?？]$",
            r"^(?:tell|show|give|find|get|search|look|explain|help|check|list|let) "
            r"(?:me|us|for|up|out)\b",
            r"\b(?:i (?:want|need|would like|'?d like|wish)|let me) to know\b",
            r"[吗呢么]$",
            r"^(?:什么|怎么|哪|谁|多少|几|为什么|请问)",
        ),
    ),
    (
        "confirm",
        (
            rf"^(?:oh |ah |hm+ |um |well )?(?:{_YES})\b(?! (?:morning|evening|afternoon|question|"
            r"place|with))(?!.*\bbut\b)",
            rf"\b(?:sounds?|looks?|seems?) (?:like )?(?:a )?(?:{_GOOD})\b",
            r"\b(?:that|this|it|which)(?:'s|'?ll| is| will be| would be| one is| works| will|"
            r" suits|"
            rf" does)? ?(?:work|do|works|suits|{_GOOD})\b(?! for me to)",
            r"^(?:i|we)(?:'ll| will|'?d| would)? (?:like|take|love|prefer|want|go (?:for|with)) "
            r"(?:that|this|it|the first|the second|them)(?: one| flight| please| option)?\b",
            r"^(?:是的|对的|好的|没问题)",
        ),
    ),
    (
        "deny",
        (
            r"^(?:no|nope|nah|never|not (?:really|at all|now|yet|quite|today|anymore|interested|"
            r"that)|"
            r"no way|negative|wrong|neither|none)\b(?! (?:one|matter)\b)",
            r"^i (?:do not|don'?t|would not|wouldn'?t|did not|didn'?t|can'?t|won'?t) "
            r"(?:want|like|need|think|agree|care|know)\b",
            r"^(?:不|没有|不是|不要|不用)",
            r"^(?:cancel|stop|forget (?:it|that|about)|never ?mind|abort|quit)\b",
            r"^(?:i )?changed my mind",
        ),
    ),
    (
        "inform",
        (
            rf"^(?:{_BEGINS})(?:'m|'ve|'d|'re|'s|'ll)?\b.*\w",
            r"^[\d#+@]",
            r"^(?:我|在|从|到)",
        ),
    ),
)

_LEAD: Final = re.compile(
    r"^(?:(?:please|and|so|well|then|also|oh|uh|um|hm+|kindly)\b[\s,]*)+(?=\w)", re.I
)
_COMPILED: Final = tuple((act, re.compile("|".join(patterns), re.I)) for act, patterns in _RULES)


def by_rule(clause: str) -> Act | None:
    """The act that a rule sees in one clause; None where none speaks."""
    asks = clause.endswith(("?", "？"))
    plain = _LEAD.sub("", clause.strip(" .!,;。！，").replace("’", "'"))
    for act, pattern in _COMPILED:
        if pattern.search(plain):
            return "request" if asks and act in ("inform", "deny") else act
    return None

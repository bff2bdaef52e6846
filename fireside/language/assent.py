"""Whether a turn says yes or no to "is that right?": what is confirmed there is acted upon.

A yes with any doubt in it ("yes, no", "sure, but", "if it is free") is neither, and is asked again.
It refuses to weigh: the first word of a sentence decides nothing.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Assent = Literal["yes", "no", "mixed", "none"]

# Words of refusal that refuse nothing, and words of assent under a negation; taken out first.
_AGREES: Final = re.compile(
    r"\b(?:no|not a) (?:problem|worries|objections?|changes?|doubt)\b|\bwhy not\b|"
    r"\b(?:nothing|no need) to (?:change|correct|add)\b|\bnothing (?:is )?wrong\b|"
    r"\bcan(?:'?t|not) complain\b|没问题|没错",
    re.I,
)
_REFUSES: Final = re.compile(
    r"\b(?:absolutely|of course|definitely|certainly|surely|sure|indeed|really|quite|exactly) "
    r"not\b|"
    r"\b(?:not|isn'?t|wasn'?t|never|nothing|hardly)\s+(?:\w+ ){0,2}"
    r"(?:right|correct|true|ok(?:ay)?|fine|good|agreed|sure|exactly|it|that|this)\b|"
    r"\b(?:do(?:n'?t| not)|can'?t|cannot) (?:\w+ )?(?:think|believe|agree|say|want)\b.*|"
    r"\b(?:please )?do(?:n'?t| not)(?: do (?:it|that|so))?\b|不(?:对|是|行|好|要|可以|用)",
    re.I,
)
_YES: Final = re.compile(
    r"\b(?:yes+|yeah|yep|yup|ya|y|aye|sure|ok(?:ay)?|right|correct|exactly|precisely|indeed|"
    r"absolutely|definitely|certainly|of course|perfect|great|good|fine|excellent|awesome|"
    r"wonderful|cool|alright|agreed|approved?|accepted?|affirmative|(?:please|go ahead and) do|"
    r"go (?:ahead|for it)|do (?:it|so|that)|confirm(?:ed)?|true|sounds|that'?s it|works?)\b|"
    r"是的?|对的?|好的?|可以|行|👍|✅|👌",
    re.I,
)
_NO: Final = re.compile(
    r"\b(?:no+|nope|nah|n|never|not|none|neither|nor|wrong|incorrect|untrue|false|negative|cancel|stop|"
    r"wait|hold on|mistaken?|\w+n't|cannot|dont|isnt|doesnt)\b|不|没|👎|❌",
    re.I,
)
_DOUBTS: Final = re.compile(
    r"\b(?:but|except|unless|if|only|maybe|perhaps|guess|suppose|almost|nearly|depends?|although|"
    r"though|instead|rather|hm+)\b|但|如果|可能",
    re.I,
)


def assent(text: str) -> Assent:
    """none: it says neither; mixed: both, or a yes with a condition."""
    plain = text.replace("’", "'")
    agrees = bool(_AGREES.search(plain))
    plain = _AGREES.sub(" ", plain)
    refuses = bool(_REFUSES.search(plain))
    plain = _REFUSES.sub(" ", plain)
    yes = agrees or bool(_YES.search(plain))
    no = refuses or bool(_NO.search(plain))
    asks = plain.rstrip().endswith(("?", "？")) and not agrees
    if yes and (no or asks or _DOUBTS.search(plain)):
        return "mixed"
    return "yes" if yes else "no" if no else "none"

"""SQuAD's exact match and F1 (Rajpurkar et al. 2016), as its evaluation script 1.1 defines them.

Both sides lose case, English articles, punctuation and doubled spaces, in this order: lower case,
punctuation, articles, spaces.  F1 is of the words in common, counted with their number.  Of several
expected answers the best counts.  It refuses languages that set no spaces: F1 of one long word is
exact match.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, expected: Sequence[str]) -> float:
    return float(any(normalised(answer) == normalised(one) for one in expected))


def f1(answer: str, expected: Sequence[str]) -> float:
    return max(_f1(normalised(answer).split(), normalised(one).split()) for one in expected)


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted)) if common else 0.0

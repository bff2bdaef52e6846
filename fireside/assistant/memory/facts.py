"""Which sentences of a message become facts: statements about oneself that last, precision first.

A message that is material for a task ("Translate: …"), a question, a supposition, a quotation or
somebody else's words holds none; a mood or a plan of today is worth little.  What was asked for
("remember that …") is worth most.  It refuses to rewrite: a fact is the person's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fireside.assistant.memory.records import MOST_LETTERS
from fireside.assistant.memory.rules import Rule, rules
from fireside.knowledge.words import wanted
from fireside.language.sentences import sentences

PASSING_COST: Final = 0.4
LONG: Final = 1500
"""Letters of a message from which on it is likelier pasted than said."""
LONG_COST: Final = 0.3
LONGEST: Final = 10_000
"""A message beyond this is a document, and no facts are looked for in it."""
SUBJECT_WORDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """text: what to remember.  words: the exact words of the message that it comes from."""

    text: str
    words: str
    kind: str
    subject: str | None
    score: float


_BLOCKS = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|^[^\S\n]*>.*$", re.DOTALL | re.MULTILINE)
_QUOTES = re.compile(
    r"[\"“„«「『][^\"“„«「『”»」』]{2,}+[\"”“»」』]|(?<![\w'])'[^'\n]{12,}'(?!\w)", re.DOTALL
)
_CLAUSES = re.compile(
    r",? (?:and|but) (?=(?:i|i'm|i've|my|please (?:always|never)) )|, (?=my )|[,，](?=我)",
    re.IGNORECASE,
)
_OPENERS = re.compile(
    r"^(?:hi|hello|hey|well|so|also|and|but|oh|ok(?:ay)?|yes|no|actually|btw|by the way|fyi|"
    r"just so you know|for your information|as you know|to be clear|thanks|你好|另外|对了)"
    r"(?: there)?[,!.，！ ]+",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"^(?:please |now |can you |could you |would you )*(?:translate|correct|proofread|rewrite|"
    r"rephrase|paraphrase|summari[sz]e|edit|improve|fix|explain|analy[sz]e|classify|continue|"
    r"complete|repeat|say|write|draft|compose|create|generate|imagine|pretend|suppose|assume|"
    r"act as|role-?play|let's say|what if|convert|spell|parse|extract|count|convert|given|"
    r"you are|you're|翻译|改写|总结|写|假设|想象|假如|如果)\b",
    re.IGNORECASE,
)
_TASK_CHINESE = re.compile(r"^(?:请)?(?:把|将|翻译|改写|总结|写|假设|想象|假如|如果|扮演)")
_IF = re.compile(
    r"^(?:if|when|whenever|unless|in case|once|were i|had i)\b|\bif i (?:was|were|had)\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:he|she|they|it|someone|somebody|who|character|text|email|letter|sign|book|song)\b"
    r" (?:said|says|told|asked|wrote|reads|goes|begins|starts)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[,;:] (?:so )?(?:what|which|who|where|when|why|how|can|could|should|would|will|is|are|am|do|"
    r"does|did|any)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"[?？]\s*$|(?:吗|呢)[。.]?$")
_PASSING = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|at the moment|this (?:morning|afternoon|evening|"
    r"week|weekend|month|time)|currently|later|soon|last (?:night|week)|next (?:week|month)|again|"
    r"until|for a (?:moment|minute|second)|haha|lol|just kidding|joking|not really)\b|今天|明天|"
    r"昨天|今晚|现在正|刚才|刚刚",
    re.IGNORECASE,
)
_NOW = re.compile(r"(?<![ ,])[ ,]+(?:now|these days)\W*$", re.IGNORECASE)
_ASKED = re.compile(
    r"^(?:please )?(?:remember|don't forget|do not forget|keep in mind|bear in mind|note|"
    r"take note|make a note|for (?:your |future )?reference|memori[sz]e)[,:]? "
    r"(?:that |this: ?|(?=(?:i|i'm|i've|my|our|we|the .+ (?:is|are|closes?|opens?|starts?))\b))",
    re.IGNORECASE,
)
_ASKED_CHINESE = re.compile(r"^(?:请)?(?:你)?(?:记住|记得|记下|别忘了|不要忘记)[,，:：]?")
_NO_LONGER = (
    (re.compile(r"^i (?:don't|do not) (.*?),? (?:any ?more|any longer)$", re.I), r"I \1"),
    (re.compile(r"^i no longer (.*)$", re.I), r"I \1"),
    (re.compile(r"^i(?:'m| am) no longer (.*)$", re.I), r"I am \1"),
)  # fmt: skip


def facts_in(message: str) -> list[Fact]:
    """The facts of a message, each with its score; those that nothing speaks for are not in it."""
    if len(message) > LONGEST:
        return []
    said = message.replace("’", "'")
    bare = _QUOTES.sub(" \N{REPLACEMENT CHARACTER} ", _BLOCKS.sub("\n", said)).strip()
    if _TASK.match(bare) or _TASK_CHINESE.match(bare):
        return []
    cost = LONG_COST if len(said) > LONG else 0.0
    found: dict[str, Fact] = {}
    for sentence in sentences(bare.replace("；", "。")):
        for fact in _of_sentence(sentence):
            asked = fact.score == 1.0
            score = fact.score if asked else round(fact.score - cost, 2)
            if score > 0:
                found.setdefault(
                    fact.text.casefold(),
                    Fact(
                        text=fact.text, words=_as_said(fact.words, message), kind=fact.kind,
                        subject=fact.subject, score=score,
                    ),
                )  # fmt: skip
    return list(found.values())


def about(text: str) -> tuple[str, str | None]:
    """The kind and the subject of a fact that somebody wrote: `note` and none if no rule knows."""
    matched = _matched(text)
    return ("note", None) if matched is None else (matched[0].kind, matched[1])


def tidy(text: str) -> str:
    """One line, without control characters, and no more white space than it needs."""
    plain = "".join(each if each.isprintable() or each.isspace() else "" for each in text)
    return " ".join(plain.split())


def _of_sentence(sentence: str) -> Iterator[Fact]:
    sentence = _without_question(sentence)
    if (
        not sentence
        or len(sentence) > MOST_LETTERS
        or _QUESTION.search(sentence)
        or "\N{REPLACEMENT CHARACTER}" in sentence
    ):
        return
    plain = _opened(sentence)
    for form in (_ASKED, _ASKED_CHINESE):
        if (asked := form.match(plain)) and len(plain) > asked.end() + 1:
            text = tidy(plain[asked.end() :])
            kind, subject = about(text)
            yield Fact(text=text, words=sentence, kind=kind, subject=subject, score=1.0)
            return
    if _IF.search(plain) or _REPORTED.search(plain) or _TASK.match(plain):
        return
    for clause in _CLAUSES.split(plain):
        text = tidy(clause)
        matched = _matched(text)
        if matched is None:
            continue
        rule, subject = matched
        # "is red now": of what there is one of, that is a change.
        lasting = _NOW.sub("", text) if subject is not None else text
        passing = PASSING_COST if _PASSING.search(lasting) else 0.0
        if rule.kind == "instruction":
            passing = 0.0  # "from now on"
        yield Fact(
            text=text, words=clause, kind=rule.kind, subject=subject,
            score=round(rule.score - passing, 2),
        )  # fmt: skip


def _without_question(sentence: str) -> str:
    """ "I am allergic to nuts, what can I cook?" -> "I am allergic to nuts"."""
    if not sentence.endswith(("?", "？")):
        return sentence
    asks = _ASKS.search(sentence, max(0, sentence.rfind(",")))
    return sentence[: asks.start()] if asks else sentence


def _opened(sentence: str) -> str:
    """Without "Hi," and "By the way,"."""
    before = ""
    while before != sentence:
        before, sentence = sentence, _OPENERS.sub("", sentence, count=1)
    return sentence


def _matched(text: str) -> tuple[Rule, str | None] | None:
    """The first rule that knows a statement, and its subject."""
    statement = _opened(text.replace("’", "'")).rstrip(" .!。！;；,，")
    for form, positive in _NO_LONGER:
        statement, changed = form.subn(positive, statement)
        if changed:
            break
    for rule in rules():
        if match := rule.pattern.search(statement):
            return rule, _subject(rule, match)
    return None


def _subject(rule: Rule, match: re.Match[str]) -> str | None:
    subject = rule.subject
    if subject is None:
        return None
    for group in ("v", "of"):
        if f"<{group}>" in subject:
            telling = [word for word in wanted(match[group]) if word not in _NO_SUBJECT]
            if not telling:
                return None
            subject = subject.replace(f"<{group}>", " ".join(telling[:SUBJECT_WORDS]))
    return subject


_NO_SUBJECT: Final = frozenset({"no", "one", "two", "very", "really", "more", "any", "much"})


def _as_said(words: str, message: str) -> str:
    """The words as they stand in the message: its own apostrophes, not ours."""
    at = message.replace("’", "'").find(words)
    return message[at : at + len(words)] if at >= 0 else words

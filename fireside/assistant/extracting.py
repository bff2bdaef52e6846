"""An answer that stands in a passage, letter by letter: what is shown of it, and how sure it is.

    sure      the sentence, its passage's number and place
    unsure    the same, with a line that says so
    nothing   the documents do not say

The two borders between them were set on other questions than they were measured on
(docs/knowledge.md has the figures).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from fireside.assistant.sources import place
from fireside.knowledge.answers.borders import LEAST, LEAST_SHARED, SURE

if TYPE_CHECKING:
    from fireside.assistant.exchange import Source
    from fireside.knowledge.answers.reader import Answer

State = Literal["sure", "unsure", "nothing"]

NOT_THERE: Final[Mapping[str, str]] = {
    "en": "The documents do not say.",
    "de": "Das steht nicht in den Dokumenten.",
    "es": "Los documentos no lo dicen.",
    "fr": "Les documents ne le disent pas.",
    "it": "I documenti non lo dicono.",
    "pt": "Os documentos não o dizem.",
    "ja": "文書には書かれていません。",
    "zh": "文档中没有说明。",
}
NOT_SURE: Final[Mapping[str, str]] = {
    "en": "I am not sure that this answers it. The nearest passage says:",
    "de": "Ich bin nicht sicher, ob das die Antwort ist. Am nächsten kommt diese Stelle:",
    "es": "No estoy seguro de que esto responda. El pasaje más cercano dice:",
    "fr": "Je ne suis pas sûr que cela réponde à la question. Le passage le plus proche dit :",
    "it": "Non sono sicuro che questo risponda. Il passo più vicino dice:",
    "pt": "Não tenho a certeza de que isto responda. A passagem mais próxima diz:",
    "ja": "これが答えかどうか確かではありません。最も近い箇所：",
    "zh": "我不确定这是否回答了问题。最接近的原文是：",
}
_KANA: Final = re.compile("[\u3040-\u30ff]")
_HAN: Final = re.compile("[\u3400-\u9fff]")
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """source: None where nothing is shown.  begin, end: of the sentence in its passage; span: of
    the words in it that answer."""

    state: State
    source: Source | None = None
    begin: int = 0
    end: int = 0
    span: tuple[int, int] | None = None
    chance: float | None = None

    @property
    def quote(self) -> str:
        """The sentence, on one line."""
        return "" if self.source is None else one_line(self.source.text[self.begin : self.end])

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {"state": self.state}
        if self.chance is not None:
            told["chance"] = round(self.chance, 3)
        if self.source is not None:
            told |= {
                "number": self.source.number,
                "place": place(self.source),
                "sentence": self.source.text[self.begin : self.end],
                "begin": self.begin,
                "end": self.end,
            }
            if self.span is not None:
                told["answer"] = self.source.text[self.span[0] : self.span[1]]
        return told


def extract_of(answer: Answer | None, sources: Sequence[Source]) -> Extract:
    """What may be shown of the best sentence."""
    if answer is None:
        return Extract(state="nothing")
    if answer.chance is None:
        state: State = "unsure" if answer.shared >= LEAST_SHARED else "nothing"
    else:
        state = "sure" if answer.chance >= SURE else "unsure"
        state = "nothing" if answer.chance < LEAST else state
    if state == "nothing":
        return Extract(state=state, chance=answer.chance)
    return Extract(
        state=state,
        source=sources[answer.passage],
        begin=answer.begin,
        end=answer.end,
        span=answer.span,
        chance=answer.chance,
    )


def reply_of(extract: Extract, question: str, language: str) -> str:
    """What the person reads: the sentence with its number, and its place below it."""
    language = language_of(question, language)
    if extract.source is None:
        return NOT_THERE[language]
    found = f"{extract.quote} [{extract.source.number}]\n\n— {place(extract.source)}"
    return f"{NOT_SURE[language]}\n\n{found}" if extract.state == "unsure" else found


def language_of(question: str, language: str) -> str:
    """The language of the assistant's own lines: the question's where its letters tell it, else
    the persona's, else English."""
    if _KANA.search(question):
        return "ja"
    if _HAN.search(question):
        return "zh"
    known = language.partition("-")[0].lower()
    return known if known in NOT_THERE else "en"


def one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()

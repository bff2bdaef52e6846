"""An article in Markdown: outline → sections → draft → revision.

The outline is held to its form by a token mask, so any model writes one.  Each section is written
on its own, with the outline in view.  A revision stands only where it says nothing new and is not
much shorter; sentences that the article has said already are left out.  It refuses to check facts:
a small model's article is a draft.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from fireside.assistant.summary import checked
from fireside.assistant.uses.asking import Ask, Written
from fireside.assistant.uses.made import Made
from fireside.engine.params import Constraint
from fireside.knowledge.words import words as words_in
from fireside.language.sentences import is_whole, sentences

OUTLINE = (
    "Plan a short article. Give a title and {count} section headings in a good order.\n\n"
    "Topic: {topic}"
)
SECTION = (
    'Write the section "{heading}" of the article "{title}" in about {words} words.\n'
    "The sections are: {headings}.\nTopic: {topic}\n\nWrite only this section's text, no heading."
)
REVISE = (
    "Improve the wording of this text: clear, short sentences, nothing said twice. Keep its facts. "
    "Write only the text.\n\n{text}"
)
LEAST = 0.6
"""A revision that is shorter than this share of the draft has lost something."""
LINE = {"type": "string", "minLength": 3, "maxLength": 70, "pattern": r"^[^\n\"#*]+$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    title: str
    headings: list[str]


def write(ask: Ask, topic: str, words: int, sections: int) -> Made:
    """
    Raises: as `Ask`.
    """
    plan = outline(ask, topic, sections)
    notes: dict[str, Any] = {"outline": plan.headings, "revised": 0, "repeated": 0}
    said: set[str] = set()
    parts = [f"# {plan.title}"]
    for heading in plan.headings:
        draft = _section(ask, topic, plan, heading, words // len(plan.headings))
        text = _revised(ask, draft, notes)
        parts.append(f"## {heading}\n\n{_once(text, said, notes)}")
    return Made(text="\n\n".join(parts), notes=notes)


def outline(ask: Ask, topic: str, sections: int) -> Outline:
    """A title and that many different headings."""
    schema = {
        "type": "object",
        "properties": {
            "title": LINE,
            "sections": {
                "type": "array", "items": LINE, "minItems": sections, "maxItems": sections,
            },
        },
        "required": ["title", "sections"],
        "additionalProperties": False,
    }  # fmt: skip
    written = ask(
        OUTLINE.format(count=sections, topic=topic),
        max_tokens=min(60 * (sections + 1), ask.window // 2),
        constraint=Constraint(kind="json_schema", value=schema, tame=True),
    )
    try:
        found = json.loads(written.text)
        title = found["title"].strip()
        headings = [re.sub(r"^\d+[.):]\s*", "", each).strip() for each in found["sections"]]
    except (ValueError, KeyError):  # cut off: a model that never closes a string
        title, headings = topic.strip().splitlines()[0][:70], []
    headings = list(dict.fromkeys(each for each in headings if each))
    return Outline(title=title, headings=headings or ["The subject"])


def _section(ask: Ask, topic: str, plan: Outline, heading: str, words: int) -> str:
    wish = SECTION.format(
        heading=heading, title=plan.title, words=words, topic=topic,
        headings=", ".join(plan.headings),
    )  # fmt: skip
    return _ended(ask(wish, max_tokens=max(32, min(2 * words, ask.window // 2))))


def _revised(ask: Ask, draft: str, notes: dict[str, Any]) -> str:
    """The revision's sentences that say what the draft says: a small model likes to talk about
    its changes instead.  The draft, where too little is left."""
    room = min(ask.tokens(draft) + 32, ask.window // 3)
    written = ask(REVISE.format(text=draft), max_tokens=room)
    said, _ = checked(written.text, draft, ended=written.whole)
    revision = " ".join(said)
    kept = len(revision) >= LEAST * len(draft)
    notes["revised"] += kept
    return revision if kept else draft


def _ended(written: Written) -> str:
    """Without a heading of its own, and without a last sentence that was cut off."""
    said = [each for each in sentences(written.text) if not each.startswith("#")]
    if said and not written.whole and not is_whole(said[-1]):
        said = said[:-1] or said
    return " ".join(said)


def _once(text: str, said: set[str], notes: dict[str, Any]) -> str:
    kept = []
    for sentence in sentences(text):
        key = " ".join(words_in(sentence))
        notes["repeated"] += key in said
        if key not in said:
            kept.append(sentence)
        said.add(key)
    return " ".join(kept)

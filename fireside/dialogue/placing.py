"""Values found in a turn -> the slots that they belong to.

Parsers go first, the model second.  A value goes to the only slot of its type, or to the one whose
cue stands beside it, or to the one that was asked for; a value that could go to several goes to
none: it is given as `unplaced`, and the policy asks.  It refuses to write into a state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from fireside.dialogue import spans
from fireside.dialogue.config import SlotConfig
from fireside.dialogue.kinds import candidates, within
from fireside.language.mentions import Mention

if TYPE_CHECKING:
    from fireside.dialogue.extraction import Extractor

By = Literal["parser", "cue", "answer", "model"]
NEAR: Final = 32  # letters between a cue and its value
# Specific readings take their words away from vague ones: "at 7" is no number of people.
_ORDER: Final = ("pattern", "email", "phone", "choice", "date", "time", "number", "yes_no")
_PLAIN: Final = frozenset(
    ["date", "time", "number", "of", "the", "a", "an", "name", "is", "has", "type", "count"]
)
SHORT: Final = 4  # words of an answer that is taken as it is
_DONT_CARE: Final = re.compile(
    r"\b(?:do(?:n'?t| not) (?:care|mind)|no preference|any(?:thing|one|where)?(?: of them)? "
    r"(?:is|will be|would be|works|'s)|does(?:n'?t| not) matter|whatever|either is|up to you)\b",
    re.I,
)
DONT_CARE: Final = "dontcare"
_KNOWS_NOT: Final = re.compile(
    r"\W*(?:(?:well|sorry|hm+|oh|honestly)\W+)*(?:(?:i(?:['’]m| am)? )?(?:really |still )?"
    r"(?:do(?:n['’]?t| not) (?:really )?(?:know|remember|recall)|not (?:sure|certain)|"
    r"have no (?:idea|clue)|"
    r"can(?:['’]?t|not) (?:say|tell|remember)|would rather not(?: say)?)|dunno|no (?:idea|clue)|"
    r"i(?:['’]d| would) rather not(?: say)?|(?:that'?s )?none of your business|不知道|不清楚)"
    r"(?: yet| that| right now| now)?\W*$",
    re.I,
)
_CORRECTS: Final = re.compile(r"\W*(?:no|sorry|wait|actually|correction)\b", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A value that could be any of these slots'."""

    found: Mention
    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """values: slot -> what was said for it; several where they compete.  by: what found them."""

    values: Mapping[str, tuple[Mention, ...]] = field(default_factory=dict)
    by: Mapping[str, By] = field(default_factory=dict)
    unplaced: tuple[Unplaced, ...] = ()


@dataclass(slots=True)
class Placing:
    """One turn's values on their way to their slots.

    asked: the slot that was asked for.  question: in which words.  answers: whether the turn can be
    an answer at all; a question or a greeting is none.
    """

    slots: Mapping[str, SlotConfig]
    text: str
    today: date
    date_order: str = "ask"
    asked: str | None = None
    question: str = ""
    answers: bool = True
    extractor: Extractor | None = None
    _values: dict[str, list[Mention]] = field(default_factory=dict)
    _by: dict[str, By] = field(default_factory=dict)
    _unplaced: list[Unplaced] = field(default_factory=list)
    _taken: list[Mention] = field(default_factory=list)

    def run(self) -> Placed:
        for kind in _ORDER:
            for group in self._groups(kind):
                self._typed(group)
        for name, slot in self.slots.items():
            if slot.type == "name":
                self._name(name, slot)
        asked = self.slots.get(self.asked or "")
        if self.asked and asked and self.answers and self.asked not in self._values:
            self._answered(self.asked, asked)
        return Placed(
            values={name: tuple(found) for name, found in self._values.items()},
            by=dict(self._by),
            unplaced=tuple(self._unplaced),
        )

    def _groups(self, kind: str) -> list[list[str]]:
        """Slots of a type that read the same values."""
        groups: dict[tuple[object, ...], list[str]] = {}
        for name, slot in self.slots.items():
            if slot.type == kind:
                same = (slot.pattern, tuple(slot.choices))
                groups.setdefault(same if kind in ("pattern", "choice") else (), []).append(name)
        return list(groups.values())

    def _typed(self, group: Sequence[str]) -> None:
        kind = self.slots[group[0]].type
        found = candidates(
            self.slots[group[0]],
            self.text,
            today=self.today,
            date_order=self.date_order,
            cues={cue.lower() for name in group for cue in self.slots[name].cues},
        )
        found = [each for each in found if not any(_overlap(each, o) for o in self._taken)]
        for each in found:
            name, by = self._slot_for(each, group, kind)
            if name is not None:
                self._take(name, each, by)
            elif kind not in ("number", "yes_no") and len(group) > 1:
                self._unplaced.append(Unplaced(found=each, slots=tuple(group)))
                self._taken.append(each)

    def _slot_for(self, found: Mention, group: Sequence[str], kind: str) -> tuple[str | None, By]:
        cued = {name: self._cue_distance(name, found) for name in group}
        if kind == "number":
            group = [name for name in group if within(self.slots[name], float(found.value))]
        near = [name for name in group if cued[name] is not None]
        if near and (self.answers or kind != "yes_no"):
            return min(near, key=lambda name: (cued[name] or 0, name != self.asked)), "cue"
        if self.asked in group and self.answers:
            return self.asked, "parser"
        if kind in ("number", "yes_no") or len(group) != 1:
            return None, "parser"
        return group[0], "parser"

    def _cue_distance(self, name: str, found: Mention) -> int | None:
        """How many letters lie between the value and the nearest cue of the slot's."""
        slot = self.slots[name]
        before = self.text[max(0, found.start - NEAR) : found.start].lower()
        earlier = [o.end for o in self._taken if o.end <= found.start]
        if earlier:
            before = before[-(found.start - max(earlier)) :] if found.start > max(earlier) else ""
        before = re.split(r"[.!?;]", before)[-1]
        after = re.split(r"[.!?;,]", self.text[found.end : found.end + NEAR // 2].lower())[0]
        distances = []
        for cue in (*slot.cues, *_own_cues(name)):
            word = re.escape(cue.lower()).replace(r"\ ", r"[\s-]+")
            if slot.type != "yes_no" and (
                hits := list(re.finditer(rf"(?<![a-z]){word}(?:e?s|ing)?(?![a-z])", before))
            ):
                distances.append(len(before) - hits[-1].end())
            if slot.type in ("number", "choice", "yes_no") and (
                hit := re.match(rf"[\s-]*(?:\w+[\s-]+)?{word}(?:e?s)?(?![a-z])", after)
            ):
                distances.append(hit.end() - len(cue))
        return min(distances, default=None)

    def _name(self, name: str, slot: SlotConfig) -> None:
        verbs = ("is", "was", "should be", "must be", "will be", "would be")
        cues = [*slot.cues, *(f"{own} {verb}" for own in _own_cues(name) for verb in verbs)]
        for each in spans.after(cues, self.text):
            if not any(_overlap(each, o) for o in self._taken):
                self._take(name, each, "cue")
                return
        always = slot.model in ("always", "trained")
        if always and self.extractor is not None and self.text.strip():
            said = self.extractor.extract(
                self.text,
                slot.about or name.replace("_", " "),
                asked=self.question if name == self.asked else "",
                taken=self._taken,
                shots=slot.model == "always",
            )
            if said is not None:
                self._take(name, said, "model")

    def _answered(self, name: str, slot: SlotConfig) -> None:
        """The whole turn is the answer, or the model finds it there."""
        if _DONT_CARE.search(self.text):
            match = _DONT_CARE.search(self.text)
            assert match is not None
            said = match.group()
            found = Mention(value=DONT_CARE, words=said, start=match.start(), end=match.end())
            if slot.type in ("choice", "yes_no", "name"):
                self._take(name, found, "answer")
            return
        if slot.type not in ("text", "name") or _KNOWS_NOT.match(self.text):
            return
        if self._by and _CORRECTS.match(self.text):  # it is about the value that it brought
            return
        whole = spans.answer(self.text)
        if whole is None or any(_overlap(whole, o) for o in self._taken if slot.type == "name"):
            return
        if slot.type == "text":
            self._take(name, _all_of(self.text), "answer")
        elif len(whole.value.split()) <= SHORT:
            self._take(name, whole, "answer")
        elif slot.model == "asked" and self.extractor is not None:
            said_ = self.extractor.extract(
                self.text,
                slot.about or name.replace("_", " "),
                asked=self.question,
                taken=self._taken,
            )
            if said_ is not None:
                self._take(name, said_, "model")

    def _take(self, name: str, found: Mention, by: By) -> None:
        self._values.setdefault(name, [])
        if found.value not in [each.value for each in self._values[name]]:
            self._values[name].append(found)
        self._by.setdefault(name, by)
        self._taken.append(found)


def _own_cues(name: str) -> list[str]:
    """The words of a slot's name are cues: `check_in_date` is beside "check in"."""
    words = [word for word in name.split("_") if word not in _PLAIN]
    return [" ".join(words)] if words else []


def _overlap(one: Mention, other: Mention) -> bool:
    # Two readings of the same words stand for the same value said once.
    same = (one.start, one.end) == (other.start, other.end)
    return not same and one.start < other.end and other.start < one.end


def _all_of(text: str) -> Mention:
    said = text.strip()
    start = text.index(said)
    return Mention(value=said, words=said, start=start, end=start + len(said))

"""Requests to write to somebody: who, by SMS or e-mail, and what.

    "let Ana know I'm late"    -> send_sms {"to": "Ana", "text": "I'm late"}

The text is what the person wrote, letter for letter.  A name must be a contact, a number or an
address: what nobody can send to is a question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.requests.plan import NO_PERSON, NO_TEXT, Call, Plan, ask

if TYPE_CHECKING:
    from fireside.assistant.requests.spelling import Spelled
    from fireside.tools.config import Contact

_PRONOUN: Final = (
    r"(?:him|her|them|it|me|us|somebody|someone|everybody|everyone|anyone|a person|people|you)"
)
_KIN: Final = (
    r"(?:mum|mom|dad|mother|father|wife|husband|boss|brother|sister|son|daughter|grandma|grandpa|"
    r"aunt|uncle|partner|neighbou?r|landlord|colleague|manager|team|doctor|dentist|friend|teacher)"
)
_NUMBER: Final = r"\+?\d(?:[\d ()/-]{1,20})\d"
_MAIL: Final = r"[\w.+-]{1,64}@[\w-]{1,60}(?:\.[\w-]{1,60}){1,4}"
_TITLE: Final = r"(?:mr|mrs|ms|miss|dr|prof|professor)\.? [\w'’-]{1,40}"
_BY: Final = (
    r"(?: (?:by|via|in|through|with|per|over) (?:an? )?(?P<{0}>sms|text(?: message)?|e-?mail|"
    r"mail|message))?"
)
_SMS: Final = r"(?:text message|text|sms|message|note|line|word|txt)"
_EMAIL: Final = r"(?:e-?mail|mail)"
_KIND: Final = rf"(?:{_EMAIL}|{_SMS})"
_QUICK: Final = r"(?:(?:quick|short|little|brief|nice) )?"
_SAYS: Final = (
    r"(?: ?[:;] ?| ?,? ?(?:and )?(?:(?:just )?(?:say(?:s|ing)?(?: like)?|tell(?:ing)? (?:him|her|"
    r"them)|to say|"
    r"write|writing|with the (?:text|message|words)|to (?:let (?:him|her|them) know|tell (?:him|"
    r"her|them)|inform (?:him|her|them)))"
    r"(?: that)?|that|like) ?[:,]? | ?,? )"
)
_ABOUT: Final = (
    r"(?:,? (?:about|regarding|concerning|re|on the subject(?: of)?|"
    r"(?:with )?(?:the )?subject:?) (?P<topic>[^:,]{1,60}?)(?=[:,]| that | saying | and say |"
    r" telling ))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """person: as the request names it.  by: `sms`, `email` or "" where it is not said."""

    person: str
    by: str
    text: str
    topic: str = ""


class People:
    """Whom a name means: contacts, and what was given in the conversation."""

    def __init__(
        self, contacts: Mapping[str, Contact], given: Mapping[str, str] | None = None
    ) -> None:
        self._contacts = {name.casefold(): (name, each) for name, each in contacts.items()}
        self._given = given or {}

    @property
    def names(self) -> Sequence[str]:
        return sorted((name for name, _ in self._contacts.values()), key=len, reverse=True)

    def call_name(self, person: str) -> str:
        """As the contact is written."""
        name = person.casefold().strip().removeprefix("my ")
        return self._contacts[name][0] if name in self._contacts else person

    def ways(self, person: str) -> set[str]:
        if re.fullmatch(_MAIL, person):
            return {"email"}
        if re.fullmatch(_NUMBER, person):
            return {"sms"}
        known = self._contacts.get(person.casefold().strip().removeprefix("my "))
        if known is None:
            return set()
        return {way for way, value in (("sms", known[1].phone), ("email", known[1].email)) if value}


def _patterns(names: Sequence[str]) -> list[re.Pattern[str]]:
    known = "|".join(re.escape(name) for name in names)
    known = f"{known}|" if known else ""
    who = (
        rf"(?P<who>{known}{_MAIL}|{_NUMBER}|{_TITLE}|(?:my |the )?{_KIN}|{_PRONOUN}|"
        r"(?!(?:an?|the|to|that|about|and|saying|down|out|in|on|my|your|by|via|with|for|of|it|me|"
        r"this|some)\b)[^\W\d_][\w'’-]{1,40})"
    )
    by, late = _BY.format("by"), _BY.format("late")
    end = r"(?P<text>.{0,600})"
    made = (
        rf"(?:tell(?: to)?|inform|notify|remind|advise) {who}{by}(?: (?:about it))?{_SAYS}{end}",
        rf"(?:say|pass on|send word) to {who}{by}{_SAYS}{end}",
        rf"let {who} know{by}{_SAYS}{end}",
        rf"(?:send|write|shoot|drop|give|compose|type|make|do)? ?(?:please )?(?:an? |"
        rf"the )?{_QUICK}(?P<kind>{_KIND}) (?:to|for) {who}{_ABOUT}{_SAYS}{end}",
        rf"(?:send|write|shoot|drop|give) {who} (?:an? |"
        rf"the )?{_QUICK}(?P<kind>{_KIND}){_ABOUT}(?: by (?:sms|text))?{_SAYS}{end}",
        rf"(?P<kind>{_EMAIL}|text|sms|message|ping|msg) (?:to )?{who}{_ABOUT}{by}{_SAYS}{end}",
        rf"write(?: to)? {who}{_ABOUT}{by}{_SAYS}{end}",
        rf"send (?:to )?{who}{by} ?[:;] ?{end}",
        rf"(?:send|write|say) (?:the following|this|the following (?:text|"
        rf"message)) to {who}{by} ?[:;] ?{end}",
        rf"hit up {who}{_SAYS}{end}",
        rf"{who} (?:should|must|ought to|needs to|has to) (?:know|hear|be told|be informed|"
        rf"learn){late} that {end}",
        rf"(?:i should like|i(?:['’]d| would) like|i want) {who} to (?:be told|know|"
        rf"hear){late}(?: that)? {end}",
        rf"{who} to (?:be told|know|hear|be informed){late}(?: that)? {end}",
        rf"{who} (?:is waiting for|needs|expects|wants|should (?:get|have|"
        rf"receive)) an? (?P<kind>{_KIND}) ?(?:that says|which says|saying|:)(?: that)? ?{end}",
        rf"(?:somebody|someone) (?:ought to|should|must) tell {who} (?:that )?{end}",
    )
    return [re.compile(rf"(?:{pattern}) ?$", re.I | re.S) for pattern in made]


_TEXT: Final = r"(?:text message|text|sms|message|txt)"
_ALONE: Final = re.compile(
    rf"(?:send|write|shoot|compose|type)? ?(?:(?:my )?(?:best wishes|greetings|regards)|(?:an? |"
    rf"the )?{_QUICK}(?P<kind>{_EMAIL}|{_TEXT})"
    rf"(?: ?(?:saying(?: that)?|that|:|"
    rf"which says) ?(?P<text>.{{1,600}}))?) ?(?:by (?P<by>e-?mail|sms|text))?[.!?]{{0,6}}",
    re.I | re.S,
)
_NOBODY: Final = re.compile(
    rf"(?:(?P<kind>text|sms|e-?mail|mail|message|write(?: to)?)|(?:send|write|shoot|drop) (?:it |"
    rf"that |this |an? |the )?{_QUICK}"
    rf"(?P<sent>{_KIND})? ?(?:to|for)) (?P<who>[^\s,:][^,:]{{0,60}}?) ?[.!?]{{0,6}}",
    re.I,
)
_UNSAID: Final = re.compile(
    rf"(?:send|write|shoot|drop|give) (?P<who>[^\s,:][^,:]{{0,60}}?) (?:an? |the )?{_QUICK}"
    rf"(?P<kind>{_EMAIL}|{_TEXT})[.!?]{{0,6}}",
    re.I,
)
_TAIL: Final = re.compile(
    r"(?:, ?(?:please|thanks|thank you|ok|okay|pls|thx|would you|will you|cheers|by text|via sms|"
    r"by sms|"
    r"by e-?mail|if you can)| (?:pls|please|thx)){1,2}[\s.!?]{0,6}$",
    re.I,
)


def _more(rest: str, people: People) -> bool:
    """Another person's name comes first."""
    names = "|".join(re.escape(name) for name in people.names) or "(?!)"
    return (
        re.match(rf" ?(?:,|&|and) ?(?:(?i:{names}|{_KIN}|{_TITLE})\b|[A-Z][a-z])", rest) is not None
    )


def channel(*words: str | None) -> str:
    for word in words:
        if word:
            return "email" if re.fullmatch(_EMAIL, word, re.I) else "sms"
    return ""


def read_message(request: Spelled, text: str, start: int, people: People) -> Written | None:
    """text: without politeness; it stands at `start` of the request's own."""
    for pattern in _patterns(people.names):
        found = pattern.match(text)
        if found is None:
            continue
        groups = found.groupdict()
        by = channel(groups.get("by"), groups.get("late"), groups.get("kind"))
        if groups.get("kind", "") and groups["kind"].lower() in ("note", "line", "word"):
            by = ""
        if re.fullmatch(r"me|us|you|it", found["who"].strip(), re.I):
            return None  # "tell me what I have tomorrow"
        person = people.call_name(found["who"].strip())
        if re.match(r" ?(?:,|&|\band\b) ?", text[found.end("who") :]) and _more(
            text[found.end("who") :], people
        ):
            return Written(person="", by="", text="")  # to two people: one at a time
        begin, end = found.span("text")
        said = request.as_written(start + begin, start + end) if end > begin else ""
        tail = re.search(
            r",? by (text|sms|e-?mail|mail)\b[^.,]{0,30}[.,]?(?: .{0,40})?$", said, re.I
        )
        if tail and not by:
            by, said = channel(tail[1]), said[: tail.start()]
        said = _TAIL.sub("", said).strip()
        said = said.strip(' "“”')
        said = re.sub(r"(?<![.!?])[.?]$", "", said)
        return Written(person=person, by=by, text=said, topic=(groups.get("topic") or "").strip())
    return None


def message(
    request: Spelled, text: str, start: int, people: People, given: Mapping[str, str]
) -> Plan | None:
    """given: what was asked for and said since: `person`, `text`, `address`."""
    alone = _ALONE.fullmatch(text)
    if alone is not None and (alone["kind"] or alone["by"]):
        written = Written(
            person="", by=channel(alone["by"], alone["kind"]), text=(alone["text"] or "").strip()
        )
    elif (unsaid := _UNSAID.fullmatch(text)) and _is_person(unsaid["who"], people):
        person = people.call_name(unsaid["who"].strip())
        written = Written(person=person, by=channel(unsaid["kind"]), text="")
    elif (nobody := _NOBODY.fullmatch(text)) and _is_person(nobody["who"], people):
        by = channel(
            nobody["kind"] if not (nobody["kind"] or "").startswith("write") else None,
            nobody["sent"],
        )
        written = Written(person=people.call_name(nobody["who"].strip()), by=by, text="")
    else:
        found = read_message(request, text, start, people)
        if found is None:
            return None
        written = found
    person = given.get("person", written.person)
    said = given.get("text", written.text)
    return plan_of(person, written.by, said, written.topic, people, given.get("address", ""))


def _is_person(who: str, people: People) -> bool:
    words = who.split()
    return (
        people.call_name(who) != who
        or who in people.names
        or re.fullmatch(rf"{_MAIL}|{_NUMBER}|{_TITLE}|(?:my |the )?{_KIN}|{_PRONOUN}", who, re.I)
        is not None
        or (len(words) == 1 and words[0].isalpha())
    )


def plan_of(person: str, by: str, text: str, topic: str, people: People, address: str) -> Plan:
    kind = "message"
    if not person or re.fullmatch(_PRONOUN, person, re.I):
        return ask(kind, NO_PERSON)
    ways = people.ways(person)
    if address:
        ways = people.ways(address) or ways
    if not by:
        by = "sms" if "sms" in ways or not ways else "email"
    if not text:
        return ask(kind, NO_TEXT)
    if by not in ways:
        return ask(kind, unknown(person, by))
    to = address or person
    given: dict[str, Any] = {"to": to, "text": text}
    if by == "sms":
        return Plan(kind=kind, calls=(Call(name="send_sms", arguments=given),))
    subject = topic.removeprefix("the ") or _short(text)
    given = {"to": to, "subject": subject, "text": text}
    return Plan(kind=kind, calls=(Call(name="send_email", arguments=given),))


def unknown(person: str, by: str) -> str:
    what = "phone number" if by == "sms" else "e-mail address"
    return f"I have no {what} of {person}. What is it?"


def _short(text: str) -> str:
    """Whole words of at most 60 letters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:60].rpartition(" ")[0]

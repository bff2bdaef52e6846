"""Requests for the calendar: what is there, when it is free, what is to be put in.

A title is what is left of the request without its time and without the asking.  Where more than one
stretch is left, nobody knows which is the title, and the rules leave the request alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from fireside.assistant.requests.moving import MOVES, moved
from fireside.assistant.requests.phrases import (
    ASKS,
    CLAUSE,
    is_generic,
    is_title,
    title_of,
)
from fireside.assistant.requests.plan import (
    NO_DAY,
    NO_TIME,
    NO_TITLE,
    NOTHING,
    Plan,
    ask,
    call,
)
from fireside.assistant.requests.times import Stretch, Timed, lasting, timed, without

_FREE: Final = re.compile(
    r"\b(?:free|available|availability|spare|gap|slot|have (?:some )?(?:time|room)|time for|"
    r"room for|got (?:any |some )?time|fit in|squeeze in|"
    r"not busy|open slot|when (?:could|would|can) .{1,30}?\b(?:meet|work|fit|be|go|come|talk|i|we)|"
    r"find (?:me |us )?|available)\b",
    re.I,
)
_FREE_NEEDS: Final = re.compile(r"\b(?:find|when (?:could|would|can))\b", re.I)
_LIST_WORDS: Final = frozenset(
    """
    what what's whats what’s which when where who whom how how's is are was am 's do
    does did have has had i i've i'm my me we our you the a an any anything
    something there in on for of at about to it be books due s job jobs task tasks work
    show list read tell give see check look let open go through run display view get find say
    calendar diary agenda schedule planner appointments appointment meetings meeting events event
    plans plan planned plate day days week weekend weekend's today tomorrow going happening doing
    up lookin busy full like looks look looking need engagements
    engagement entries await awaits commitments on earth things thing stuff got set with
    whether if know remember can can't cannot could would
    please all first next last time everything entire whole must scheduled booked down lined
    and or so out possible idea no lost track completely honestly here vibe not sure dates
    bring overview summary summarise summarize forget forgot not this that's that
    """.split()  # noqa: SIM905
)
_LISTING: Final = re.compile(
    r"\b(?:what|what['’]?s|which|show|list|read|tell me|calendar|diary|agenda|schedule|"
    r"appointments?|meetings?|events?|plans?|planned|anything|"
    r"busy|doing|do i have|have i|going on|engagements?|on my plate|where do i|who am i|"
    r"how['’]?s|look like|see|whether)\b",
    re.I,
)
_ORDER: Final = re.compile(
    r"^(?:add|put|book|schedule|enter|create|note|set up|arrange|save|plan|block|reserve|write|"
    r"jot|mark|log|pencil|insert|record|register|remember|remind me|calendar|new|keep|"
    r"make (?:please )?(?:an? |me an? )?(?:new )?(?:appointments?|events?|meetings?|entry|"
    r"reminder|note)|"
    r"organi[sz]e|include|fix (?:an? )?(?:date|appointment|meeting|lunch|dinner))\b",
    re.I,
)
_NOTED: Final = re.compile(
    r"\b(?:put|add|note|write|save|keep|book|record|enter|mark|jot|remember) (?:it|that|this|"
    r"them)\b"
    r"|\b(?:put it in|note down|let me forget|so i don['’]?t forget|ll forget)\b"
    r"|\b(?:in|into|on) (?:my|the) (?:calendar|diary|agenda|planner)\b",
    re.I,
)
_OTHERWISE: Final = re.compile(
    r"^(?:calculate|convert|compute|take|get|give|find|show|tell|ask|do not|don['’]?t|never|"
    r"translate|"
    r"explain|play|order|buy me|call me|wake|open|close|turn|switch|send|correct|check|prepare me|"
    r"fetch|bring|fire|search|look|think|try|stop|start|help|let|say|read|sing|fix my)\b",
    re.I,
)
_HAVE: Final = re.compile(
    r"^(?:\| ){0,4},? ?(?:i(?:['’]ve| have)(?: got)?|i got|i(?:['’]m| am)(?: having| meeting|"
    r" going|"
    r" at)?|i(?:['’]ll| will) (?:be at|have)|there(?:['’]s| is| will be)|we(?:['’]re| are)? hav|"
    r"we have|i must|i need to (?:go|see|be)|my |our |the )",
    re.I,
)
_NAMED: Final = re.compile(
    r"\b(?:call it|called|named|titled|entitled|title:?) [\"“']?(?P<title>[^|,.;\"”]{1,60})", re.I
)
SMS_TOO: Final = re.compile(
    r"[\s,;.]{0,3}(?:\b(?:and|then|please) ,?){0,2}\b(?P<verb>text|tell|sms|e-?mail|mail|message|"
    r"ping|inform|notify|let|write|send|shoot|drop) "
    r"(?P<who>him|her|them)\b(?: (?:know|about it|too|also|please|an? (?:quick )?(?P<kind>text|"
    r"sms|e-?mail|mail|message)|(?:by|via) (?P<by>sms|text|e-?mail|mail))){0,3}[\s.!?]{0,6}$",
    re.I,
)


def events(text: str, now: datetime, given: Mapping[str, str]) -> Plan | None:
    """text: as it is understood, without politeness.  given: what was asked for and said since:
    `title`, `time`."""
    named = timed(text, now)
    return (
        moved(text, named, now, given)
        or _free(text, named)
        or _list_of(text, named)
        or _added(text, named, given)
    )


# -- reading ----------------------------------------------------------------------------------


def _free(text: str, named: Timed) -> Plan | None:
    if not _FREE.search(text) or re.search(
        r"\b(?:add|put|note|write|book|schedule|save)\b", text, re.I
    ):
        return None
    length = lasting(text)
    if (
        _FREE_NEEDS.search(text)
        and not re.search(r"\b(?:free|available|spare|gap|slot|time|room)\b", text, re.I)
        and length is None
    ):
        return None
    if named.several or (named.stretches and named.moment is None):
        return None
    if not named.stretches:
        return ask("calendar_free", NO_DAY)
    more: dict[str, Any] = {} if length is None else {"minutes": length[0]}
    return call("calendar_free", when=named.words, **more)


def _list_of(text: str, named: Timed) -> Plan | None:
    if named.several or (named.stretches and named.moment is None):
        return None
    bars = without(text, named.stretches).lower()
    words = re.findall(r"[a-z]{1,40}(?:['’][a-z]{1,40})?", bars)
    alone = not words or set(words) <= {"on", "the", "my", "for", "and", "about", "what", "how"}
    if alone and named.stretches and named.has_day:
        return call("calendar_list", when=named.words)
    if not set(words) <= _LIST_WORDS or not _LISTING.search(bars):
        return None
    if (
        not ASKS.match(text)
        and re.search(r"\b(?:i have|there is|meeting|appointment)\b", bars)
        and not re.search(
            r"\b(?:show|list|see|check|tell|what|which|my|calendar|read|whether|if|appointments|"
            r"meetings|plans)\b",
            bars,
        )
    ):
        return None
    if not named.stretches:
        mine = re.search(
            r"\b(?:my (?:day|calendar|diary|agenda|schedule|appointments|meetings|plans|events))\b",
            bars,
        )
        return call("calendar_list", when="today") if mine else None
    return call("calendar_list", when=named.words)


# -- adding -----------------------------------------------------------------------------------


def _added(text: str, named: Timed, given: Mapping[str, str]) -> Plan | None:
    if ASKS.match(text) or MOVES.search(text) or _OTHERWISE.search(text):
        return None  # a request to move that was not understood is none to add
    if named.several or (named.stretches and named.moment is None):
        return None
    length = lasting(text)
    if length is not None and any(_meets(each, length[1]) for each in named.stretches):
        length = None
    cut = named.stretches if length is None else (*named.stretches, length[1])
    bars = without(text, cut)
    title, certain = _title(bars)
    title = given.get("title", title)
    ordered = _ORDER.match(text) is not None or _NOTED.search(bars) is not None
    if not certain:
        return None
    if is_generic(title):
        if not ordered and not re.search(r"\b(?:appointment|event|something|thing)\b", text, re.I):
            return None
        return ask("calendar_add", NO_TITLE if named.stretches else NOTHING)
    if not is_title(title):
        return None
    if not named.stretches:
        return ask("calendar_add", NO_TIME) if _ORDER.match(text) else None
    stated = _HAVE.match(bars.strip()) is not None
    if not ordered and not stated and (len(title.split()) > 5 or CLAUSE.search(bars)):
        return None
    if not ordered and text.rstrip().endswith("?"):
        return None
    more: dict[str, Any] = {} if length is None else {"minutes": length[0]}
    if length is not None and not (named.moment and named.moment.timed and not named.moment.part):
        return ask("calendar_add", "At what hour?")
    return call("calendar_add", title=title, when=named.words, **more)


def _meets(one: Stretch, other: Stretch) -> bool:
    return one.start < other.end and other.start < one.end


def _title(bars: str) -> tuple[str, bool]:
    """The one stretch that names something; False where there are several."""
    named = _NAMED.search(bars)
    if named is not None:
        return named["title"].strip(), True
    made: list[str] = []
    for part in re.split(r"[|;:()]|[.!?](?=\s|$)|,\s", bars):
        title = title_of(part)
        if title and not (is_generic(title) and len(title.split()) < 3):
            made.append(title)
    made = [
        each
        for each in made
        if not re.fullmatch(r"(?:we|i|you|that|which|and|so)(?: \w+)?", each, re.I)
    ]
    if not made:
        return "", True
    return (made[0], True) if len(made) == 1 else ("", False)

"""Greetings and thanks, and what no tool here can do: answered by a line, not by a model."""

from __future__ import annotations

import re
from typing import Final

from fireside.assistant.requests.plan import ONLY, Plan

_TALK: Final = tuple(
    (
        re.compile(
            rf"(?:(?:ok(?:ay)?|oh|well|lol|yo)[\s,]{{1,4}})?(?:{pattern})[\s.!?)(:]{{0,6}}", re.I
        ),
        line,
    )
    for pattern, line in (
        (r"(?:good morning)(?: to you)?", "Good morning! What can I do for you?"),
        (r"(?:good (?:evening|afternoon))(?: to you)?", "Hello! What can I do for you?"),
        (r"good night", "Good night!"),
        (r"(?:hi|hello|hey|yo|sup|howdy|good day|greetings|hiya)(?: there| again| to you| you|"
         r" secretary| my friend|,? how are you){0,3}",
         "Hello! What can I do for you?"),
        (r"how do you do|how are you(?: doing)?(?: today)?|how is it going|how['’]s it going|"
         r"what['’]s up",
         "Fine, thank you. What can I do for you?"),
        (r"(?:so |many |thank |ok ){0,3}(?:thanks|thank you|thx|ty|cheers)\b"
         r"(?!.{0,80}\b(?:add|put|send|tell|text|book|move|what|when|"
         r"how)\b).{0,60}", "You are welcome."),
        (r"(?:i think |ok )?that(?:['’]?s| is| was) (?:all|everything|it)(?: for (?:now|"
         r"today))?(?:,? thanks| thank you)?",
         "All right. Call me when you need me."),
        (r"(?:bye|goodbye|see you(?: later| tomorrow| soon)?|bye bye)", "Goodbye!"),
        (r"(?:who are you|what are you|what(?:['’]s| is) your name|are you (?:a )?(?:robot|human|"
         r"bot|real))",
         "I am your secretary, a program: calendar, messages, dates, sums and units."),
        (r"(?:what can you do|help|how (?:do|can) (?:you|i) (?:work|use (?:you|this))|"
         r"what do you do)(?: for me)?",
         ONLY),
        (r"(?:great|perfect|nice|cool|awesome|good|lovely|wonderful|excellent|well done|"
         r"good job)(?: job| work|,? thanks)?",
         "Glad to hear it."),
        (r"(?:i have forgotten|i forgot|i['’]ve forgotten) what i (?:wanted|was going) to (?:ask|"
         r"say)",
         "No problem. What can I do for you?"),
        (r"(?:never ?mind|forget it|no thanks|nothing|no|nope|"
         r"not now)", "All right. Call me when you need me."),
        (r"(?:ok(?:ay)?|yes|sure|fine|yep|alright|all right)", "All right. What can I do for you?"),
    )
)  # fmt: skip
_UNDO: Final = re.compile(
    r"\b(?:cancel|delete|remove|erase|clear|take out|call off|drop)\b.{0,40}?"
    r"\b(?:appointments?|meetings?|events?|calendar|everything|all|lunch|dinner|dentist|call|it|"
    r"that|tomorrow|today)\b",
    re.I,
)
_AGAIN: Final = re.compile(
    r"\b(?:every|each) (?:day|week|month|year|morning|evening|other|monday|tuesday|wednesday|"
    r"thursday|friday|"
    r"saturday|sunday)|\b(?:weekly|daily|monthly) (?:meeting|event|appointment|reminder)\b|"
    r"\brecurring\b",
    re.I,
)
_OUTSIDE: Final = re.compile(
    r"\b(?:weather|forecast|rain(?:ing)?|umbrella|pizza|sushi|burger|taxi|uber|cab|flights?|"
    r"hotel|hostel|airbnb|"
    r"restaurant|recipe for|joke|poem|essay|song|music|playlist|film|movie|news|headlines|stock|"
    r"share price|bitcoin|"
    r"exchange rate|translate|translation|capital of|president|prime minister|"
    r"king of|queen of|who (?:won|wrote|painted|invented|discovered|is the|was the|directed|"
    r"composed)|"
    r"password|alarm|timer|stopwatch|lights?|heating|selfie|photo|picture of|directions|route to|"
    r"google|youtube|"
    r"facebook|instagram|twitter|tweet|medicine|symptoms?|headache|lawyer advice|diagnos\w+|"
    r"wake me|phone call to|call (?:a|me a)|ring (?:the|my|up)|"
    r"(?:summari[sz]e|proofread|rewrite|draft|compose) (?:the|this|my|a|an)(?! (?:mail|e-?mail|"
    r"sms|text|message))\b)\b"
    r"|^(?:play|sing|hear\b|listen to|watch|explain|recommend|suggest|order|buy|cook|paint|draw|"
    r"search|google|translate|tell me (?:a|about)|"
    r"write (?:me )?an? (?:essay|poem|story|song|letter|program|script|report)|read (?:me|"
    r"my) (?!calendar|schedule|agenda|diary|appointments)|"
    r"turn (?:on|off)|switch (?:on|off)|open the|who (?:is|was|are|won|wrote)|why |"
    r"book (?:me )?an? (?:flight|table|hotel|room|taxi|ticket|trip)|"
    r"reserve an? (?:table|room)|find (?:me )?an? (?:restaurant|hotel|flight|doctor|plumber)|"
    r"pay |transfer |call |phone |ring |"
    r"delete |cancel |remove )",
    re.I,
)
_OURS: Final = re.compile(
    r"\b(?:calendar|diary|agenda|appointments?|remind(?:er)?|schedule|sms|e-?mails?|text|message|"
    r"tell|let .{1,30} know|add|put|note|save|days (?:until|till)|with|at \d|\d ?[ap]m)\b",
    re.I,
)


def talk(text: str) -> Plan | None:
    """text: as it is understood, whole."""
    line = text.strip()
    for pattern, reply in _TALK:
        if pattern.fullmatch(line):
            return Plan(kind="talk", reply=reply)
    return None


def outside(text: str) -> Plan | None:
    """text: without politeness.  A thing of the calendar may have such a word: "pizza with Ana"."""
    if _UNDO.search(text) and not re.search(
        r"\b(?:tell|text|email|mail|sms|message|know)\b", text, re.I
    ):
        reply = f"{ONLY} Events are taken out in a calendar program."
        return Plan(kind="outside", reply=reply)
    if _AGAIN.search(text) and re.search(
        r"\b(?:add|put|book|schedule|set up|remind|enter)\b", text, re.I
    ):
        return Plan(
            kind="outside", reply=f"{ONLY} An event that repeats is made in a calendar program."
        )
    if _OUTSIDE.search(text) and not _OURS.search(text):
        return Plan(kind="outside", reply=ONLY)
    return None

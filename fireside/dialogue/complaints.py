"""Requests for a person, complaints and insults, by rule: English, in any case, with slips of the
keyboard.

The nearest examples (`intents.py`) see a wish; they miss anger, which has few words in common with
any other anger.  Irony passes both by.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Final

MOST_WORDS: Final = 200
NEAR: Final = 0.84
"""Of difflib's ratio: "complian" is near to "complain", "company" is not."""

_WHO: Final = (
    "human|humans|person|people|operator|operators|agent|agents|representative|representatives|"
    "rep|assistant|"
    "manager|supervisor|boss|advisor|adviser|staff|employees?|one of your|specialist|attendant|"
    "colleagues?|team member|customer (?:service|care|support)|support team|real one|live chat|"
    "live support|live agent|live person|hotline|someone|somebody|anyone|anybody|some one|some body"
)
_SPEAK: Final = (
    "talk|talking|speak|speaking|spoke|chat|chatting|connect|connected|transfer|transferr?(?:ed|ing)|"
    "put me through|put me on|escalate|contact|contact(?:ing|ed)|reach|reaching|"
    "call me|phone me|ring me|"
    "pass me|hand me|redirect|forward me|switch me|patch me|get hold of|get in touch|"
    "get a hold of|deal with|hear from|discuss|converse"
)
_ASKS: Final = re.compile(
    rf"\b(?:{_SPEAK})\b.{{0,50}}\b(?:{_WHO})\b|"
    r"\b(?:want|need|give|get|gimme|prefer|require|demand|send|find|bring|fetch|wanna|ask for|"
    r"looking for|where is|where's|is there|are there|any|have)\b(?: \w{1,20}){0,4}? (?:human|"
    r"real person|actual person|living person|live person|operator|(?:live |human |real )agent|"
    r"representative|rep|manager|supervisor|real people|actual people|human being|"
    r"somebody (?:real|human)|someone (?:real|human)|flesh and blood)\b|"
    r"^\W*(?:a |an |the |real |live |human |please )*(?:human|operator|agent|representative|rep|"
    r"manager|supervisor|person|human being)s?(?: please| now| pls| plz)*\W*$|"
    r"\b(?:not|no|hate|stop|enough of|sick of|tired of|instead of|rather than|without)\b"
    r"(?: \w{1,20}){0,4}? (?:bot|bots|robot|robots|machine|machines|chatbot|chatbots|computer|"
    r"ai)\b|"
    r"\bcall ?back\b|\b(?:call|phone|ring) me(?: back)?\b|\b(?:can|could|will|would) (?:someone|"
    r"somebody|anyone|anybody)\b.{0,30}\b(?:call|help|ring|phone|talk|speak|answer|take over)\b|"
    r"\b(?:anyone|anybody|someone|somebody) (?:real |human |there|alive|in charge|competent|who)|"
    r"\b(?:take over|transfer me|put through|wanna talk|get me a person)\b|"
    r"\b(?:real|actual|live|living) (?:human|person|people)\b|"
    r"\b(?:don't|do not|cant|can't|cannot) (?:\w{1,20} ){0,4}(?:bot|robot|machine|chatbot|"
    r"computer)\b",
    re.I,
)
_NO_ASK: Final = re.compile(
    r"\b(?:don'?t|do not|no need to|rather not|needn'?t) (?:want to |need to )?(?:talk|speak|"
    r"contact|"
    r"call|reach)\b|\b(?:become|becoming|hiring|hire|job as|work as) (?:a|an)\b|"
    r"\bfor (?:someone|somebody)(?: else)?$|\bdelivery (?:person|agent)\b",
    re.I,
)
_COMPLAINS: Final = re.compile(
    r"\bcomplain\w{0,15}\b|\b(?:file|filing|lodge|lodging|make|making|submit\w{0,15}|"
    r"register\w{0,15}|raise|"
    r"open) "
    r"(?:a |an |my |this )?(?:\w{1,20} )?(?:claim|reclamation|grievance|consumerclaim|"
    r"customerclaim)\b|"
    r"\b(?:consumer|customer) ?(?:claim|reclamation)\b|\breclamation\b|\bgrievance\b|"
    r"\b(?:unacceptable|outrageous|disgraceful|disgrace|ridiculous|appalling|scandalous|shameful|"
    r"pathetic|disgusting|disgusted|infuriating|unbelievable service|incompetent|incompetence|"
    r"unprofessional|rip-?off|ripped (?:me )?off|scam\w{0,15}|fraud|swindl\w{0,15}|con artists|"
    r"crooks?|"
    r"thie(?:f|ves)|liars?|cheat(?:ed|ers?|s)|robbed|furious|livid|outraged|fuming|fed up|"
    r"had (?:it|enough)|have had enough|sick (?:and tired )?of|tired of (?:this|waiting|your|"
    r"you|being)|"
    r"never (?:again|buy\w{0,15}|order\w{0,15}|shop\w{0,15})|last time i|waste of (?:time|money|"
    r"my)|joke of a|"
    r"what a joke|is a joke|shambles|laughing stock|nightmare|lawyer|solicitor|attorney|sue you|"
    r"suing|legal action|in court|small claims|ombudsman|trading standards|consumer protection|"
    r"better business bureau|bbb|bad review|one[- ]star|zero stars|1 star|report you|"
    r"let (?:me )?down|very (?:angry|upset|unhappy|disappointed|dissatisfied|annoyed)|"
    r"(?:so|extremely|really|deeply|bitterly|quite|totally|absolutely) (?:angry|upset|unhappy|"
    r"disappointed|dissatisfied|annoyed|mad|frustrated|pissed)|not (?:happy|satisfied|impressed|"
    r"good enough|acceptable|amused)|i am (?:angry|upset|unhappy|disappointed|dissatisfied|"
    r"annoyed|"
    r"frustrated)|i'?m (?:angry|upset|unhappy|disappointed|dissatisfied|annoyed|frustrated)|"
    r"dissatisf\w{1,15}|how dare you|shame on|treated (?:like|so badly|me like|badly)|"
    r"(?:third|fourth|fifth|3rd|4th|5th|tenth|umpteenth|hundredth) time|for the last time|"
    r"nobody (?:answers|cares|helps|replies|responds|listens|bothers)|no ?one (?:answers|cares|"
    r"helps|"
    r"replies|responds|listens|bothers)|(?:still|again) no (?:answer|reply|response)|"
    r"keeps? (?:ignoring|lying|going wrong)|ignor(?:ed|ing) (?:me|my)|"
    r"is anybody (?:even )?(?:there|reading)|you people|you lot)\b|"
    r"\b(?:terrible|horrible|awful|worst|dreadful|lousy|useless|poor|rubbish|bad|crappy|garbage|"
    r"atrocious|abysmal|hopeless|rude|shoddy|trash)\b(?: \w{1,20}){0,3}? (?:service|company|"
    r"support|"
    r"shop|"
    r"store|experience|business|staff|employees?|people|agents?|treatment|quality|attitude|"
    r"website|bot|desk|ever)\b|"
    r"\b(?:service|company|support|shop|store|experience|staff|you|you guys|this bot|quality)\b"
    r"(?: (?:is|are|was|were|been|so|such|just|really|simply|absolutely|completely|totally|has|"
    r"have|"
    r"an?|the|really|guys|all|'re)){1,4} (?:terrible|horrible|awful|worst|dreadful|lousy|useless|"
    r"poor|"
    r"rubbish|bad|crap|garbage|atrocious|abysmal|hopeless|rude|shoddy|trash|a nightmare|stupid|"
    r"dumb|"
    r"slow|idiots?|morons?|clowns?|worthless|no help|not helping|unhelpful|a disaster)\b|"
    r"\b(?:f{1,5}u{1,5}c{1,5}k(?!ing)|f\*{1,5}\w{0,15}|wtf|bullshit|shit\w{0,15}|sh\*t|crap|"
    r"asshole\w{0,15}|arseholes?|bastards?|"
    r"bitch\w{0,15}|piss(?:ed)? off|pissed|damn (?:it|you)|damned|bloody hell|screw you|"
    r"go to hell|"
    r"idiots?|morons?|imbeciles?|dumbass\w{0,15}|stupid (?:bot|machine|robot|thing|company|"
    r"people|"
    r"shop)|"
    r"clowns|losers?|suck|sucks|shut up|piece of (?:junk|garbage|trash|rubbish))\b",
    re.I,
)
_NO_COMPLAINT: Final = re.compile(
    r"\b(?:no|not a|without|nothing to|can(?:'?t|not)|any) complain\w{0,15}|"
    r"\bdon'?t mean to complain|"
    r"\b(?:not|never) (?:been )?(?:let down|disappointed|unhappy|upset|angry|a joke|a problem)\b|"
    r"\b(?:is|was) (?:it|that|this) a (?:scam|fraud)\b|\bbloody mary\b",
    re.I,
)
_SPELT: Final = (
    "complain", "complaint", "complaining", "operator", "representative", "manager", "supervisor",
    "unacceptable", "ridiculous", "disappointed", "terrible", "horrible", "disgusting",
    "reclamation",
    "disgrace", "service", "somebody", "someone", "speak", "human", "person", "people", "agent",
    "furious", "useless", "company", "customer", "outrageous", "incompetent", "dissatisfied",
)  # fmt: skip
"""Words that the rules hang on, and their neighbours that are no slip of them."""


def asks_for_a_person(text: str) -> bool:
    text = spelt(text)
    return _ASKS.search(text) is not None and _NO_ASK.search(text) is None


def complains(text: str) -> bool:
    text = spelt(text)
    return _COMPLAINS.search(_NO_COMPLAINT.sub(" ", text)) is not None


@lru_cache(64)
def spelt(text: str) -> str:
    """One line in plain letters, without the slips in the words that the rules hang on."""
    text = " ".join(text.replace("’", "'").split()[:MOST_WORDS])
    return _WORD.sub(lambda match: _corrected(match[0]), text)


_WORD: Final = re.compile(r"[A-Za-z]{5,16}")


@lru_cache(2048)
def _corrected(word: str) -> str:
    lower = _RUN.sub(r"\1\1", word.lower())
    if lower in _SPELT:
        return lower
    near = difflib.get_close_matches(lower, _SPELT, n=1, cutoff=NEAR)
    # Another first letter is another word: "agents" and "regents".
    return (
        near[0] if near and near[0][0] == lower[0] and abs(len(near[0]) - len(lower)) < 2 else word
    )


_RUN: Final = re.compile(r"([a-z])\1{2,15}")

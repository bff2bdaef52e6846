"""A summary of a text of any length: map, reduce, and a length that is kept.

Each piece is summed up, the summaries are put together and summed up again until one piece is
left.  Of what the model writes only sentences stand whose numbers and names occur in the piece
(`summary.checked`); what is then too short is filled with the text's own sentences, and what is
too long loses sentences from its end.  It refuses to end in mid-sentence.
"""

from __future__ import annotations

from fireside.assistant.summary import checked
from fireside.assistant.uses.asking import Ask
from fireside.assistant.uses.made import Made
from fireside.assistant.uses.packing import packed, sentences_within
from fireside.knowledge.words import words as words_in
from fireside.language.sentences import sentences

WISH = (
    "Write a summary of the text below in at most {words} words. Keep names, numbers and what "
    "matters most. Write only the summary.\n\nText:\n{text}"
)
LEAST = 0.5
"""Of the words asked for: a summary that is shorter, of a text that is not, is filled up."""
TOKENS_PER_WORD = 2


def summarise(ask: Ask, text: str, words: int) -> Made:
    """At most `words` words, and at least half of them where the text has as many.

    Raises: as `Ask`.
    """
    pieces = packed(sentences_within(ask, prose(text), room(ask)), room(ask), ask.tokens)
    notes = {"pieces": len(pieces), "rounds": 0, "unsupported": 0, "from_the_text": 0}
    if length(text) <= words or not pieces:
        return Made(text=text.strip(), notes=notes)
    # In the middle rounds each piece may keep a fair share, so that nothing but detail is lost.
    while len(pieces) > 1:
        notes["rounds"] += 1
        share = max(words // len(pieces), 40)
        parts = [part for piece in pieces for part in sentences(_short(ask, piece, share, notes))]
        shorter = packed(parts, room(ask), ask.tokens)
        pieces = shorter if len(shorter) < len(pieces) else pieces[: len(pieces) // 2]
    notes["rounds"] += 1
    return Made(text=_short(ask, pieces[0], words, notes), notes=notes)


def prose(text: str) -> str:
    """Without the headings and tables of Markdown, if anything else is left."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "|", "```"))]
    return "\n".join(lines) if any(line.strip() for line in lines) else text


def room(ask: Ask) -> int:
    """Tokens of one piece: a small model loses the thread of longer ones."""
    return max(32, min(1200, ask.window // 3))


def length(text: str) -> int:
    return len(text.split()) if " " in text.strip() else len(words_in(text))


def _short(ask: Ask, piece: str, words: int, notes: dict[str, int]) -> str:
    if length(piece) <= words:
        return piece
    most = min(ask.window // 4, TOKENS_PER_WORD * words + 16)
    written = ask(WISH.format(words=words, text=piece), max_tokens=most)
    said, dropped = checked(written.text, piece, ended=written.whole)
    notes["unsupported"] += dropped
    kept = _within(said, words)
    if sum(map(length, kept)) < LEAST * words:
        kept = _filled(kept, sentences(piece), words, notes)
    return " ".join(kept) or beginning(piece, words)


def beginning(piece: str, words: int) -> str:
    """Of a sentence that is longer than the whole summary may be; it ends in dots."""
    spaced = " " in piece.strip()
    return (" ".join(piece.split()[:words]) if spaced else piece.strip()[:words]) + "…"


def _within(said: list[str], words: int) -> list[str]:
    kept, spent = [], 0
    for sentence in said:
        spent += length(sentence)
        if spent > words:
            break
        kept.append(sentence)
    return kept


def _filled(kept: list[str], source: list[str], words: int, notes: dict[str, int]) -> list[str]:
    """The text's own sentences, the first first, as far as there is room."""
    left = words - sum(map(length, kept))
    known = {" ".join(words_in(each)) for each in kept}
    for sentence in source:
        if length(sentence) <= left and " ".join(words_in(sentence)) not in known:
            kept = [*kept, sentence]
            left -= length(sentence)
            notes["from_the_text"] += 1
        if left < (1 - LEAST) * words:
            break
    return kept

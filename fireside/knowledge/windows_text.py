"""Whether a text that is not UTF-8 is plainly Windows-1252, as old Western programs write.

Some bytes fit every encoding of one byte a letter, so `charset-normalizer` has to find the text
sound, and its letters beyond ASCII have to be those of one language: "Pøíliš" is misread Czech.
"""

from __future__ import annotations

from typing import Final

SAMPLE: Final = 2**16
SIGNS: Final = frozenset("€£§©®°«»“”„‘’‚–—…·•™²³½¼¾µ×±\xa0¿¡ªº")
LANGUAGES: Final = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "äöüßéèàáçëôêñ",  # German, with names from elsewhere
        "àâæçéèêëîïôœùûüñöä",
        "áéíóúüñç",
        "áâãàçéêíóôõú",
        "àèéìíîòóù",
        "åäöéüàè",
        "æøåéäöüó",
        "éëïöüèáóíâê",
    )
)


def is_windows_text(raw: bytes) -> bool:
    from charset_normalizer import from_bytes

    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return False
    letters = {each for each in text if not each.isascii()} - SIGNS
    if not any(letters <= language for language in LANGUAGES):
        return False
    return from_bytes(raw[:SAMPLE], cp_isolation=["cp1252"]).best() is not None

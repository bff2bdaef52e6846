"""Which examples are kept, and what is taken out of them: every switch of cleaning, in one place.

Each step is a few lines in a file of its own; here they are put one after another, cheap ones
first.  Whatever is dropped or changed goes into the report.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from fireside.data.examples import Example, words_of
from fireside.data.report import Report
from fireside.errors import BadRequest

Check = Callable[[str], str | None]
"""Looks at the words of an example; gives the reason to drop it, or None."""


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """What is done to examples on the way in.

    min_characters, max_characters: of everything that an example says.
    duplicates: "exact" drops what is the same but for white space; "near" also what MinHash
        finds alike; "keep" drops nothing.  (Copies would stand in the held-out share as well.)
    similarity: from which Jaccard similarity, of runs of five words, two are alike.
    languages: ISO 639-1 codes of what is kept, e.g. ("en", "de"); empty keeps all.
    redact: personal data is replaced by its kind, e.g. <EMAIL_ADDRESS>.
    """

    min_characters: int = 0
    max_characters: int | None = None
    duplicates: Literal["keep", "exact", "near"] = "exact"
    similarity: float = 0.8
    languages: tuple[str, ...] = ()
    redact: bool = False

    def __post_init__(self) -> None:
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise BadRequest(
                "max_characters is smaller than min_characters: nothing would be left."
            )
        if not 0 < self.similarity <= 1:
            raise BadRequest("similarity is between 0 and 1.")


def clean(examples: Iterable[Example], cleaner: Cleaner, report: Report) -> Generator[Example]:
    """The examples that pass, redacted where asked."""
    for example in examples:
        kept = cleaner(example, report)
        if kept is not None:
            yield kept


class Cleaner:
    """A cleaning at work: one for all sources, so that duplicates are found across them."""

    def __init__(self, cleaning: Cleaning) -> None:
        self._redact: Callable[[Example], Example] | None = None
        if cleaning.redact:
            from fireside.data.privacy import Redactor

            self._redact = Redactor().example
        self._checks = list(_checks(cleaning))

    def __call__(self, example: Example, report: Report) -> Example | None:
        before = example
        if self._redact is not None:
            example = self._redact(example)
        words = words_of(example) if self._checks else ""
        for check in self._checks:
            reason = check(words)
            if reason is not None:
                report.drop(reason, example.origin, words)
                return None
        if example is not before:
            report.change("redacted", example.origin, words or words_of(example))
        return example


def _checks(cleaning: Cleaning) -> Iterator[Check]:
    low, high = cleaning.min_characters, cleaning.max_characters
    if low:
        yield lambda words: "too short" if len(words) < low else None
    if high is not None:
        yield lambda words: "too long" if len(words) > high else None
    if cleaning.duplicates != "keep":
        from fireside.data.duplicates import Exact

        yield Exact()
    if cleaning.languages:
        from fireside.data.languages import Languages

        yield Languages(cleaning.languages)
    if cleaning.duplicates == "near":
        from fireside.data.duplicates import Near

        yield Near(cleaning.similarity)

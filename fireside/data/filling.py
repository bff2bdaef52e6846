"""Examples into token files: the loop that reads, tokenises and writes a batch at a time.

Refuses to read from one source alone while another is behind: where there is a limit, each gets
its share of it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from fireside.data.examples import Example, Text
from fireside.data.report import Report
from fireside.data.tokenised import Tokens, TooLong, Unfit, end_of_text, tokenise
from fireside.data.writer import TokenWriter
from fireside.hub.progress import Progress
from fireside.tokenizer import Tokenizer

CHARACTERS, EXAMPLES = 1 << 20, 512
"""What is tokenised at a time, at most: enough for all cores, little enough for any memory."""

BEYOND = "beyond max_tokens"


class Feed:
    """One source's examples, a batch at a time.

    tokens: how many of it have been written.
    next: the example that the next batch begins with.
    """

    def __init__(self, number: int, examples: Generator[Example]) -> None:
        self.number = number
        self.tokens = 0
        self._examples = examples
        self.next: Example | None = None
        self._begun = False

    def batch(self) -> list[Example]:
        """The next examples; empty at the end."""
        if not self._begun:
            self.next, self._begun = next(self._examples, None), True
        taken: list[Example] = []
        size = 0
        while self.next is not None and size < CHARACTERS and len(taken) < EXAMPLES:
            taken.append(self.next)
            size += len(self.next.text) if isinstance(self.next, Text) else 0
            self.next = next(self._examples, None)
        return taken

    @property
    def inside(self) -> bool:
        """Whether the next is a further part of the document that was taken last."""
        return isinstance(self.next, Text) and self.next.part > 0

    def close(self) -> None:
        self._examples.close()


class Filling:
    """Token files that are being filled."""

    def __init__(
        self,
        folder: Path,
        tokenizer: Tokenizer,
        report: Report,
        *,
        length: int | None,
        too_long: TooLong,
        max_tokens: int | None,
    ) -> None:
        self._tokenizer, self._report = tokenizer, report
        self._length, self._too_long, self._limit = length, too_long, max_tokens
        self._last: Text | None = None
        end = end_of_text(tokenizer)
        self._writer = TokenWriter(
            folder,
            vocab_size=tokenizer.vocab_size,
            begin=tokenizer.encode("", add_bos=True),
            end=[] if end is None else [end],
        )

    def pour(self, feeds: Sequence[Feed], weights: Sequence[float], progress: Progress) -> None:
        """All of the feeds, or as much as the limit allows."""
        waiting = list(feeds)
        try:
            while waiting and self._room != 0:
                feed = next((one for one in waiting if one.inside), None) or min(
                    waiting, key=lambda one: one.tokens / weights[one.number]
                )
                examples = feed.batch()
                if not examples:
                    waiting.remove(feed)
                    continue
                before = self._writer.tokens
                self._add(examples, feed.number)
                feed.tokens += self._writer.tokens - before
                progress("preparing the data", self._writer.tokens, self._limit or 0)
            for feed in feeds:
                if feed.next is not None:
                    self._report.drop(BEYOND, feed.next.origin, "")
        finally:
            for feed in feeds:
                feed.close()
            self._writer.close()

    @property
    def _room(self) -> int | None:
        """Tokens that may still come; None without a limit."""
        return None if self._limit is None else max(0, self._limit - self._writer.tokens)

    def _add(self, examples: Sequence[Example], source: int) -> None:
        made = tokenise(examples, self._tokenizer, length=self._length, too_long=self._too_long)
        for example, tokens in zip(examples, made, strict=True):
            if isinstance(tokens, Unfit):
                self._report.drop(tokens.reason, example.origin, tokens.what)
            elif self._room == 0:
                self._report.drop(BEYOND, example.origin, "")
            else:
                self._report.kept += 1
                if isinstance(example, Text):
                    self._add_text(example, tokens, source)
                    continue
                if tokens.remark:
                    self._report.remark(tokens.remark, example.origin)
                if tokens.cut:
                    self._report.change("cut", example.origin, "longer than a row")
                self._writer.example(tokens, source=source)

    def _add_text(self, example: Text, tokens: Tokens, source: int) -> None:
        (ids,) = tokens.parts
        size, room = tokens.bytes, self._room
        if room is not None and len(ids) > room:
            ids = ids[:room]
            size = sum(len(self._tokenizer.token_bytes(number)) for number in ids)
            self._report.change("cut", example.origin, "the last document, at max_tokens")
        last, self._last = self._last, example
        goes_on = (
            last is not None
            and example.part == last.part + 1
            and example.origin.file == last.origin.file
        )
        self._writer.document(ids, size, source=source, goes_on=goes_on)

"""The process that opens a stranger's file: `python -m fireside.knowledge.child`.

It takes a path and the suffix of the file's name, and writes a JSON line for each block, for each
thing that was not read, and for how it ended.  Memory, processor time and files are limited before
the file is opened.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from fireside.errors import BadRequest, FiresideError, Unsupported
from fireside.knowledge.documents import MOST_CHARACTERS, Block, Unread

MEMORY = 2**30
SECONDS = 120

LONGEST_TEXT = 2**16  # characters of a block that is written: a page of a line must not be 50 MB
LONGEST_TITLE, MOST_TITLES = 200, 12
LONGEST_LINE = 2**20
"""Bytes: more than a block of that length and its titles can have."""
MOST_BLOCKS = 500_000
MOST_UNREAD = 50


def limit(memory: int, seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's clock remains
        return
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        bound = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(what, (bound, most))
    os.nice(10)


def blocks(kind: str, path: Path) -> Iterator[Block | Unread]:
    """What the file holds, by the reader of its kind."""
    if kind == "pdf":
        from fireside.knowledge.pdf import pdf

        return pdf(path)
    if kind == "docx":
        from fireside.knowledge.word import docx

        return docx(path)
    if kind == "pptx":
        from fireside.knowledge.slides import pptx

        return pptx(path)
    if kind == "xlsx":
        from fireside.knowledge.sheets import xlsx

        return xlsx(path)
    return _written(kind, path)


def _written(kind: str, path: Path) -> Iterator[Block | Unread]:
    from fireside.knowledge.tables import table
    from fireside.knowledge.written import decoded, decoded_page, markdown, plain

    if path.stat().st_size > 4 * MOST_CHARACTERS + 4:
        raise BadRequest(
            f"The text has more than {MOST_CHARACTERS // 10**6} million characters: split it."
        )
    if kind == "html":
        from fireside.knowledge.web import html

        page, is_damaged = decoded_page(path.read_bytes())
        yield from html(page)
        if is_damaged:
            yield Unread("letters that the page's encoding does not have: they became �")
        return
    text, is_old = decoded(path.read_bytes())
    if is_old:
        yield Unread(
            "what its encoding is: the text was taken for Windows-1252; save it as UTF-8 to be sure"
        )
    if kind == "tabbed":
        yield from table(text, "\t")
    else:
        yield from (
            table(text)
            if kind == "table"
            else (markdown(text) if kind == "markdown" else plain(text))
        )


def bounded(found: Iterable[Block | Unread]) -> Iterator[Block | Unread]:
    """The same text.  A long block is several; titles are cut where nobody would read them.

    Raises:
        BadRequest: more than a document holds.
    """
    size = count = 0
    for part in found:
        if isinstance(part, Unread):
            yield part
            continue
        size += len(part.text)
        count += 1 + len(part.text) // LONGEST_TEXT
        if size > MOST_CHARACTERS or count > MOST_BLOCKS:
            raise BadRequest(
                f"The document holds more than {MOST_CHARACTERS // 10**6} million characters or "
                f"{MOST_BLOCKS:,} paragraphs: split it."
            )
        section = tuple(title[:LONGEST_TITLE] for title in part.section[:MOST_TITLES])
        for begin in range(0, len(part.text), LONGEST_TEXT):
            text = part.text[begin : begin + LONGEST_TEXT]
            yield Block(text=text, page=part.page, section=section)


def lines(path: Path, suffix: str) -> Iterator[list[object]]:
    """What is written, the end without its line."""
    from fireside.knowledge.kinds import kind_of

    unread = 0
    for part in bounded(blocks(kind_of(path, suffix), path)):
        if isinstance(part, Block):
            yield ["block", part.text.replace("\0", ""), part.page, part.section]
        elif unread < MOST_UNREAD:
            yield ["unread", part.what[:300]]
            unread += 1
        elif unread == MOST_UNREAD:
            yield ["unread", "and more"]
            unread += 1


def error_of(error: BaseException) -> list[object]:
    """One line for whatever went wrong."""
    if isinstance(error, FiresideError):
        code = "unsupported_file" if isinstance(error, Unsupported) else "invalid_file"
        return ["error", code, error.message]
    if isinstance(error, MemoryError):
        return ["error", "invalid_file", "Reading the file takes too much memory: split it."]
    if isinstance(error, RecursionError):
        return ["error", "invalid_file", "The file is nested too deeply to be read."]
    # A library's own, of which there are dozens.
    return ["error", "invalid_file", f"The file is damaged ({type(error).__name__}): it cannot be "
            "read; save it anew with the program that made it."]  # fmt: skip


def main() -> None:
    path, suffix, memory, seconds = sys.argv[1:5]
    limit(int(memory), int(seconds))
    out = sys.stdout.buffer

    def write(line: list[object]) -> None:
        # Half a character (a lone surrogate) has no bytes.
        out.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    try:
        for line in lines(Path(path), suffix):
            write(line)
        write(["end"])
    except Exception as error:
        write(error_of(error))
    out.flush()


if __name__ == "__main__":
    main()

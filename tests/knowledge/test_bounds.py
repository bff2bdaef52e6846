"""Hostile files of each format: each ends in a bounded time, with text or with one clear line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fireside.errors import Corrupt, FiresideError
from fireside.knowledge.child import blocks, bounded, error_of
from fireside.knowledge.documents import Block, Unread
from fireside.knowledge.kinds import kind_of
from fireside.knowledge.reading import read

from . import corpus_docx as word
from . import corpus_pptx as slides
from . import corpus_xlsx as sheets
from .corpus import package

SECONDS = 20.0
"""Of the processor, for what takes a fraction of one on any machine of today."""


def cells(number: int) -> str:
    return "".join(f"<c><v>{i}</v></c>" for i in range(number))


def entities(main: str, inside: str) -> bytes:
    doctype = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    return package({main: " " * 2_000 + doctype + inside})


FILES: dict[str, tuple[str, bytes, str]] = {
    "tables in tables": (
        ".docx", word.made("<w:tbl><w:tr><w:tc>" * 6_000 + word.p(word.r("x"))), "x"),
    "content controls in content controls": (
        ".docx", word.made("<w:sdt><w:sdtContent>" * 10_000 + word.p(word.r("x"))), "x"),
    "text boxes in text boxes": (
        ".docx", word.made("<w:p><w:r><w:txbxContent>" * 6_000 + word.p(word.r("x"))), "x"),
    "groups in groups": (
        ".pptx", slides.show(slides.slide("<p:grpSp>" * 10_000 + slides.shape("x"))), "x"),
    "a long cell": (".xlsx", sheets.book(sheets.sheet(sheets.words("x" * 900_000, "y"))), "xxx"),
    "more columns than there are": (
        ".xlsx", sheets.book(sheets.sheet(f"<row>{cells(20_000)}</row>")), "19999"),
    "cells without rows": (".xlsx", sheets.book(sheets.sheet(cells(10))), ""),
    "a row of many values": (".csv", b"a," * 200_000, "a"),
    "quotes alone": (".csv", b'"' * 500_001, '"'),
    "a quote in each line": (".csv", b'"""x,\n' * 20_000, "x"),
    "delimiters alone": (".csv", b",;\t|" * 200_000, ""),
    "elements in elements": (".html", b"<i>" * 20_000 + b"x", "x"),
    "spaces": (".html", b"<html><p>x" + b" " * 1_000_000 + b"y", "x y"),
    "style sheets": (".html", b"<style>" + b"a{display:none}" * 50_000 + b"</style><p>x", "x"),
    "comments without an end": (".html", b"<html>x" + b"<!--" * 200_000, "x"),
    "a heading of spaces": (".md", b"# a" + b" " * 1_000_000 + b"x", "x"),
    "fences": (".md", b"```\n" * 200_000, "```"),
    "underlines": (".md", b"a\n=\n" * 6_000, "="),
}  # fmt: skip


def texts(found: Iterator[Block | Unread]) -> Iterator[str]:
    return (part.text for part in bounded(found) if isinstance(part, Block))


@pytest.mark.parametrize("name", FILES)
def test_time_in_proportion(tmp_path: Path, name: str) -> None:
    suffix, content, word_in_it = FILES[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    begin = time.process_time()
    try:
        text = "".join(texts(blocks(kind_of(path, suffix), path)))
    except FiresideError as error:
        line = str(error_of(error)[2])
        assert 0 < len(line) < 300
        assert "\n" not in line
    else:
        assert word_in_it in text
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".docx", entities("word/document.xml", word.document(word.p(word.r("&b;"))))),
        (".pptx", entities("ppt/presentation.xml", "<presentation>&b;</presentation>")),
        (".xlsx", entities("xl/workbook.xml", "<workbook>&b;</workbook>")),
    ],
)  # fmt: skip
def test_entities_are_never_opened(tmp_path: Path, suffix: str, content: bytes) -> None:
    """Nor where they stand behind the first thousand bytes."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="declares entities"):
        list(blocks(kind_of(path, suffix), path))


def test_a_file_of_two_cells(tmp_path: Path) -> None:
    """The first and the last: it kept its reader busy for five minutes."""
    case = next(case for case in sheets.CASES if case.name == "first and last cell")
    path = tmp_path / "file"
    path.write_bytes(case.content)
    assert read(path, "a.xlsx", seconds=20).text.split() == ["first", "last"]


def test_what_is_unread_comes_with_the_document(tmp_path: Path) -> None:
    case = next(case for case in slides.CASES if case.name == "bad slide between sound ones")
    path = tmp_path / "file"
    path.write_bytes(case.content)
    document = read(path, "a.pptx")
    assert document.text.split() == ["one", "three"]
    assert [line[:8] for line in document.unread] == ["slide 2:"]

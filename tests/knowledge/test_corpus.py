"""Every case of the corpus: the text that must come out, and what must be named as unread."""

from __future__ import annotations

from pathlib import Path

import pytest

from fireside.knowledge.child import blocks
from fireside.knowledge.documents import Block, Unread
from fireside.knowledge.kinds import kind_of
from fireside.knowledge.written import markdown

from . import (
    corpus_csv,
    corpus_docx,
    corpus_html,
    corpus_md,
    corpus_pdf,
    corpus_pptx,
    corpus_xlsx,
)
from .corpus import Case

CORPORA = {
    ".docx": corpus_docx.CASES,
    ".pptx": corpus_pptx.CASES,
    ".xlsx": corpus_xlsx.CASES,
    ".csv": corpus_csv.CASES,
    ".html": corpus_html.CASES,
    ".pdf": corpus_pdf.CASES,
}
ALL = [
    pytest.param(suffix, case, id=f"{suffix[1:]}: {case.name}")
    for suffix, cases in CORPORA.items()
    for case in cases
]


@pytest.mark.parametrize(("suffix", "case"), ALL)
def test_what_comes_out(tmp_path: Path, suffix: str, case: Case) -> None:
    path = tmp_path / "file"
    path.write_bytes(case.content)
    found = list(blocks(kind_of(path, suffix), path))
    text = "".join(part.text for part in found if isinstance(part, Block))
    assert text.strip() == case.text
    unread = [part.what for part in found if isinstance(part, Unread)]
    assert len(unread) == len(case.unread), unread
    assert all(piece in line for piece, line in zip(case.unread, unread, strict=True)), unread


@pytest.mark.parametrize("suffix", CORPORA)
def test_a_format_has_thirty_cases(suffix: str) -> None:
    names = [case.name for case in CORPORA[suffix]]
    assert len(set(names)) == len(names) >= 30


@pytest.mark.parametrize("name", corpus_md.CASES)
def test_markdown(name: str) -> None:
    text, sections = corpus_md.CASES[name]
    found = markdown(text)
    assert "".join(block.text for block in found) == text
    assert [block.section for block in found] == sections
    assert len(corpus_md.CASES) >= 30

"""Chunks: everything is in one, none is too long, and they end where a text may end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireside.knowledge.chunks import Chunk, Strategy, chunks
from fireside.knowledge.documents import Block, Document
from fireside.tokenizer import Tokenizer


def by_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def by_bytes(texts: Sequence[str]) -> list[int]:
    return [len(text.encode()) for text in texts]


def cut(text: str | Document, most: int = 20, overlap: int = 0, count=by_words) -> list[Chunk]:
    document = text if isinstance(text, Document) else Document(blocks=[Block(text=text)])
    strategy = Strategy(max_chunk_size_tokens=most, chunk_overlap_tokens=overlap)
    return list(chunks(document, strategy, count))


pieces = st.sampled_from(
    [
        "word ",
        "A sentence ends. ",
        "\n\n",
        "\n",
        "中文没有空格。",
        "x" * 70,
        "   ",
        "é",
        "🙂",
        "!",
        "a",
    ]
)
documents = st.lists(
    st.builds(
        lambda parts, page, section: Block(text="".join(parts), page=page, section=section),
        st.lists(pieces, max_size=60),
        st.none() | st.integers(1, 9),
        st.sampled_from([(), ("A",), ("A", "B")]),
    ),
    max_size=6,
).map(lambda blocks: Document(blocks=blocks))


@given(documents, st.integers(100, 400), st.integers(0, 50), st.sampled_from([by_words, by_bytes]))
@settings(max_examples=150)
def test_laws(document: Document, most: int, percent: int, count) -> None:
    made = cut(document, most, most * percent // 100, count)
    covered = 0
    for before, chunk in zip([None, *made], made, strict=False):
        assert chunk.text == document.text[chunk.begin : chunk.end]
        assert chunk.begin <= covered < chunk.end  # nothing is left out, and it goes on
        covered = chunk.end
        assert before is None or before.begin < chunk.begin
    assert covered == len(document.text)
    for chunk, tokens in zip(made, count([chunk.text for chunk in made]), strict=True):
        assert tokens <= most
        if before is not None and not percent:
            assert chunk.page in {block.page for block in document.blocks}
    if not percent:
        assert "".join(chunk.text for chunk in made) == document.text


def test_the_real_tokenizer(minilm_path: Path, shared_data: Path) -> None:
    tokenizer = Tokenizer.from_folder(minilm_path)
    text = (shared_data / "tinyshakespeare.txt").read_text()[:300_000]

    def count(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenizer.encode_batch(texts)]

    for most, overlap in ((200, 50), (100, 0)):
        made = cut(text, most, overlap, count)
        sizes = count([chunk.text for chunk in made])
        assert max(sizes) <= most
        assert sum(sizes) / len(sizes) > 0.6 * most  # and not needlessly small
        assert made[0].begin == 0
        assert made[-1].end == len(text)


def test_sentences_and_paragraphs_are_kept_whole() -> None:
    text = "One two three. Four five six seven. Eight nine.\n\nTen eleven twelve. Thirteen."
    assert [chunk.text.strip() for chunk in cut(text, 8)] == [
        "One two three. Four five six seven.",
        "Eight nine.",
        "Ten eleven twelve. Thirteen.",
    ] or [chunk.text.strip() for chunk in cut(text, 8)] == [
        "One two three. Four five six seven.",
        "Eight nine.\n\nTen eleven twelve. Thirteen.",
    ]


def test_a_chunk_begins_where_the_overlap_allows() -> None:
    text = "a b c d. e f g h. i j k l. m n o p."
    first, second = cut(text, 12, 6)[:2]
    assert first.text.strip() == "a b c d. e f g h. i j k l."
    assert second.text.strip().startswith("i j k l.")


def test_sections_and_pages() -> None:
    blocks = [
        Block(text="w " * 10 + "\n\n", page=1, section=("A",)),
        Block(text="v " * 10 + "\n\n", page=2, section=("A", "B")),
        Block(text="u " * 30, page=3, section=("C",)),
    ]
    made = cut(Document(blocks=blocks), 25, 5)
    assert [(chunk.text.strip()[0], chunk.page, chunk.section) for chunk in made] == [
        ("w", 1, ("A",)),
        ("v", 2, ("A", "B")),
        ("u", 3, ("C",)),
        ("u", 3, ("C",)),
    ]


def paged(*texts: str) -> Document:
    return Document(blocks=[Block(text=text, page=n) for n, text in enumerate(texts, 1)])


def test_short_pages_are_chunks_of_their_own() -> None:
    document = paged("The fee is ten euros.\n\n", "Cards are free.\n\n", "Ask at the desk.\n\n")
    made = [(chunk.text.strip(), chunk.page) for chunk in cut(document, 200, 50)]
    assert made == [
        ("The fee is ten euros.", 1),
        ("Cards are free.", 2),
        ("Ask at the desk.", 3),
    ]


def test_a_sentence_that_runs_over_is_whole_on_its_page() -> None:
    document = paged("Cards are free. The fee for a\n\n", "lost card is ten euros. Ask us.\n\n")
    made = [(" ".join(chunk.text.split()), chunk.page) for chunk in cut(document, 200, 50)]
    assert made == [
        ("Cards are free. The fee for a lost card is ten euros.", 1),
        ("lost card is ten euros. Ask us.", 2),
    ]


def test_no_page_is_made_twice() -> None:
    document = paged("The fee for a\n\n", "lost card is ten euros.\n\n", "Ask at the desk.\n\n")
    made = [(" ".join(chunk.text.split()), chunk.page) for chunk in cut(document, 200, 50)]
    assert made[-1] == ("Ask at the desk.", 3)
    assert made[0] == ("The fee for a lost card is ten euros.", 1)


@pytest.mark.parametrize("text", ["", " ", "x" * 5000, "\n" * 5000, " " * 300_000])
def test_odd_texts(text: str) -> None:
    made = cut(text, 100, 20, by_bytes)
    assert "".join(sorted({chunk.text[:1] for chunk in made}))[:1] == text[:1]
    assert not made or made[-1].end == len(text)

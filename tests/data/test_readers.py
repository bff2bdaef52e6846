"""Files as they come: every kind, every break in them, and never a silent loss."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any, get_args

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from fireside.data import Example, Kind, Report, Source, Text, read_examples
from fireside.data.snapshot import Snapshot, opened
from fireside.data.texts import pieces, segments
from fireside.errors import BadRequest, FiresideError, NotFound
from fireside.tokenizer import Tokenizer

from .laws import LAW


def read(path: Path, kind: Kind = "text", on_broken: Any = "stop", **options: Any) -> list[Example]:
    return list(read_examples([Source(path=str(path), **options)], kind, on_broken=on_broken))


def texts(path: Path, **options: Any) -> list[str]:
    return [one.text for one in read(path, **options) if isinstance(one, Text)]


# -- plain text -----------------------------------------------------------------------------


@LAW
@given(st.text(alphabet="ab \n\r\té你|", max_size=300), st.sampled_from(["|", "||", "\n", "ab"]))
def test_documents_joined_by_their_separator_are_the_file(text: str, separator: str) -> None:
    found = list(pieces(io.BytesIO(text.encode()), "f", separator))
    assert separator.join(piece.text for piece in found) == text
    assert all(piece.part == 0 for piece in found)
    at = 0
    for piece in found:
        assert piece.line == text.count("\n", 0, at) + 1
        at += len(piece.text) + len(separator)


@LAW
@given(st.text(alphabet="ab \n.1é", max_size=400), st.integers(1, 60))
def test_segments_joined_are_the_text(text: str, size: int) -> None:
    found = list(segments(text, size))
    assert "".join(found) == text
    assert all(len(one) <= size for one in found)


@LAW
@given(
    st.lists(
        st.sampled_from(["word", " ", "\n", "\n\n", "é", "12", ".", "\r\n", "\t", "你好", "’s"]),
        max_size=120,
    ),
    st.integers(12, 40),
)
def test_ids_of_segments_are_the_ids_of_the_whole(
    tokenizer: Tokenizer, parts: list[str], size: int
) -> None:
    # The law is of good places; where a text has none near, it is cut anywhere.
    text = "".join(f"{part}a\nb " for part in parts)
    assert [n for ids in tokenizer.encode_batch(list(segments(text, size))) for n in ids] == (
        tokenizer.encode(text)
    )


def test_a_long_document_comes_in_parts_whose_ids_are_the_whole(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fireside.data.texts.PART", 1000)
    monkeypatch.setattr("fireside.data.texts.READ", 700)
    text = "".join(f"line {i} of the tale, naïve café 你好\n" for i in range(300))
    (tmp_path / "a.txt").write_text(text)
    found = [one for one in read(tmp_path / "a.txt") if isinstance(one, Text)]
    assert [one.part for one in found] == list(range(len(found)))
    assert "".join(one.text for one in found) == text
    assert all(len(one.text) <= 1000 for one in found)
    ids = [n for one in found for n in tokenizer.encode(one.text)]
    assert ids == tokenizer.encode(text)
    assert text.splitlines()[found[2].origin.line - 1] in found[2].text


def test_documents_are_parted_by_the_fields_own_mark_on_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n<|endoftext|>\ntwo says <|endoftext|> here\n")
    assert texts(tmp_path / "a.txt") == ["one", "two says <|endoftext|> here\n"]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfhello")
    (tmp_path / "b.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "hello"}\n')
    assert texts(tmp_path / "a.txt") == texts(tmp_path / "b.jsonl") == ["hello"]


def test_another_encoding_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("one\ntwo\nnaïve".encode("latin-1"))
    with pytest.raises(BadRequest, match=r"a\.txt:3: this is not UTF-8 .*save the file as UTF-8"):
        read(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("hello", encoding="utf-16")
    with pytest.raises(BadRequest, match="UTF-16: save it as UTF-8"):
        read(tmp_path / "b.txt")


def test_empty_missing_and_compressed_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(BadRequest, match=r"a\.txt is empty"):
        read(tmp_path / "a.txt")
    with pytest.raises(NotFound, match="no file or folder"):
        read(tmp_path / "b.txt")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(BadRequest, match="compressed: unpack it"):
        read(tmp_path / "c.jsonl.gz")


def test_nothing_but_white_space_is_dropped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n  \ntwo")
    report = Report()
    found = list(
        read_examples([Source(path=str(tmp_path / "a.txt"), separator="\n")], "text", report=report)
    )
    assert len(found) == 2
    assert report.dropped["empty"].count == 2
    assert report.read == 4


# -- records --------------------------------------------------------------------------------


@LAW
@given(st.lists(st.text(min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=8))
def test_json_lines_come_back(tmp_path: Path, documents: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": one}) for one in documents) + "\n")
    assert texts(path) == documents
    path.with_suffix(".json").write_text(json.dumps([{"text": one} for one in documents]))
    assert texts(path.with_suffix(".json")) == documents


FIELD = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), min_size=1
).filter(str.strip)


@LAW
@given(st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=6))
def test_csv_comes_back_with_quotes_and_line_breaks(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("ask", "say"), *rows])
    found = texts(path, prompt="{ask}|{say}")
    assert found == [f"{ask}|{say}" for ask, say in rows]


def test_lines_of_csv_are_counted_from_the_files_first(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\n"one\ntwo",1\nthree,2\nfour\n')
    with pytest.raises(BadRequest, match=r"a\.csv:5: 1 fields, not 2 \(text, n\)"):
        read(tmp_path / "a.csv")
    found = read(tmp_path / "a.csv", on_broken="skip")
    assert [one.origin.line for one in found] == [2, 4]


def test_a_quote_that_is_never_closed_is_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text\nfine\n"open\nand on\n')
    with pytest.raises(BadRequest, match=r"a\.csv:3: this is not CSV"):
        read(tmp_path / "a.csv")


def test_tsv_has_quotes_as_text_and_columns_by_number_or_name(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('say "hi" \t1\n"half\t0\n')
    for options in (
        {"prompt": "{1}", "completion": "{2}"},
        {"prompt": "{ask}", "completion": "{say}", "columns": ("ask", "say")},
    ):
        said = [
            [m.content for m in one.messages] for one in read(tmp_path / "a.tsv", "chat", **options)
        ]  # type: ignore[union-attr]
        assert said == [['say "hi" ', "1"], ['"half', "0"]]


def test_columns_that_are_named_and_in_the_file_are_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\none,1\n")
    assert texts(tmp_path / "a.csv", columns=("text", "n")) == ["one"]


def test_parquet_comes_back_and_has_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": ["one", "two"]}), path)
    report = Report()
    found = list(read_examples([Source(path=str(path))], "text", report=report))
    assert [one.text for one in found if isinstance(one, Text)] == ["one", "two"]
    assert report.files[str(path)].bytes == path.stat().st_size
    (tmp_path / "b.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadRequest, match="cannot be read as Parquet"):
        read(tmp_path / "b.parquet")


def test_a_broken_line_stops_or_is_passed_over_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n{"text": \n[1]\n\xff\n{"text": "two"}\n')
    with pytest.raises(BadRequest, match=r"a\.jsonl:2: this is not JSON"):
        read(path)
    report = Report()
    found = list(read_examples([Source(path=str(path))], "text", on_broken="skip", report=report))
    assert len(found) == 2
    assert report.read == 5
    assert [one["line"] for one in report.dropped["broken"].examples] == [2, 3, 4]


def test_half_a_surrogate_pair_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(r'{"text": "a \ud83d b"}' + "\n")
    with pytest.raises(BadRequest, match=r"a\.jsonl:1: .*half of a surrogate pair"):
        read(tmp_path / "a.jsonl")


def test_wrong_columns_are_told_with_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sentence,label\nfine,1\n")
    with pytest.raises(BadRequest, match=r"a\.csv:2: .*'text', only sentence, label"):
        read(tmp_path / "a.csv")
    with pytest.raises(BadRequest, match=r"no column 'words', only sentence, label"):
        read(tmp_path / "a.csv", prompt="{words}")


def test_a_file_that_grows_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n{"text": "two"}\n{"text": "thr')
    report = Report()
    examples = read_examples([Source(path=str(path))], "text", on_broken="skip", report=report)
    first = next(examples)
    with path.open("a") as file:
        file.write('ee"}\n{"text": "four"}\n')
    assert [one.text for one in [first, *examples] if isinstance(one, Text)] == ["one", "two"]
    assert "still being written" in str(report.dropped["broken"].examples[0]["what"])


def test_half_a_character_at_the_end_is_broken_unless_it_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("caf\u00e9".encode()[:-1])
    with pytest.raises(BadRequest, match="unexpected end"):
        read(path)
    examples = read_examples([Source(path=str(path), separator="c")], "text")
    file = path.open("ab")

    def grow() -> None:
        file.write(b"\xa9")
        file.flush()

    with opened(path) as (snapshot, reader), file:
        grow()
        found = list(pieces(reader, "f", "|", grows=lambda: snapshot.grown))
    assert [piece.text for piece in found] == ["caf"]
    assert len(list(examples)) == 1, "and next time it is whole"


@LAW
@given(st.binary(min_size=1, max_size=200), st.integers(1, 50))
def test_a_snapshot_is_the_file_and_its_hash(tmp_path: Path, data: bytes, size: int) -> None:
    import hashlib

    path = tmp_path / "a"
    path.write_bytes(data)
    with Snapshot(path) as snapshot:
        with path.open("ab") as file:
            file.write(b"more")
        read = b""
        while part := snapshot.read(size):
            read += part
        assert read == data
        assert snapshot.grown
        assert snapshot.sha256 == hashlib.sha256(data).hexdigest()


SCRAPS = [b'{"text": "a"', b"}", b'{"messages": [', b"{}", b"]", b'"', b",", b"\n", b"\t", b"text"]
SCRAPS += [b"null", b"[1]", b'"role": "user"', b"\r\n", b"\xff", b"\x00"]


@LAW
@given(
    st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt", "a.parquet"]),
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(SCRAPS),
            max_size=30,
        ).map(b"".join),
    ),
    st.sampled_from(get_args(Kind)),
)
def test_any_bytes_are_read_or_refused_in_one_line(
    tmp_path: Path, name: str, data: bytes, kind: Kind
) -> None:
    (tmp_path / name).write_bytes(data)
    for on_broken in ("stop", "skip"):
        told = ""
        try:
            read(tmp_path / name, kind, on_broken)
        except FiresideError as error:
            told = error.message
        assert "\n" not in told


# -- folders --------------------------------------------------------------------------------


def test_a_folder_is_read_in_the_order_of_names_and_says_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.txt").write_text("two")
    (tmp_path / "a.md").write_text("one")
    (tmp_path / "z.jsonl").write_text('{"text": "three"}\n')
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("hidden")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    report = Report()
    found = list(read_examples([Source(path=str(tmp_path))], "text", report=report))
    assert [one.text for one in found if isinstance(one, Text)] == ["one", "two", "three"]
    assert any(".png" in note for note in report.notes)


def test_an_empty_file_in_a_folder_is_passed_over_where_asked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("")
    assert len(read(tmp_path, on_broken="skip")) == 1
    with pytest.raises(BadRequest, match="empty"):
        read(tmp_path)


def test_a_folder_without_anything_to_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    with pytest.raises(BadRequest, match="no file to read: chat examples come from"):
        read(tmp_path, "chat")


def test_code_is_text_where_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    assert texts(tmp_path, format="text") == ["x = 1"]


# -- sources --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "config", "split"),
    [
        ("hf:org/name", "org/name", None, "train"),
        ("hf:org/name:en", "org/name", "en", "train"),
        ("hf:org/name@test", "org/name", None, "test"),
        ("hf:org/name:en@train[:10%]", "org/name", "en", "train[:10%]"),
    ],
)
def test_names_of_data_sets(path: str, name: str, config: str | None, split: str) -> None:
    hub = Source(path=path).hub
    assert hub is not None
    assert (hub.name, hub.config, hub.split) == (name, config, split)


@pytest.mark.parametrize(
    "options",
    [
        {"path": "a", "weight": 0},
        {"path": "a", "weight": float("nan")},
        {"path": "a", "completion": "{b}"},
        {"path": "a", "format": "columns"},
        {"path": "a", "separator": ""},
    ],
)
def test_sources_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Source(**options)


def test_a_malformed_name_of_a_data_set_is_refused() -> None:
    with pytest.raises(BadRequest, match="names no data set"):
        list(read_examples([Source(path="hf:../etc")], "text"))

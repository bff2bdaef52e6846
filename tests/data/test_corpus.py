"""Every file of the corpus is read as it should be, to the last field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.data import Chat, Judged, Kind, Preference, Report, Source, read_examples
from fireside.errors import BadRequest

from .corpus import Case, axolotl, datasets, lines_of, llama_factory, mistakes, openai_files, trl
from .laws import LAW
from .test_formats import NAMES, TURN_FIELDS

KINDS: list[Kind] = ["text", "chat", "preference", "judged", "problem"]
MODULES = (llama_factory, axolotl, trl, openai_files, datasets, mistakes)
CASES = {
    f"{module.__name__.rpartition('.')[2]}: {case.name}": case
    for module in MODULES
    for case in module.CASES
}


def written(case: Case, folder: Path) -> Path:
    path = folder / f"rows{case.suffix}"
    if case.suffix != ".parquet":
        path.write_bytes(case.content)
        return path
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(list(case.rows)), path)
    return path


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_read_to_its_last_field(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = written(case, tmp_path)
    report = Report()
    sources = [Source(path=str(path), **case.source)]
    if case.refused:
        with pytest.raises(BadRequest) as caught:
            list(read_examples(sources, case.kind, report=report))
        assert case.refused in caught.value.message
        assert "\n" not in caught.value.message
        return
    examples = list(read_examples(sources, case.kind, report=report))
    assert [lines_of(example) for example in examples] == [list(lines) for lines in case.read]
    tools = [
        [tool["function"]["name"] for tool in example.tools]  # type: ignore[index]
        for example in examples
        if isinstance(example, Chat | Preference | Judged) and example.tools
    ]
    assert tools == [list(names) for names in case.tools]
    assert {title: one.count for title, one in report.unused.items()} == case.unused
    assert {what: one.count for what, one in report.remarks.items()} == case.remarks


def test_the_corpus_is_large() -> None:
    assert len(CASES) == sum(len(module.CASES) for module in MODULES), "two cases with one name"
    assert len(CASES) >= 140


ROWS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*NAMES.split(), *TURN_FIELDS.split()]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
SPOILT = st.sampled_from([b"", b"\xff", b"{", b'{"a": 1, "a": 2}', b"[" * 5000, b"\xef\xbb\xbf"])


@LAW
@given(rows=st.lists(ROWS, min_size=1, max_size=8), spoilt=SPOILT, kind=st.sampled_from(KINDS))
def test_any_file_is_read_or_complained_about_in_one_line(
    tmp_path: Path, rows: list[Any], spoilt: bytes, kind: Kind
) -> None:
    """And with broken rows passed over, the ledger adds up."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([*(json.dumps(row).encode() for row in rows), spoilt]))
    report = Report()
    source = Source(path=str(path))
    examples = list(read_examples([source], kind, on_broken="skip", report=report))
    assert report.read == len(examples) + sum(one.count for one in report.dropped.values())
    assert report.read >= len(rows)
    if "broken" not in report.dropped:
        return
    with pytest.raises(BadRequest) as caught:
        list(read_examples([source], kind))
    assert caught.value.message.startswith(f"{path}:")
    assert "\n" not in caught.value.message

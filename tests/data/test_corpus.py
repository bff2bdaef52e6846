"""Every file of the corpus is read as it should be, to the last field."""

from __future__ import annotations

from pathlib import Path

import pytest

from fireside.data import Chat, Judged, Preference, Report, Source, read_examples
from fireside.errors import BadRequest

from .corpus import Case, axolotl, datasets, lines_of, llama_factory, mistakes, openai_files, trl

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

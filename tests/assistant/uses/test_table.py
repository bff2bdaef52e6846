"""Tables through a persona: every row once, in order, whatever breaks it off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireside.assistant.once import Once
from fireside.assistant.uses.table import Table, run
from fireside.errors import BadRequest, Conflict, NotFound


def shouted(text: str) -> Once:
    if text == "bad":
        raise BadRequest("It is bad.")
    fields = {"label": "loud", "probability": 0.5}
    return Once(text=text.upper(), fields=fields, notices=(), receipt=[])


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rows_in_their_order_with_their_columns(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "in.jsonl", [{"id": n, "text": f'é, "{n}"\n'} for n in range(20)])
    out = tmp_path / f"out.{form}"
    assert run(Table.read(path, None), shouted, out).errors == 0
    again = out if form == "csv" else None
    text = out.read_text(encoding="utf-8")
    if again is None:
        rows = [json.loads(line) for line in text.splitlines()]
        assert [(row["id"], row["answer"]) for row in rows] == [
            (n, f'É, "{n}"\n') for n in range(20)
        ]
    assert text.count("loud") == 20
    assert not out.with_name(out.name + ".part").exists()


def test_a_bad_row_is_told_and_ends_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", [{"text": t} for t in ("a", "bad", "c")])
    out = tmp_path / "out.jsonl"
    assert run(Table.read(path, "text"), shouted, out).errors == 1
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row.get("error") for row in rows] == [None, "It is bad.", None]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None)  # fmt: skip
@given(cut=st.integers(0, 400), form=st.sampled_from(["csv", "jsonl"]), breaks=st.integers(0, 9))
def test_resumed_is_uninterrupted(tmp_path: Path, cut: int, form: str, breaks: int) -> None:
    """Broken off after some rows, and the part cut anywhere: the same bytes in the end, and no row
    that was whole is asked again."""
    path = written(tmp_path / "in.jsonl", [{"text": f'a,\n"{n}'} for n in range(10)])
    table = Table.read(path, None)
    whole, out = tmp_path / f"whole.{form}", tmp_path / f"out.{form}"
    for each in (whole, out, out.with_name(out.name + ".part")):
        each.unlink(missing_ok=True)
    run(table, shouted, whole)

    def breaking(text: str) -> Once:
        if text.endswith(str(breaks)):
            raise KeyboardInterrupt
        return shouted(text)

    with pytest.raises(KeyboardInterrupt):
        run(table, breaking, out)
    part = out.with_name(out.name + ".part")
    part.write_bytes(part.read_bytes()[:cut])
    asked: list[str] = []

    def counted(text: str) -> Once:
        asked.append(text)
        return shouted(text)

    run(table, counted, out)
    assert out.read_bytes() == whole.read_bytes()
    assert len(set(asked)) == len(asked)


ODD = [None, "a\r\nb", "a\rb", " ", "", 0, 1.5, True, ["x"], {"k": None}, "\u2028", "é"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("odd", ODD)
def test_a_row_with_any_value_is_resumed(tmp_path: Path, form: str, odd: object) -> None:
    rows: list[dict[str, object]] = [{"text": "a", "odd": odd}, {"text": "b", "more": odd}]
    table = Table.read(written(tmp_path / "in.jsonl", [*rows, {"text": "c"}]), None)
    out, asked = tmp_path / f"out.{form}", list[str]()

    def breaking(text: str) -> Once:
        asked.append(text)
        if text == "c" and asked.count("c") == 1:
            raise KeyboardInterrupt
        return shouted(text)

    with pytest.raises(KeyboardInterrupt):
        run(table, breaking, out)
    tally = run(table, breaking, out)
    assert (tally.errors, tally.labels) == (0, {"loud": 3})
    assert sorted(asked) == ["a", "b", "c", "c"], "what was whole is not asked again"


def test_two_at_once_do_not_write_one_file(tmp_path: Path) -> None:
    table = Table.read(written(tmp_path / "in.jsonl", [{"text": "a"}]), None)
    out = tmp_path / "out.jsonl"

    def meanwhile(text: str) -> Once:
        with pytest.raises(Conflict, match=r"Another run writes .*out\.jsonl\.part"):
            run(table, shouted, out)
        return shouted(text)

    assert run(table, meanwhile, out).errors == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_letters_that_look_like_the_end_of_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a\u2028b"}\r\n\n', encoding="utf-8", newline="")
    assert Table.read(tmp_path / "a.jsonl", None).rows == [{"text": "a\u2028b"}]
    (tmp_path / "a.csv").write_text('text\r\n"a\r\nb"\r\n', newline="")
    assert Table.read(tmp_path / "a.csv", None).rows == [{"text": "a\r\nb"}]


def test_a_cell_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "a" * 200_000 + "\n")
    table, out = Table.read(tmp_path / "a.csv", None), tmp_path / "o.csv"
    assert run(table, shouted, out).errors == 0
    assert "A" * 200_000 in out.read_text()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    table = Table.read(written(tmp_path / "in.jsonl", [{"text": "a"}]), None)
    with pytest.raises(NotFound, match=r"There is no folder '.*none' for --out"):
        run(table, shouted, tmp_path / "none" / "o.csv")


def test_a_part_of_other_rows_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", [{"text": "a"}])
    out = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.part").write_text('{"text": "b", "answer": "B"}\n')
    with pytest.raises(Conflict, match="begun with other rows"):
        run(Table.read(path, None), shouted, out)
    out.write_text("")
    with pytest.raises(Conflict, match="exists"):
        run(Table.read(path, None), shouted, out)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("a.csv", b"\xff\xfea", "not text in UTF-8"),
        ("a.csv", b"", "has no rows"),
        ("a.csv", b"a,b\n1\n", "row 2: not as many fields"),
        ("a.csv", b"a,b\n1,2,3\n", "row 2: not as many fields"),
        ("a.jsonl", b'{"a": 1}\n{', "line 2 is not JSON"),
        ("a.jsonl", b"[1]", "line 1 is not an object"),
        ("a.jsonl", b'{"answer": 1}', "column 'answer' already"),
        ("a.jsonl", b'{"a": 1}\n{"a": 1, "label": 2}', "line 2 has a column 'label' already"),
        ("a.jsonl", b'{"a": 1, "a": 2}', "two keys 'a'"),
        ("a.jsonl", b'{"a": "\\ud83d"}', "line 1 holds half a letter"),
        ("a.jsonl", b"[" * 100_000, "line 1 is nested too deeply"),
        ("a.csv", b"text,error\n1,2\n", "column 'error' already"),
        ("a.csv", b"text,text\n1,2\n", "two columns 'text'"),
        ("a.csv", b'text\na\n"b\nc\n', "row 3: a quote is not closed"),
        ("a.csv", b'text\n"a"b\n', "row 2: ',' expected after"),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(BadRequest, match=said):
        Table.read(tmp_path / name, None)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", [{"text": "a"}])
    with pytest.raises(BadRequest, match="no column 'body': it has text"):
        Table.read(path, "body")

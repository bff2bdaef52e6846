"""Tasks and their files: what is known, what is refused, and what the line says then."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest, FiresideError, NotFound
from fireside.evaluation.prompts import Prompts, draw
from fireside.evaluation.rows import Row, read_rows
from fireside.evaluation.tasks import Task, known_tasks, read_tasks, select

Write = Callable[..., Path]


def test_the_known_tasks_find_their_files(shared_data: Path) -> None:
    tasks = select(list(known_tasks()), shared_data)
    assert {"arc_easy", "lambada", "gsm8k", "sst2", "customer_support", "bias"} <= {
        task.name for task in tasks
    }
    for task in tasks:
        assert task.about
        if task.source:
            assert read_rows(task.source, task.columns)


def test_no_task_names_a_place() -> None:
    assert not [task for task in known_tasks().values() if "/" in task.file + task.shots_file]


def test_an_unknown_task_names_the_near_ones() -> None:
    with pytest.raises(BadRequest, match="Did you mean arc_easy") as caught:
        select(["arc_eazy"], None)
    assert caught.value.param == "tasks"


def test_missing_data_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"winogrande reads eval_winogrande\.jsonl.*--data"):
        select(["winogrande"], None)
    with pytest.raises(NotFound, match=r"eval_winogrande\.jsonl, which is not in"):
        select(["winogrande"], tmp_path)
    with pytest.raises(NotFound, match="check --data"):
        select(["winogrande"], tmp_path / "absent")
    assert select(["bias"], None)[0].source is None


def test_one_file_for_one_task(write: Write) -> None:
    path = write("mine.jsonl", [{"query": "q", "choices": ["a", "b"], "gold": 1}])
    assert select(["arc_easy"], path)[0].source == path
    with pytest.raises(BadRequest, match="name one task"):
        select(["arc_easy", "piqa"], path)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"prompt": "p", "choices": ["a", "b"], "gold": 0}, "choice"),
        ({"prompt": "p", "label": "x"}, "classification"),
        ({"prompt": "p", "answer": "x"}, "generation"),
        ({"text": "long ago"}, "perplexity"),
    ],
)
def test_a_file_alone_is_a_task(write: Write, row: dict[str, object], kind: str) -> None:
    (task,) = select([], write("mine.jsonl", [row]))
    assert (task.kind, task.name) == (kind, "mine")


def test_a_file_of_other_columns_lists_them(write: Write) -> None:
    with pytest.raises(BadRequest, match="columns body, head; without --tasks"):
        select([], write("mine.jsonl", [{"head": 1, "body": 2}]))


MINE = """
[mine]
kind = "classification"
file = "mine.csv"
prompt = "{message} is"
label = "class"
labels = { 1 = "spam", 0 = "fine" }
"""


def test_a_task_of_ones_own(write: Write) -> None:
    write("mine.csv", "message,class\nbuy now,1\n")
    (task,) = select([str(write("mine.toml", MINE))], None)
    assert task.source is not None
    assert task.source.name == "mine.csv"
    assert task.labels == {"1": "spam", "0": "fine"}
    assert task.with_prompt("{message}:").prompt == "{message}:"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no task"),
        ("[mine", "not valid TOML"),
        ("kind = 'choice'", "begin each task"),
        ("[mine]\nkind = 'chioce'", "line 2: mine.kind: Input should be"),
        ("[mine]\nkind = 'choice'", "needs 'gold'"),
        ("[mine]\nkind = 'choice'\ngold = 'g'", "either 'choices' or 'contexts'"),
        (MINE + "max_tokens = 3", "has no 'max_tokens'"),
        (MINE + "promt = 'x'", "line 8: there is no key 'mine.promt': did you mean 'mine.prompt'"),
        (MINE + "shots = -1", "shots: "),
        ("[m]\nkind='perplexity'\npart=[0.9, 0.1]", "two shares"),
        ("[m]\nkind='generation'\nprompt='p'\nanswer='a'\npattern='('", "no regular expression"),
    ],
)
def test_a_wrong_task_file_is_one_line(write: Write, text: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        read_tasks(write("mine.toml", text))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", "", "is empty"),
        ("a.jsonl", '{"x": 1}\n{"x": \n', "a.jsonl:2: this is not JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: this is no JSON object"),
        ("a.csv", "x,y\n1,2\n3\n", r"a.csv:3: 1 fields, not 2 \(x, y\)"),
        ("a.csv", 'x\n"1\n', "a.csv:2"),
        ("a.csv", "x,y\n", "is empty"),
        ("a.txt", " \n", "is empty"),
        ("a.jsonl", '{"x": "\\ud83d"}', "a.jsonl:1: .*surrogate"),
        ("a.xml", "x", "not .xml"),
        ("a", "x", "without an ending"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    write: Write, name: str, text: str, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        read_rows(write(name, text))


def test_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("x\nn\xe4he\n".encode("latin-1"))
    with pytest.raises(BadRequest, match="not UTF-8"):
        read_rows(tmp_path / "a.csv")


def test_a_wrong_column_lists_those_there() -> None:
    row = Row({"a": "1", "n": 3, "l": ["x"], "o": {}}, "f.jsonl", 7)
    assert row.fill("{a}-{n} {} {not this}") == "1-3 {} {not this}"
    with pytest.raises(BadRequest, match=r"f.jsonl:7: .*'b'; there are: a, n, l, o"):
        row.fill("{b}")
    with pytest.raises(BadRequest, match="no text"):
        row.text("o")
    with pytest.raises(BadRequest, match="no list of texts"):
        row.texts("a")


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6))
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(text.getvalue().encode())
    assert [[row["a"], row["b"]] for row in read_rows(path)] == rows


@given(st.binary(max_size=60), st.sampled_from([".jsonl", ".csv", ".tsv", ".txt"]))
def test_any_bytes_are_rows_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"x{suffix}"
    path.write_bytes(data)
    with contextlib.suppress(FiresideError):
        assert read_rows(path)


# -- what is drawn --------------------------------------------------------------------------


def task_of(path: Path, **fields: object) -> Task:
    return Task(name="t", kind="classification", prompt="{p}", label="l", source=path, **fields)


def test_a_smaller_limit_draws_a_part(write: Write) -> None:
    task = task_of(write("a.jsonl", [{"p": str(i), "l": i % 3} for i in range(50)]), shots=6)
    small, large = (draw(task, limit=limit, seed=4) for limit in (10, 30))
    assert large.items[:10] == small.items
    assert small.shots == large.shots
    assert draw(task, limit=10, seed=5).items != small.items
    shown = {row.text("p") for row in small.shots}
    assert shown.isdisjoint(row.text("p") for row in draw(task, limit=None, seed=4).items)
    assert sorted(row.text("l") for row in small.shots) == ["0", "0", "1", "1", "2", "2"]


def test_too_few_for_the_examples(write: Write) -> None:
    task = task_of(write("a.jsonl", [{"p": "x", "l": 1}] * 3), shots=3)
    with pytest.raises(BadRequest, match="too few"):
        draw(task, limit=None, seed=0)


def test_how_prompts_are_put() -> None:
    plain = Prompts(shots=(("Q: a", "b"),))
    assert plain.context("Q: c") == "Q: a b\n\nQ: c"
    assert plain.answer("d", "Q:") == " d"
    assert plain.answer("d", "Q:\n") == "d"
    chat = Prompts(shots=(("Q: a", "b"),), chat=True)
    assert [m.role for m in chat.context("Q: c")] == ["user", "assistant", "user"]  # type: ignore[union-attr]
    assert chat.answer("d", "Q:") == "d"


def test_a_jsonl_of_odd_values(write: Write) -> None:
    path = write("a.jsonl", "\n" + json.dumps({"x": True, "y": None}) + "\n\n")
    (row,) = read_rows(path)
    assert row.line == 2
    for column in ("x", "y"):
        with pytest.raises(BadRequest, match=r"a\.jsonl:2"):
            row.text(column)

"""`fireside eval` and its report: from a command line to figures, files and one-line refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fireside.cli.main import run
from fireside.evaluation import Evaluated, evaluate, select
from fireside.evaluation.compare import compare_results
from fireside.evaluation.page import page
from fireside.evaluation.report import summary, write_report

from .conftest import TEXT, choice_rows

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from fireside.settings import load_settings

    monkeypatch.setenv("FIRESIDE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FIRESIDE_THREADS", "1")
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_known_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^lambada +continuation +eval_lambada_openai\.jsonl +", shown, re.M)


def test_figures_and_a_report(
    tiny_folder: Path, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write("mine.jsonl", choice_rows()), tmp_path / "new" / "report"
    command = ["eval", str(tiny_folder), "--data", str(data), "--limit", "9", "--out", str(out)]
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^mine +accuracy_norm +[\d.]+ ± [\d.]+ % ", shown, re.M)
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "result.json"]
    saved = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert len(saved["results"][0]["evaluations"][0]["scores"][0]["items"]) == 9
    assert run(command) == 1
    assert "is not empty" in capsys.readouterr().err


def test_json_for_a_program(
    tiny_folder: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write("mine.jsonl", choice_rows())
    names = [str(tiny_folder), str(tiny_folder)]
    assert run(["eval", *names, "--data", str(data), "--limit", "6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["model"] for one in found["results"]] == names
    score = found["results"][0]["evaluations"][0]["scores"][0]
    assert {"value", "stderr", "n", "chance"} <= set(score)
    assert "items" not in score
    assert [one["p_value"] for one in found["comparisons"]] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--tasks", "arc_eazy"], 2, "Did you mean arc_easy"),
        (["--tasks", "arc_easy"], 2, "reads eval_arc_easy.jsonl: say where with --data"),
        (["--tasks", "arc_easy", "--data", "nowhere"], 1, "nothing at nowhere"),
        (["--tasks", "bias", "--prompt", "x"], 2, "no prompt to replace"),
        (["--limit", "0", "--tasks", "bias"], 2, "limit"),
        (["--tasks", "mine.toml"], 1, "no task file mine.toml"),
    ],
)
def test_refused_in_one_line(
    tiny_folder: Path, options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", str(tiny_folder), *options]) == code
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1


def test_an_unknown_second_model_is_told_before_the_first_is_asked(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", str(tiny_folder), "smolm2:135m", "--tasks", "bias"]) == 1
    assert "smollm2:135m" in capsys.readouterr().err


def test_ctrl_c_says_what_was_done_and_writes_nothing(
    tiny_folder: Path,
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fireside.evaluation.results.ask_counterfactuals", stopped)
    write("mine.jsonl", choice_rows())
    toml = write(
        "mine.toml",
        "[first]\nkind='choice'\nfile='mine.jsonl'\nprompt='{prompt}'\nchoices='choices'\n"
        "gold='gold'\n[second]\nkind='counterfactual'\n",
    )
    out = tmp_path / "report"
    assert run(["eval", str(tiny_folder), "--tasks", str(toml), "--out", str(out)]) == 130
    shown = capsys.readouterr()
    assert "finished 1 of 2 tasks. Nothing was written." in shown.err
    assert "accuracy" in shown.out
    assert not out.exists()


# -- the page -------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Open and close tags must pair, and nothing may come from elsewhere."""

    ALONE = frozenset({"meta", "br", "path", "rect", "circle", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in self.ALONE:
            self.open.append(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.ALONE:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_escapes_what_models_say(
    tiny: Evaluated, other: Evaluated, write: Write, tmp_path: Path
) -> None:
    hostile = "<script>alert(1)</script>"
    rows = [{"prompt": f"{hostile} {i}", "label": f"{hostile}{i % 2}"} for i in range(8)]
    tasks = [
        *select([], write("mine.jsonl", choice_rows())),
        *select([], write("classes.jsonl", rows)),
        *select([], write("prose.txt", "\n".join(TEXT) * 20)),
        *select(["bias"], None),
    ]
    results = [evaluate(model, tasks, limit=6) for model in (tiny, other)]
    comparisons = compare_results(*results)
    for shown in (page(results, comparisons), page(results[:1])):
        assert hostile not in shown
        assert "&lt;script&gt;" in shown
        tags = Tags()
        tags.feed(shown)
        assert tags.open == []
        assert "script" not in tags.seen
        assert {"svg", "table", "details"} <= tags.seen
    json.dumps(summary(results, comparisons))
    write_report(tmp_path / "out", results, comparisons)
    assert sorted(tmp_path.glob(".out*")) == []

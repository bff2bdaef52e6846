"""`pretrain`, `finetune` and `runs`, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fireside.cli.finetune import unescaped
from fireside.cli.training import learned
from fireside.training.run import RunRecord

Run = Callable[..., tuple[int, str, str]]
TINY = """
[run]
threads = 1
[data]
length = 48
validation = 0.1
[model]
layers = 1
width = 32
heads = 2
kv_heads = 1
mlp_width = 32
context = 64
[tokenizer]
vocab_size = 300
[schedule]
steps = 4
[batch]
tokens = 48
[validate]
samples = 1
"""
PRETRAIN = ("pretrain", "--data", "text.txt", "--config", "tiny.toml", "--out", "run")


@pytest.fixture
def here(home: Path, tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 200)
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path


def test_from_text_to_a_model_to_a_tuned_one(run: Run, here: Path) -> None:
    code, out, err = run(*PRETRAIN)
    assert code == 0, err
    assert "Done: ./run" in out
    assert "Talk to it:  fireside chat --model ./run" in out
    assert "optimiser.learning_rate" in err
    assert "step 4/4" in err

    rows = "".join(f"well done {i}\t1\nfor shame {i}\t0\n" for i in range(20))
    (here / "rows.tsv").write_text("said\tlabel\n" + rows)
    (here / "short.toml").write_text("[run]\nthreads = 1\n[schedule]\nsteps = 2\n")
    code, out, err = run(
        "finetune", "--model", "run", "--data", "rows.tsv", "--prompt", r"{said}\nSo:",
        "--completion", "{label}", "--label", "0=bad", "--label", "1=good", "--lora",
        "--config", "short.toml", "--out", "tuned", "--json",
    )  # fmt: skip
    assert code == 0, err
    said = json.loads(out)
    assert (said["state"], said["step"], said["method"]) == ("finished", 2, "sft")
    assert Path(said["model"], "adapter_model.safetensors").is_file()
    assert said["before"]["loss"] > 0
    assert "held out, before the first step: loss" in err
    asked = json.loads((here / "tuned" / "run.json").read_text())["requested"]
    assert asked["data"]["sources"][0]["prompt"] == "{said}\nSo:"

    code, out, _ = run("runs", "list", "--json")
    assert [(one["state"], Path(one["path"]).name) for one in json.loads(out)] == [
        ("finished", "run"), ("finished", "tuned"),
    ]  # fmt: skip
    code, out, _ = run("runs", "list")
    assert out.splitlines()[0].split("\t")[:3] == ["finished", "pretrain", _way(here)]
    code, out, err = run("runs", "watch", "tuned")
    assert (code, out) == (0, "")
    assert "held out: loss" in err
    assert "tuned is finished." in err
    code, out, _ = run("runs", "watch", "tuned", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["state"] == "finished"


def _way(here: Path) -> str:
    record = json.loads((here / "run" / "run.json").read_text())
    return f"step 4/4, loss {record['loss']:.3f}"


def test_twice_is_refused(run: Run, here: Path) -> None:
    assert run(*PRETRAIN)[0] == 0
    code, out, err = run(*PRETRAIN)
    assert (code, out) == (1, "")
    assert "holds a finished run" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("pretrain",), 2, "Say where the run goes: --out DIR."),
        (("pretrain", "--out", "x"), 2, "there is nothing to learn from"),
        (("pretrain", "--out", "x", "--data", "absent.txt"), 2, "There is no file or folder"),
        (("pretrain", "--out", "x", "--data", "text.txt", "--minutes", "-1"), 2, "run.minutes"),
        (("pretrain", "--out", "x", "--data", "text.txt", "--config", "no.toml"), 1, "config file"),
        (("pretrain", "--out", "x", "--data", "text.txt", "--family", "bert"), 2, "family"),
        (("finetune", "--out", "x", "--data", "text.txt"), 2, "name it"),
        (("finetune", "--out", "x", "--prompt", "a"), 2, "--prompt describes --data"),
        (("finetune", "--out", "x", "--format", "openai"), 2, "--format describes --data"),
        (("finetune", "--out", "x", "--data", "text.txt", "--model", "m", "--label", "0"), 2,
         "is no VALUE=WORD"),
        (("finetune", "--out", "x", "--data", "text.txt", "--model", "smollm3"), 1, "smollm"),
        (("finetune", "--out", "x", "--data", "text.txt", "--model", "m", "--method", "ppo"), 2,
         "method"),
        (("runs", "watch", "absent"), 1, "holds no run"),
        (("runs", "pause", "absent"), 1, "holds no run"),
        (("runs", "resume", "absent"), 1, "holds no run"),
    ],
)  # fmt: skip
def test_bad_usage_is_one_line(
    run: Run, here: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    assert said in err
    assert len([line for line in err.splitlines() if line.startswith("fireside: ")]) == 1


def test_an_unknown_field_is_named(run: Run, here: Path) -> None:
    (here / "wrong.toml").write_text("[schedule]\nwarmpu = 3\n")
    code, _, err = run("pretrain", "--data", "text.txt", "--config", "wrong.toml", "--out", "run")
    assert code == 2
    assert "there is no key 'schedule.warmpu': did you mean 'schedule.warmup'?" in err


def test_no_run_yet(run: Run, here: Path) -> None:
    assert run("runs", "list", "--json")[:2] == (0, "[]\n")
    assert run("runs", "list")[:2] == (0, "")


def test_help_imports_nothing_heavy(home: Path) -> None:
    script = (
        "import sys\nfrom fireside.cli.main import run\nrun(['pretrain', '--help'])\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'psutil'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "--minutes" in done.stdout
    assert "--depth" in done.stdout


def test_ctrl_c_saves_and_the_same_command_goes_on(home: Path, here: Path) -> None:
    (here / "long.toml").write_text(TINY.replace("steps = 4", "steps = 100000"))
    words = ["pretrain", "--data", "text.txt", "--config", "long.toml", "--out", "run"]
    command = [sys.executable, "-m", "fireside", *words]
    environment = {**os.environ, "FIRESIDE_HOME": str(home)}
    with subprocess.Popen(
        command, cwd=here, env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("step "):
                break
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait() == 130
    assert "saving after this step" in said
    assert "goes on from here" in said
    record = json.loads((here / "run" / "run.json").read_text())
    assert record["state"] == "paused"
    assert (here / "run" / "checkpoints" / f"step-{record['step']:06d}").is_dir()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (r"Sentence: {s}\nSentiment:", "Sentence: {s}\nSentiment:"),
        (r"{a}\t{b}", "{a}\t{b}"),
        (r"\\n is a new line", r"\n is a new line"),
        (r"C:\\new \frac \d", r"C:\new \frac \d"),
        ("a\nb", "a\nb"),
        ("\\", "\\"),
        ("", ""),
    ],
)
def test_escapes_of_a_template_are_those_of_a_shell(typed: str, meant: str) -> None:
    assert unescaped(typed) == meant


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"loss": 3.0}, {"loss": 2.0}, "Learned: held-out loss 3 before, 2 after 2 steps."),
        ({"loss": 3.0}, {"loss": 2.99}, "Nothing measurable was learned: held-out loss 3 before"),
        ({"loss": 3.0}, {"loss": 3.3}, "It got worse: held-out loss 3 before, 3.3 after"),
        ({"reward": 0.2}, {"loss": -0.4, "reward": 0.4}, "Learned: held-out reward 0.2 before"),
        ({"reward": 0.0}, {"loss": 0.0, "reward": 0.0}, "Nothing measurable was learned"),
        ({}, {}, "was not measured: too little data to hold some out"),
    ],
)
def test_the_end_says_what_was_learned(
    before: dict[str, float], after: dict[str, float], words: str
) -> None:
    record = RunRecord(
        method="sft", base="b", step=2, before=before, scores=after,
        requested={}, created_at=0.0, updated_at=0.0,
    )  # fmt: skip
    assert words in learned(record)

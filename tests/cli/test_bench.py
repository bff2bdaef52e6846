"""`fireside bench` on the real model, with loads cut short: every key there, every figure sane."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fireside.cli import bench_figures
from fireside.cli.bench_figures import ForeignWork, peak_memory

Run = Callable[..., tuple[int, str, str]]
SPEEDS = ("decode_tokens_per_s", "prefill_tokens_per_s")
ALL = {
    *SPEEDS, "model", "precision", "threads", "machine", "versions", "repeat", "ready_s", "streams",
    "prompt_tokens", "first_token_ms", "inter_token_ms", "rss_mb", "peak_rss_mb", "foreign_cores",
}  # fmt: skip


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_figures, "PREFILL_TOKENS", 96)
    monkeypatch.setattr(bench_figures, "DECODE_TOKENS", 12)
    monkeypatch.setattr(bench_figures, "STREAM_TOKENS", 4)


@pytest.mark.usefixtures("short")
def test_json_has_every_figure(run: Run, smollm2_path: Path) -> None:
    words = ["bench", str(smollm2_path), "--json", "--threads", "1", "--repeat", "2"]
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(found) == ALL
    assert set(found["streams"]) == {"8", "16"}
    assert set(found["inter_token_ms"]) == {"p50", "p99"}
    assert all(found[key] > 0 for key in (*SPEEDS, "ready_s", "first_token_ms"))
    assert all(speed > 0 for speed in found["streams"].values())
    assert 0 < found["inter_token_ms"]["p50"] <= found["inter_token_ms"]["p99"]
    assert 100 < found["rss_mb"] <= found["peak_rss_mb"] + 1
    assert (found["threads"], found["repeat"], found["prompt_tokens"]) == (1, 2, 96)
    assert found["precision"].startswith(("native core (", "int8", "float32"))
    assert {"fireside", "python", "torch"} <= set(found["versions"])


@pytest.mark.usefixtures("short")
def test_the_table_is_for_a_person(
    run: Run, smollm2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ForeignWork, "cores", lambda self: 1.25)
    code, out, _ = run("bench", str(smollm2_path), "--threads", "1", "--repeat", "1")
    assert code == 0
    for words in ("decode", "prefill", "16 streams", "tokens/s", "first token", "memory"):
        assert words in out
    assert "1.2 cores" in out  # a busy machine is not kept silent


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--repeat", "0"], 2, "--repeat"),
        (["--threads", "-1"], 2, "--threads"),
        (["nosuchmodel"], 1, "nosuchmodel"),
    ],
)
def test_bad_usage_is_one_line(run: Run, words: list[str], code: int, said: str) -> None:
    found, out, err = run("bench", *words)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_prompts_begin_unlike_one_another() -> None:
    class Letters:
        class tokenizer:
            encode = staticmethod(lambda text: [ord(letter) for letter in text])

    prompts = bench_figures.Prompts(Letters)  # type: ignore[arg-type]
    made = [prompts.of(300) for _ in range(12)]
    assert {len(prompt) for prompt in made} == {300}
    assert len({tuple(prompt[:16]) for prompt in made}) == 12


def test_what_others_use_and_what_we_used() -> None:
    assert ForeignWork().cores() >= 0
    assert peak_memory() > 20e6

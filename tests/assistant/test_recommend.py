"""The honest line: who answers, and who could."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fireside.assistant import capacity
from fireside.assistant.ability.scores import Scores
from fireside.assistant.capacity import (
    Capacity,
    capacity_of,
    machine_name,
    measure_again,
    rounded,
)
from fireside.assistant.machine import bandwidth, cores, memory_available, memory_total
from fireside.assistant.persona import Personas
from fireside.assistant.recommend import recommend_better
from fireside.hub.catalogue import catalogue, recommend
from fireside.settings import Settings
from fireside.tokenizer.templates import CONTINUING

LARGE = Capacity(memory_bytes=64 << 30, gbps=30, disk_bytes=64 << 30)
HUGE = replace(LARGE, gbps=1000)
NOTHING = Capacity(memory_bytes=0, gbps=1, disk_bytes=0)


def test_the_default_says_that_it_is_small_and_what_is_better() -> None:
    entry = catalogue()["smollm2:135m"]
    advice = recommend_better(entry.name, entry, LARGE)
    assert advice.answers == (
        "smollm2:135m answers: small (135 million parameters) and often wrong."
    )
    assert advice.entry is not None
    assert f"fireside models pull {advice.entry.name}" in str(advice.better)
    assert advice.figures == "2.5 GB, about 5 tokens a second"
    here = recommend_better(entry.name, entry, LARGE, here=catalogue())
    assert "pull" not in str(here.better)


def test_nothing_better_is_offered_where_nothing_better_fits() -> None:
    entry = catalogue()["smollm2:135m"]
    assert recommend_better(entry.name, entry, NOTHING).better is None
    best = recommend(64 << 30, 1000)
    assert best is not None
    assert recommend_better(best.name, best, HUGE).better is None


def test_a_model_that_was_only_pretrained_says_so() -> None:
    advice = recommend_better("run", None, NOTHING, template=CONTINUING)
    assert advice.answers == (
        "run was only pretrained: it continues your text, and answers no questions."
    )
    assert recommend_better("run", None, NOTHING).answers == "run answers."


def test_the_machine_is_measured_plausibly() -> None:
    assert 0 < memory_available() <= memory_total()
    assert cores() >= 1
    assert 0.2 < bandwidth() < 5000


def test_what_the_disk_has_no_room_for_is_not_offered() -> None:
    entry = catalogue()["smollm2:135m"]
    tight = replace(LARGE, disk_bytes=3_500_000_000)
    advice = recommend_better(entry.name, entry, tight)
    assert advice.entry is not None
    assert advice.entry.size_bytes + advice.entry.parameters < tight.disk_bytes
    there = recommend_better(entry.name, entry, tight, here=["qwen3:4b-instruct"])
    assert str(there.better) == "qwen3:4b-instruct is installed and knows more."


def test_what_was_measured_to_be_no_better_is_passed_over(tmp_path: Path) -> None:
    scores = Scores(tmp_path / "ability.json")
    first = scores.of(Personas().get("tutor"), "smollm2:135m")
    assert first is not None
    scores.keep("qwen3:4b-instruct", "0", "tutor", replace(first, right=first.right - 1))
    scores.keep("qwen3:1.7b", "0", "tutor", replace(first, right=first.right + 1))
    passed_over = scores.no_better_than("smollm2:135m")
    assert passed_over == {"qwen3:4b-instruct"}
    entry = catalogue()["smollm2:135m"]
    advice = recommend_better(entry.name, entry, LARGE, passed_over=passed_over)
    assert advice.entry is not None
    assert advice.entry.name != "qwen3:4b-instruct"


def figures(of: Capacity) -> tuple[int, float]:
    """What is kept; other programs write to the disk meanwhile."""
    return of.memory_bytes, of.gbps


def test_the_machine_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    spare, speed = [9_900_000_000], [19.2]
    monkeypatch.setattr(capacity, "memory_available", lambda: spare[0])
    monkeypatch.setattr(capacity, "bandwidth", lambda: speed[0])
    assert figures(capacity_of(settings)) == (9_500_000_000, 20)
    spare[0], speed[0] = 2_000_000_000, 3.4  # a busy minute
    assert figures(capacity_of(settings)) == (9_500_000_000, 20)
    assert figures(measure_again(settings)) == (9_500_000_000, 20)
    spare[0], speed[0] = 12_000_000_000, 31.0
    assert figures(capacity_of(settings)) == (9_500_000_000, 20)
    assert figures(measure_again(settings)) == (12_000_000_000, 32)
    assert figures(capacity_of(settings)) == (12_000_000_000, 32)


@pytest.mark.parametrize("spoiled", ["", "[]", '{"NAME": {"gbps": 3}}', '{"NAME": []}', "\x00"])
def test_a_spoiled_file_is_measured_anew(spoiled: str, tmp_path: Path) -> None:
    (tmp_path / "machine.json").write_text(spoiled.replace("NAME", machine_name()))
    first = capacity_of(Settings(home=tmp_path))
    assert first.gbps > 0
    assert capacity_of(Settings(home=tmp_path)).gbps == first.gbps


def test_another_machine_is_measured_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "bandwidth", lambda: 20.0)
    first = capacity_of(Settings(home=tmp_path))
    monkeypatch.setattr(capacity, "machine_name", lambda: "another")
    monkeypatch.setattr(capacity, "bandwidth", lambda: 100.0)
    assert capacity_of(Settings(home=tmp_path)).gbps == 100
    monkeypatch.undo()
    assert capacity_of(Settings(home=tmp_path)).gbps == first.gbps


def test_near_measurements_are_one_figure() -> None:
    assert {rounded(gbps) for gbps in (18.0, 19.3, 20.4, 22.0)} == {20}
    assert rounded(0) == 0.1

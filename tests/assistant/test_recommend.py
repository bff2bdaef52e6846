"""The honest line: who answers, and who could."""

from __future__ import annotations

from fireside.assistant.machine import copy_bandwidth, cores, memory_available, memory_total
from fireside.assistant.recommend import recommend_better
from fireside.hub.catalogue import catalogue, recommend
from fireside.tokenizer.templates import CONTINUING


def test_the_default_says_that_it_is_small_and_what_is_better() -> None:
    entry = catalogue()["smollm2:135m"]
    advice = recommend_better(entry.name, entry, memory_bytes=64 << 30, decode_gbps=30)
    assert advice.answers == (
        "smollm2:135m answers: small (135 million parameters) and often wrong."
    )
    assert advice.better_name is not None
    assert f"fireside models pull {advice.better_name}" in str(advice.better)
    here = recommend_better(
        entry.name, entry, installed=lambda name: True, memory_bytes=64 << 30, decode_gbps=30
    )
    assert "pull" not in str(here.better)


def test_nothing_better_is_offered_where_nothing_better_fits() -> None:
    entry = catalogue()["smollm2:135m"]
    assert recommend_better(entry.name, entry, memory_bytes=0, decode_gbps=1).better is None
    best = recommend(64 << 30, 1000)
    assert best is not None
    assert recommend_better(best.name, best, memory_bytes=64 << 30, decode_gbps=1000).better is None


def test_a_model_that_was_only_pretrained_says_so() -> None:
    advice = recommend_better("run", None, memory_bytes=0, decode_gbps=1, template=CONTINUING)
    assert advice.answers == (
        "run was only pretrained: it continues your text, and answers no questions."
    )
    assert recommend_better("run", None, memory_bytes=0, decode_gbps=1).answers == "run answers."


def test_the_machine_is_measured_plausibly() -> None:
    assert 0 < memory_available() <= memory_total()
    assert cores() >= 1
    assert 0.2 < copy_bandwidth() < 5000

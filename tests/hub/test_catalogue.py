"""The catalogue is sound data, and what it recommends fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fireside.hub.catalogue import (
    DEFAULT_CHAT,
    DEFAULT_EMBEDDING,
    PLEASANT_TOKENS_PER_S,
    Entry,
    catalogue,
    recommend,
)
from fireside.hub.progress import readable
from fireside.hub.reference import HubSource, WheelSource, parse

ENTRIES = list(catalogue().values())
FAMILIES = {"gpt2", "llama", "qwen2", "qwen3", "gemma3", "bert"}
SAMPLING = {
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "repeat_last_n"),
    *("dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n"),
}


def test_it_holds_the_embedded_models_and_a_dozen_more() -> None:
    assert catalogue()[DEFAULT_CHAT].kind == "chat"
    assert catalogue()[DEFAULT_EMBEDDING].kind == "embedding"
    assert len(ENTRIES) >= 14


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_is_sound(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z0-9.]+:[a-z0-9.-]+", entry.name)
    assert entry.family in FAMILIES
    assert set(entry.sampling) <= SAMPLING
    assert bool(entry.sampling) == (entry.kind == "chat")
    assert 20_000_000 < entry.parameters < 9_000_000_000
    assert entry.size_bytes < entry.memory_bytes < 16 * entry.size_bytes
    assert 512 <= entry.context <= 1 << 20
    assert entry.licence
    assert entry.summary
    source = parse(entry.name).source
    if isinstance(source, WheelSource):
        assert re.fullmatch(r"[0-9a-f]{64}", source.wheel_sha256)
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in entry.sha256.values())
    else:
        assert isinstance(source, HubSource)
        # What the catalogue names by hand must also be nameable by hand.
        assert parse(f"hf:{source.repository}:{source.file}").source == source


def test_folders_are_one_to_one() -> None:
    folders = {parse(entry.name).folder for entry in ENTRIES}
    assert len(folders) == len(ENTRIES)
    assert not any(re.search(r"[/:\\]", folder) for folder in folders)


@pytest.mark.parametrize(
    ("gigabytes", "bandwidth", "expected"),
    [
        (0.5, 30, None),
        (0.9, 30, None),
        (4, 30, "qwen2.5:1.5b"),
        (8, 30, "qwen3:4b-instruct"),
        (64, 30, "qwen3:4b-instruct"),
        (64, 300, "qwen3:8b"),
        (64, 1, None),
    ],
)
def test_recommend(gigabytes: float, bandwidth: float, expected: str | None) -> None:
    found = recommend(int(gigabytes * 1e9), bandwidth)
    assert (found.name if found else None) == expected


def test_what_is_recommended_fits_and_is_pleasant() -> None:
    for gigabytes in range(1, 20):
        for bandwidth in (5, 20, 50, 200):
            if found := recommend(gigabytes * 10**9, bandwidth):
                assert found.memory_bytes <= gigabytes * 10**9
                assert bandwidth * 1e9 / found.bytes_per_token >= PLEASANT_TOKENS_PER_S
                assert found.kind == "chat"


def test_the_documentation_has_the_same_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    for entry in ENTRIES:
        row = (
            f"| `{entry.name}` | {entry.parameters / 1e6:,.0f} M | {readable(entry.size_bytes)} "
            f"| {readable(entry.memory_bytes)} | {entry.context:,} | {entry.licence} |"
        )
        assert row in page

"""Every public data set beside the checkout is readable, with simple options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fireside.data import Chat, Kind, Problem, Report, Source, Text, read_examples

FILES: list[tuple[str, Kind, dict[str, Any], int]] = [
    ("tinyshakespeare.txt", "text", {}, 1),
    ("openai_openapi.yaml", "text", {}, 1),
    ("pii_templates.txt", "text", {"separator": "\n"}, 210),
    ("instructions_train.jsonl", "chat", {}, 1000),
    ("gsm8k_train.jsonl", "chat", {}, 7473),
    ("gsm8k_train.jsonl", "problem", {}, 7473),
    ("sst2_train.tsv", "chat", {"prompt": "{1}", "completion": "{2}"}, 6920),
    (
        "sst2_dev.tsv",
        "chat",
        {
            "columns": ("sentence", "label"),
            "prompt": "{sentence}",
            "completion": "{label}",
            "labels": {"0": "negative", "1": "positive"},
        },
        872,
    ),
    (
        "customer_support_train.csv",
        "chat",
        {"prompt": "{utterance}", "completion": "{intent}"},
        6480,
    ),
    ("customer_support_dev.csv", "chat", {"prompt": "{utterance}", "completion": "{intent}"}, 810),
    ("banking77_train.csv", "chat", {"prompt": "{text}", "completion": "{category}"}, 10003),
    ("hate_speech_train.csv", "chat", {"prompt": "{tweet}", "completion": "{class}"}, 24783),
    ("tatoeba_en_zh.tsv", "chat", {"prompt": "Translate: {1}", "completion": "{2}"}, 26947),
    (
        "xquad_en.json",
        "chat",
        {"prompt": "{context}\n\n{question}", "completion": "{answer}"},
        1190,
    ),
    ("xquad_zh.json", "problem", {"prompt": "{context}{question}", "completion": "{answer}"}, 1190),
    ("dialogue_state_sample.json", "chat", {}, 128),
    ("dialogue_state_schema.json", "text", {"prompt": "{service_name}: {description}"}, 17),
    ("injection_attacks_train.json", "text", {}, 75),
    (
        "injection_emails_train.jsonl",
        "problem",
        {"prompt": "{context}", "completion": "{ideal}"},
        50,
    ),
    (
        "eval_lambada_openai.jsonl",
        "text",
        {"prompt": "{context} ", "completion": "{continuation}"},
        5153,
    ),
    ("eval_boolq.jsonl", "text", {"prompt": "{query}"}, 3270),
    (
        "eval_arc_easy.jsonl",
        "problem",
        {"prompt": "{query} {choices}", "completion": "{gold}"},
        2376,
    ),
]


@pytest.mark.parametrize(("name", "kind", "options", "count"), FILES)
def test_every_record_of_it_is_read(
    shared_data: Path, name: str, kind: Kind, options: dict[str, Any], count: int
) -> None:
    report = Report()
    source = Source(path=str(shared_data / name), **options)
    found = 0
    for example in read_examples([source], kind, report=report):
        found += 1
        assert isinstance(example, {"text": Text, "chat": Chat, "problem": Problem}[kind])
    assert found == count == report.read
    assert not report.dropped
    assert report.files[source.path].bytes == (shared_data / name).stat().st_size


def test_instructions_lose_their_wording_and_keep_their_words(shared_data: Path) -> None:
    path = str(shared_data / "instructions_train.jsonl")
    chats = [one for one in read_examples([Source(path=path)], "chat") if isinstance(one, Chat)]
    assert chats[0].messages[0].content == "what is kangen water?"
    assert not any("###" in chat.messages[0].content for chat in chats)

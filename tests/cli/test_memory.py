"""`fireside memory`, command by command."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fireside.storage import Store
from fireside.storage.persons import Actor

Run = Callable[..., tuple[int, str, str]]


def ids(run: Run, *words: str) -> list[str]:
    code, out, _ = run("memory", "list", "--json", *words)
    assert code == 0
    return [each["id"] for each in json.loads(out)]


def test_from_a_fact_to_its_end(run: Run, store: Store) -> None:
    code, out, _ = run("memory", "add", "I live in Lisbon.")
    assert code == 0
    first = out.strip()
    assert first.startswith("mem_")
    code, out, err = run("memory", "add", "I live in Porto.", "--expires", "30d")
    second = out.strip()
    assert f"it replaces {first}" in err
    assert ids(run) == [second]
    assert ids(run, "--status", "all") == [second, first]
    code, out, _ = run("memory", "list")
    assert "I live in Porto." in out
    assert "you" in out
    code, out, _ = run("memory", "edit", second, "I live in Faro.", "--for-ever", "--json")
    assert (code, json.loads(out)["text"], json.loads(out)["expires_at"]) == (
        0,
        "I live in Faro.",
        None,
    )
    assert run("memory", "forget", second)[0] == 0
    assert ids(run) == []
    assert "taken back: forget" in run("memory", "undo")[1]
    assert ids(run) == [second]
    code, out, _ = run("memory", "changes", "--json")
    done = [(each["operation"], each["undone"]) for each in json.loads(out)]
    assert done == [
        ("undo", False),
        ("forget", True),
        ("edit", False),
        ("add", False),
        ("add", False),
    ]
    code, out, _ = run("memory", "export")
    assert [json.loads(line)["id"] for line in out.splitlines()] == [first, second]
    assert run("memory", "forget", second, "--purge", "--json")[0] == 0
    assert ids(run, "--status", "all") == [first]


def test_searching_says_when_it_went_by_words_alone(run: Run) -> None:
    run("memory", "add", "I live in Lisbon.")
    code, out, err = run("memory", "search", "What is Lisbon like?", "--json")
    assert code == 0
    assert [each["text"] for each in json.loads(out)] == ["I live in Lisbon."]
    assert "by words alone" in err  # no embedding model in this home
    assert run("memory", "search", "weather", "--json")[1].strip() == "[]"


def test_a_proposed_fact_is_accepted(run: Run, store: Store) -> None:
    from fireside.assistant.memory.memories import Memories

    made = Memories(store.objects).add("", "I like jazz.", kept=False).memory
    code, out, err = run("memory", "list")
    assert (code, out) == (0, "")
    assert "1 more wait to be accepted" in err
    assert run("memory", "accept", made.id)[0] == 0
    assert ids(run) == [made.id]
    assert run("memory", "accept", made.id)[0] == 1


def test_what_looks_private_needs_a_word_more(run: Run) -> None:
    code, _, err = run("memory", "add", "My password is hunter2.")
    assert code != 0
    assert "--personal" in err
    assert "hunter2" not in err
    assert run("memory", "add", "My password is hunter2.", "--personal")[0] == 0


def test_another_owner(run: Run, store: Store) -> None:
    store.people.add_project("Support", by=Actor())
    ours = run("memory", "add", "I live in Lisbon.")[1].strip()
    theirs = run("memory", "add", "I live in Porto.", "--owner", "Support")[1].strip()
    assert ids(run) == [ours]
    assert ids(run, "--owner", "Support") == [theirs]
    assert run("memory", "forget", ours, "--owner", "Support")[0] == 1
    assert run("memory", "list", "--owner", "nobody")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--status", "lost"),
        ("edit", "mem_none"),
        ("add", "I like tea.", "--expires", "soon"),
        ("add", "a" * 1000),
        ("add", ""),
        ("undo",),
        ("forget", "mem_none"),
    ],
)
def test_bad_usage(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("memory", *words)
    assert code in (1, 2)
    assert out == ""
    assert len(err.strip().splitlines()) == 1

"""`fireside keys`, and a server that others reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fireside.cli.keys import seconds_of
from fireside.errors import BadRequest
from fireside.storage import Store

Run = Callable[..., tuple[int, str, str]]


def test_a_key_is_printed_alone_and_once(run: Run, store: Store) -> None:
    code, out, err = run("keys", "create", "laptop")
    assert code == 0
    secret = out.strip()
    assert secret.startswith("fs-")
    assert len(secret) == 46
    assert "this once" in err
    assert "first key" in err
    holder = store.keys.holder(secret)
    assert holder is not None
    assert (holder.key.name, holder.user.role, holder.project.owner) == ("laptop", "admin", "")
    assert "first key" not in run("keys", "create")[2]
    for words in (("list",), ("list", "--all", "--json"), ("users", "list", "--json")):
        code, out, err = run("keys", *words)
        assert code == 0
        assert secret not in out + err


def test_everything_that_a_key_can_be_made_with(run: Run, store: Store) -> None:
    assert run("keys", "users", "add", "Mo", "--email", "mo@example.org")[0] == 0
    assert run("keys", "projects", "add", "Support")[0] == 0
    code, out, _ = run(
        "keys", "create", "bot", "--user", "Mo", "--project", "Support", "--scope", "inference",
        "--scope", "files", "--expires", "30d", "--requests-per-minute", "60",
        "--tokens-per-minute", "1000", "--tokens", "50000", "--json",
    )  # fmt: skip
    assert code == 0
    made = json.loads(out)
    assert made["scopes"] == ["inference", "files"]
    assert (made["requests_per_minute"], made["tokens_per_minute"]) == (60, 1000)
    assert made["tokens_total"] == 50_000
    assert made["expires_at"] - time.time() == pytest.approx(30 * 86_400, abs=60)
    holder = store.keys.holder(made["value"])
    assert holder is not None
    assert (holder.user.name, holder.user.role, holder.project.name) == ("Mo", "member", "Support")


def test_listing_and_revoking(run: Run) -> None:
    run("keys", "create", "one")
    made = json.loads(run("keys", "create", "two", "--json")[1])
    listed = run("keys", "list")[1].splitlines()
    assert [line.split("\t")[2] for line in listed] == ["one", "two"]
    assert listed[1].split("\t")[-1] == "valid"
    assert json.loads(run("keys", "revoke", made["id"], "--json")[1])["revoked"]
    assert len(json.loads(run("keys", "list", "--json")[1])) == 1
    states = {
        each["name"]: each["state"]
        for each in json.loads(run("keys", "list", "--all", "--json")[1])
    }
    assert states == {"one": "valid", "two": "revoked"}
    code, _, err = run("keys", "revoke", made["id"])
    assert code == 1
    assert made["id"] in err


def test_users_and_projects(run: Run) -> None:
    ada = run("keys", "users", "add", "Ada", "--admin")[1].strip()
    run("keys", "users", "add", "Ada")
    code, _, err = run("keys", "create", "--user", "Ada")
    assert (code, err.count("\n")) == (2, 1)
    assert "Several" in err
    assert run("keys", "create", "--user", ada)[0] == 0
    assert "their keys with them" in run("keys", "users", "remove", ada)[1]
    assert len(json.loads(run("keys", "list", "--json")[1])) == 0
    assert len(run("keys", "users", "list")[1].splitlines()) == 1
    run("keys", "projects", "add", "Old")
    assert "archived" in run("keys", "projects", "archive", "Old")[1]
    assert [p["id"] for p in json.loads(run("keys", "projects", "list", "--json")[1])] == [
        "proj_default"
    ]
    assert run("keys", "create", "--project", "Old")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--scope", "everything"), ("--expires", "tomorrow"), ("--expires", "0d"),
        ("--expires", "99999w"), ("--tokens", "0"), ("--requests-per-minute", "-1"),
        ("--tokens", "9223372036854775808"), ("--user",),
    ],
)  # fmt: skip
def test_bad_usage(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("keys", "create", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_nobody_of_that_name(run: Run) -> None:
    code, _, err = run("keys", "create", "--user", "Nobody")
    assert code == 1
    assert "keys users list" in err


def test_spans() -> None:
    assert [seconds_of(span) for span in ("90m", "12h", "1d", "2w")] == [
        5400, 43_200, 86_400, 1_209_600,
    ]  # fmt: skip
    with pytest.raises(BadRequest):
        seconds_of("1y")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "some.host"])
def test_others_are_served_only_with_a_key(run: Run, host: str) -> None:
    code, out, err = run("serve", "--host", host, "--port", "0")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "fireside keys create" in err


def test_a_revoked_key_is_no_key(run: Run) -> None:
    made = json.loads(run("keys", "create", "--json")[1])
    run("keys", "revoke", made["id"])
    assert run("serve", "--host", "0.0.0.0", "--port", "0")[0] == 2


def test_help_names_the_command_and_stays_quick() -> None:
    code = "import sys; from fireside.cli import main; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    ).stdout
    for heavy in ("'sqlalchemy'", "'prometheus_client'", "'fastapi'"):
        assert heavy not in loaded


def test_the_database_is_its_owners(run: Run, home: Path) -> None:
    run("keys", "create")
    assert (home / "fireside.db").stat().st_mode & 0o077 == 0

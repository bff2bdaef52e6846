"""`fireside tickets`, command by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fireside.assistant.tickets import Ticket, Tickets

Run = Callable[..., tuple[int, str, str]]


def test_from_the_list_to_the_end(run: Run, home: Path) -> None:
    tickets = Tickets(home / "tickets")
    assert run("tickets", "list")[:2] == (0, "")
    tickets.open(Ticket(to="Ann", reason="complain", messages=[{"role": "user", "content": "hm"}]))
    tickets.open(Ticket(to="Ann", reason="the user asked for a person"))
    lines = run("tickets", "list")[1].splitlines()
    assert [line.split("\t")[0] for line in lines] == ["T-0002", "T-0001"]
    assert "user: hm" in run("tickets", "show", "T-0001")[1]
    assert run("tickets", "close", "T-0001")[1] == "T-0001 is closed.\n"
    told = json.loads(run("tickets", "list", "--all", "--json")[1])
    assert [(one["number"], one["status"]) for one in told] == [
        ("T-0002", "open"), ("T-0001", "closed"),
    ]  # fmt: skip


def test_a_number_that_there_is_not(run: Run, home: Path) -> None:
    code, _, err = run("tickets", "show", "T-0009")
    assert code == 1
    assert "There is no ticket T-0009" in err
    assert run("tickets", "close", "../x")[0] != 0

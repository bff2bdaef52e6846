"""Tickets: whole or not at all, numbered once, and what was sent is what is said."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fireside.assistant.ticket_senders import senders
from fireside.assistant.tickets import LONGEST, Ticket, Tickets
from fireside.dialogue.config import HandoverConfig
from fireside.errors import BadRequest, NotFound, Unavailable

ASKED = Ticket(to="Ann", reason="the user asked for a person", summary="Why: it is broken.")


def test_what_is_opened_is_read_again(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path / "tickets")
    texts = ["你好\nnobody answers", "x" * 9_000]
    said = [{"role": "user", "content": each} for each in texts]
    made = tickets.open(Ticket(to="Ann", reason="r", messages=said))
    assert made.number == "T-0001"
    assert Tickets(tmp_path / "tickets").get("T-0001") == made
    assert made.messages[0]["content"] == "你好\nnobody answers"
    assert len(made.messages[1]["content"]) == LONGEST
    assert made.messages[1]["letters"] == 9_000, "what is cut is said"
    tickets.add("T-0001", {"role": "user", "content": "still there?"})
    assert tickets.get("T-0001").messages[-1]["content"] == "still there?"
    assert tickets.close("T-0001").status == "closed"
    assert [each.name for each in (tmp_path / "tickets").glob(".*")] == []


def test_numbers_are_given_once(tmp_path: Path) -> None:
    numbers: list[str] = []

    def work() -> None:
        numbers.extend(Tickets(tmp_path).open(ASKED).number for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(numbers) == [f"T-{n:04}" for n in range(1, 41)]


def test_a_damaged_file_hides_no_other(tmp_path: Path) -> None:
    tickets = Tickets(tmp_path)
    tickets.open(ASKED)
    (tmp_path / "T-0002.jsonl").write_text("{")
    assert [one.number for one in tickets.read_all()] == ["T-0001"]
    with pytest.raises(NotFound, match="damaged"):
        tickets.get("T-0002")
    assert tickets.open(ASKED).number == "T-0003"


@pytest.mark.parametrize("number", ["", "7", "../T-0001", "T-0001/..", "T-1"])
def test_a_number_is_no_path(tmp_path: Path, number: str) -> None:
    with pytest.raises((BadRequest, NotFound)):
        Tickets(tmp_path).get(number)


def test_what_could_not_be_sent_is_said(tmp_path: Path) -> None:
    rules = HandoverConfig(email="desk@example.org")
    made = Tickets(tmp_path).open(ASKED, senders(rules, None))
    (told,) = made.deliveries
    assert told["sent"] is False
    assert "FIRESIDE_SMTP_HOST" in told["error"]


@pytest.mark.parametrize("status", [200, 500])
def test_a_webhook_gets_the_ticket(tmp_path: Path, status: int) -> None:
    got: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        rules = HandoverConfig(webhook=f"http://127.0.0.1:{server.server_port}/hook")
        made = Tickets(tmp_path).open(ASKED, senders(rules, None))
    assert json.loads(got[0])["number"] == "T-0001"
    assert [each["sent"] for each in made.deliveries] == [status == 200]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "tickets").write_text("no folder")
    with pytest.raises(Unavailable, match="could not be written"):
        Tickets(tmp_path / "tickets").open(ASKED)

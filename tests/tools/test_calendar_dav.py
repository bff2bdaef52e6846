"""A calendar on a real CalDAV server: Radicale, as a process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from zoneinfo import ZoneInfo

import httpx
import pytest

from fireside.errors import Conflict, Corrupt, NotFound, Unavailable
from fireside.tools.calendar_dav import DavAccount, DavCalendar
from fireside.tools.calendar_tools import calendar_tools
from fireside.tools.calls import call
from fireside.tools.events import Event
from fireside.tools.tool import ToolContext

pytest.importorskip("radicale")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, tzinfo=BERLIN)
USER = ("ana", "correct horse")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("radicale")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "users").write_text(":".join(USER) + "\n")
    (folder / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\n"
        f"htpasswd_filename = {folder / 'users'}\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {folder / 'collections'}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "radicale", "--config", str(folder / "config")],
            stdout=log, stderr=log,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/ana/diary/"
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                made = httpx.request("MKCALENDAR", url, auth=USER, trust_env=False, timeout=300)
            except httpx.ConnectError:
                time.sleep(0.1)
                continue
            assert made.status_code == 201
            break
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def calendar(server: str) -> DavCalendar:
    return DavCalendar(DavAccount(url=server, user=USER[0], password=USER[1]))


def event(title: str, hour: int) -> Event:
    start = NOW.replace(hour=hour)
    return Event(uid=f"{hour}@fireside", title=title, start=start, end=start + timedelta(hours=1))


def test_what_is_put_is_found_and_can_be_moved(calendar: DavCalendar) -> None:
    calendar.add(event("Tea, with ünïcode; and commas", 15), NOW)
    (found,) = calendar.between(NOW.replace(hour=15), NOW.replace(hour=16)).events
    assert found.title == "Tea, with ünïcode; and commas"
    assert found.start == NOW.replace(hour=15)
    with pytest.raises(Conflict, match="meanwhile"):
        calendar.add(event("Tea, with ünïcode; and commas", 15), NOW)
    from dataclasses import replace

    moved = replace(found, start=NOW.replace(hour=17), end=NOW.replace(hour=18))
    calendar.move(moved, NOW)
    assert calendar.between(NOW.replace(hour=15), NOW.replace(hour=16)).events == []
    (again,) = calendar.between(NOW.replace(hour=17), NOW.replace(hour=18)).events
    assert again.start == NOW.replace(hour=17)
    httpx.delete(found.place, auth=USER, trust_env=False, timeout=300)
    with pytest.raises(NotFound, match="any more"):
        calendar.move(moved, NOW)


def test_a_secretary_on_it(calendar: DavCalendar) -> None:
    tools = {tool.name: tool for tool in calendar_tools(lambda owner: calendar)}

    def ask(name: str, **arguments: object) -> str:
        context = ToolContext(now=NOW, timezone=BERLIN)
        outcome = call(tools[f"calendar_{name}"], json.dumps(arguments), context).outcome
        # An invitation is a stranger's text: what is listed is data.
        assert outcome.untrusted == (name == "list" and not outcome.text.startswith("Nothing"))
        return outcome.for_model

    assert "Added: Lunch with Ana" in ask(
        "add", title="Lunch with Ana", when="next Tuesday at noon"
    )
    assert "Moved: Lunch with Ana" in ask("move", title="Lunch", to="Thursday at 1 pm")
    assert ask("list", when="Thursday").startswith(
        "Lunch with Ana, Thursday 26 November 2026, 13:00"
    )
    assert "08:00 to 13:00; Thursday 26 November, 14:00" in ask("free", when="Thursday")


def test_a_wrong_password_and_a_calendar_that_is_not_there(server: str) -> None:
    with pytest.raises(Unavailable, match="refused our name or password") as told:
        DavCalendar(DavAccount(url=server, user="ana", password="hunter2")).between(
            NOW, NOW + timedelta(1)
        )
    assert "hunter2" not in str(told.value)
    absent = DavAccount(url=server + "none/", user=USER[0], password=USER[1])
    with pytest.raises((NotFound, Conflict, Unavailable), match=r"forbids|no such|meanwhile"):
        DavCalendar(absent).add(event("a", 9), NOW)
    assert "hunter2" not in repr(DavAccount(url=server, user="ana", password="hunter2"))


class _Hostile(BaseHTTPRequestHandler):
    body = b""
    status = 207

    def do_REPORT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(type(self).status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *_: object) -> None: ...


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaa">]><a>&a;</a>'


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (207, BOMB, "DOCTYPE"),
        (207, b"not xml", "no XML"),
        (207, b"<a>" * 100_000, "no XML"),
        (302, b"", "answered 302"),
        (500, b"oops", "answered 500"),
    ],
)
def test_a_server_that_lies(status: int, body: bytes, words: str) -> None:
    handler = type("Handler", (_Hostile,), {"body": body, "status": status})
    with HTTPServer(("127.0.0.1", 0), handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            account = DavAccount(
                url=f"http://127.0.0.1:{http.server_port}/", user="a", password="b"
            )
            with pytest.raises((Corrupt, Unavailable), match=words):
                DavCalendar(account).between(NOW, NOW + timedelta(1))
        finally:
            http.shutdown()
            thread.join()


OBJECTS = """<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:response><d:href>/bad%20one.ics</d:href><c:calendar-data>garbage</c:calendar-data></d:response>
<d:response><d:href>/good.ics</d:href><c:calendar-data>BEGIN:VCALENDAR
BEGIN:VEVENT
UID:good
SUMMARY:Good
DTSTART:20261122T120000Z
END:VEVENT
END:VCALENDAR</c:calendar-data></d:response></d:multistatus>"""


def test_an_object_that_is_no_calendar_hides_no_other() -> None:
    handler = type("Handler", (_Hostile,), {"body": OBJECTS.encode()})
    with HTTPServer(("127.0.0.1", 0), handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{http.server_port}/"
            account = DavAccount(url=url, user="a", password="b")
            found = DavCalendar(account).between(NOW, NOW + timedelta(1))
        finally:
            http.shutdown()
            thread.join()
    assert [each.title for each in found.events] == ["Good"]
    assert found.unread == ["bad one.ics"]


def test_a_server_that_is_not_there() -> None:
    account = DavAccount(url="http://127.0.0.1:1/", user="a", password="b")
    with pytest.raises(Unavailable, match="cannot be reached"):
        DavCalendar(account).between(NOW, NOW + timedelta(1))

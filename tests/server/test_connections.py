"""Clients that do not get on with it: they hold no place, and not for long a connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import websockets.sync.client
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from fireside.server.app import create_app
from fireside.server.connections import http as http_connection
from fireside.server.connections import watch, web, websocket
from fireside.server.connections.ledger import Ledger, address_of
from fireside.server.connections.patience import Patience
from fireside.server.connections.shares import Shares
from fireside.server.connections.web import connections_of
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.audit import Actor

from .fakes import FakeModel, FakeModels
from .serving import serving, wait_until

URL = "/v1/chat/completions"
HEAD = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LONGER = 300  # seconds that a test waits for what takes half a one


# Shares and patience


@given(st.integers(0, 60), st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(-3, 9))))
def test_shares_always_leave_something(total: int, moves: list[tuple[str, int]]) -> None:
    shares, held = Shares(total), dict.fromkeys("abcdef", 0)
    for holder, amount in moves:
        if amount < 0:
            amount = max(amount, -held[holder])
            shares.give_back(holder, -amount)
            held[holder] += amount
        elif shares.take(holder, amount):
            held[holder] += amount
            assert not amount or held[holder] <= shares.free + amount
        else:
            assert held[holder] + amount > shares.free
        assert shares.free == total - sum(held.values()) >= 0
        assert all(shares.held_by(each) == held[each] for each in held)


def test_one_takes_half_and_a_second_half_of_the_rest() -> None:
    shares = Shares(128)
    for holder, most in (("a", 64), ("b", 32), ("c", 16), ("d", 8)):
        assert sum(shares.take(holder) for _ in range(200)) == most
    assert shares.greediest == "a"


def test_patience_is_kept_with_whoever_moves_the_rate() -> None:
    patience = Patience(seconds=30, rate=1000)
    for _ in range(10_000):  # a phone's upload: a kilobyte a second for hours
        patience.spend(1.0, moved=1000)
    assert not patience.is_over
    patience.spend(1.0, moved=10**9)  # what came fast buys no more than the whole time
    for _ in range(28):
        patience.spend(1.0, moved=0)
    assert not patience.is_over
    patience.spend(1.0)
    assert patience.is_over


# The ledger


@dataclass(eq=False)
class Fake:
    address: str
    claim: float | None = None
    gone: list[object] = field(default_factory=list)

    def look(self, passed: float) -> None: ...

    def give_way(self) -> None:
        self.gone.append(True)


def test_a_newcomer_takes_the_place_of_the_idlest_of_its_own_address() -> None:
    ledger = Ledger(8)
    mine = [Fake("a", claim=-float(n)) for n in range(4)]
    others = [Fake("b", claim=-100.0)]
    assert all(ledger.enter(each) for each in [*mine, *others])
    assert ledger.enter(Fake("a"))
    assert [bool(each.gone) for each in mine] == [False, False, False, True]
    assert not others[0].gone
    assert len(ledger) == 5


def test_nobody_who_is_being_answered_gives_way() -> None:
    ledger = Ledger(4)
    assert all(ledger.enter(Fake("a")) for _ in range(2))
    assert not ledger.enter(Fake("a"))
    assert ledger.enter(Fake("b"))
    assert len(ledger) == 3


def test_a_newcomer_costs_a_look_at_few() -> None:
    """Five thousand connections took ten seconds, most of it in looking at one another."""
    looks = 0

    class Counted(Fake):
        @property
        def claim(self) -> float | None:
            nonlocal looks
            looks += 1
            return None if self.address == "busy" else -1.0

        @claim.setter
        def claim(self, value: float | None) -> None: ...

    ledger = Ledger(4000)
    for n in range(3000):
        ledger.enter(Counted("busy" if n < 1000 else "idle"))
    assert looks <= 32 * 3000
    before = looks
    for _ in range(100):
        ledger.enter(Counted("idle"))
    assert looks - before <= 32 * 100


def test_when_all_are_taken_the_greediest_gives_way() -> None:
    ledger = Ledger(4)
    busy = [Fake("a", claim=-1.0), Fake("a", claim=-2.0), Fake("b"), Fake("c")]
    assert all(ledger.enter(each) for each in busy)
    assert ledger.enter(Fake("d"))
    assert [bool(each.gone) for each in busy] == [False, True, False, False]
    ledger.leave(busy[1])  # its own farewell comes later, and changes nothing
    assert len(ledger) == 4


def test_addresses() -> None:
    assert address_of(None) == ""
    assert address_of(("127.0.0.1", 1)) == "127.0.0.1"
    assert address_of(("::ffff:10.0.0.1", 1)) == "10.0.0.1"
    assert address_of(("2001:db8::1", 1)) == address_of(("2001:db8::ffff:2", 1))
    assert address_of(("2001:db8::1", 1)) != address_of(("2001:db8:0:1::1", 1))
    assert address_of(("fe80::1%eth0", 1)) == "fe80::/64"


def test_connections_leave_files_for_others() -> None:
    assert [connections_of(n) for n in (256, 1024, 65_536)] == [128, 768, 4096]


# A server that has little patience


@dataclass
class Place:
    url: str
    web: web.WebServer
    keys: tuple[str, str]

    @property
    def admission(self):  # type: ignore[no-untyped-def]
        return self.web.config.app.state.admission  # type: ignore[union-attr]

    def connect(self, *, receive: int = 0) -> socket.socket:
        made = socket.socket()
        if receive:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        parts = urlsplit(self.url)
        made.connect((parts.hostname, parts.port))
        made.settimeout(LONGER)
        return made

    def said(self, key: int = 0) -> bytes:
        return b"authorization: Bearer %s\r\n" % self.keys[key].encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home: Path = tmp_path_factory.mktemp("place")
    settings = Settings(model="fake:1b", home=home, max_batch=4, max_queue=8, max_connections=64)
    with pytest.MonkeyPatch.context() as patch, Store.open(settings.database_path) as store:
        patch.setattr(web, "LOOK_SECONDS", 0.05)
        patch.setattr(watch, "STALL_SECONDS", 0.5)
        for module in (http_connection, websocket):
            patch.setattr(module, "HEADER_SECONDS", 0.5)
        patch.setattr(http_connection, "LINGER_SECONDS", 0.5)
        patch.setattr(web, "KEEP_ALIVE_SECONDS", 2)
        user = store.people.add_user("Ada", by=Actor())
        keys = []
        for name in ("greedy", "small"):
            project = store.people.add_project(name, by=Actor())
            keys.append(store.keys.add("k", user_id=user.id, project_id=project.id, by=Actor())[1])
        app = create_app(MODELS, store, settings)
        with serving(app, settings) as server:
            yield Place(server.address, server, (keys[0], keys[1]))


MODELS = FakeModels(FakeModel())


def ended(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def test_who_does_not_send_holds_no_place(place: Place) -> None:
    """Headers and five bytes of body, as often as there are places, and another's key is heard."""
    waiting = []
    try:
        for _ in range(16):
            one = place.connect()
            one.sendall(HEAD % URL.encode() + place.said() + b'content-length: 100\r\n\r\n{"a":')
            waiting.append(one)
        headers = {"authorization": f"Bearer {place.keys[1]}"}
        body = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}
        answer = httpx.post(place.url + URL, json=body, headers=headers, timeout=LONGER)
        assert answer.status_code == 200
        assert place.admission.free >= place.admission.places - 1  # its own, perhaps
        for one in waiting:
            said = ended(one)
            assert said.startswith(b"HTTP/1.1 408")
            error = json.loads(said.partition(b"\r\n\r\n")[2])["error"]
            assert error["code"] == "request_timeout"
        assert wait_until(lambda: place.admission.bytes.free == place.admission.bytes.total)
    finally:
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("first", "then", "status"),
    [
        (b"", b"", b""),  # a connection without a word
        (b"\r\n", b"\r\n", b""),  # empty lines before a request mean nothing
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"x: y\r\n", b"HTTP/1.1 408"),
    ],
)  # fmt: skip
def test_slow_headers_end(place: Place, first: bytes, then: bytes, status: bytes) -> None:
    with place.connect() as one:
        one.sendall(first)
        one.settimeout(0.05)
        found, end = b"", time.monotonic() + LONGER
        while time.monotonic() < end:
            try:
                part = one.recv(65536)
                found += part
                if not part:
                    break
            except TimeoutError:
                with contextlib.suppress(OSError):
                    one.sendall(then)
            except ConnectionResetError:
                break
        else:
            pytest.fail("the connection is still open")
        assert found.startswith(status)


def test_a_kept_connection_ends_although_empty_lines_come(place: Place) -> None:
    with place.connect() as one:
        one.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert one.recv(8).startswith(b"HTTP/1.1")
        one.sendall(b"\r\n")
        assert ended(one).endswith(b"}")


@pytest.mark.parametrize(("rate", "status"), [(1000, b"200"), (400, b"408")])
def test_a_steady_slow_upload_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int, status: bytes
) -> None:
    """A kilobyte a second, for longer than the patience; with less it is given up.  The seconds are
    the test's own."""
    monkeypatch.setattr(watch, "STALL_SECONDS", 30.0)
    monkeypatch.setattr(web.WebServer, "_look", lambda _: asyncio.Event().wait())
    settings = Settings(model="fake:1b", home=tmp_path)
    words = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}
    body = json.dumps(words).encode().ljust(100 * rate)
    with (
        Store.open(settings.database_path) as store,
        serving(create_app(MODELS, store, settings), settings) as server,
        Place(server.address, server, ("", "")).connect() as one,
    ):
        length = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        one.sendall(HEAD % URL.encode() + length)
        assert wait_until(lambda: phases(server) == ["body"])
        look(server, 0.0)
        for second in range(100):
            if phases(server) != ["body"]:
                break
            one.sendall(body[rate * second : rate * (second + 1)])
            assert wait_until(lambda: arrived(server) in ([rate], []))
            look(server, 1.0)
        assert ended(one).startswith(b"HTTP/1.1 " + status)


def phases(server: web.WebServer) -> list[str]:
    return [each._phase() for each in server.ledger._all()]  # type: ignore[attr-defined]


def arrived(server: web.WebServer) -> list[int]:
    """Bytes since the last look."""
    return [each._watch.received for each in server.ledger._all()]  # type: ignore[attr-defined]


def look(server: web.WebServer, passed: float) -> None:
    """As the server does by itself, once that many seconds have passed."""
    looked = threading.Event()
    assert server._looking is not None
    loop = server._looking.get_loop()
    loop.call_soon_threadsafe(lambda: (server.ledger.look(passed), looked.set()))
    assert looked.wait(LONGER)


def test_a_body_that_nobody_waits_for_is_not_read_for_ever(place: Place) -> None:
    with place.connect() as one:
        one.sendall(HEAD % URL.encode() + b"content-length: 900000\r\n\r\n")  # no key: refused
        assert one.recv(65536).startswith(b"HTTP/1.1 401")
        end = time.monotonic() + LONGER
        with contextlib.suppress(OSError):  # a reset, or a broken pipe
            while time.monotonic() < end:
                one.sendall(b"x")
                time.sleep(0.02)
            pytest.fail("it is read still")


def test_who_does_not_read_is_given_up(place: Place) -> None:
    headers = {"authorization": f"Bearer {place.keys[0]}"}
    big = random.Random(1).randbytes(24_000_000)  # more than the system holds for a client
    made = httpx.post(
        f"{place.url}/v1/files", headers=headers, timeout=LONGER,
        files={"file": ("big.bin", big)}, data={"purpose": "user_data"},
    ).json()  # fmt: skip
    assert wait_until(lambda: len(place.web.ledger) == 0)
    with place.connect(receive=4096) as one:
        path = f"GET /v1/files/{made['id']}/content HTTP/1.1\r\nhost: localhost\r\n"
        one.sendall(path.encode() + place.said() + b"\r\n")
        assert one.recv(15) == b"HTTP/1.1 200 OK"
        assert wait_until(lambda: len(place.web.ledger) == 0)


def test_many_idle_connections_make_room(place: Place) -> None:
    """Eighty where one address may have thirty-two: the oldest give way, and all is answered."""
    open_ones = [place.connect() for _ in range(80)]
    try:
        assert httpx.get(f"{place.url}/health", timeout=LONGER).status_code == 200
        assert len(place.web.ledger) <= 32
    finally:
        for one in open_ones:
            one.close()


def test_nonsense_is_answered_in_json(place: Place) -> None:
    with place.connect() as one:
        one.sendall(b"nonsense\r\n\r\n")
        head, _, body = ended(one).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["error"]["type"] == "invalid_request_error"


# WebSockets


@contextlib.contextmanager
def talking(place: Place) -> Iterator[websockets.sync.client.ClientConnection]:
    url = place.url.replace("http", "ws") + "/v1/responses"
    headers = {"authorization": f"Bearer {place.keys[0]}"}
    with websockets.sync.client.connect(
        url, additional_headers=headers, max_size=None, open_timeout=LONGER
    ) as one:
        yield one


def test_half_a_message_does_not_wait_for_ever(place: Place) -> None:
    with talking(place) as one:
        one.socket.sendall(b"\x81\xff" + (10**6).to_bytes(8, "big") + b"\0\0\0\0" + b"{" * 100)
        with pytest.raises(ConnectionClosed) as closed:
            one.recv(LONGER)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    assert wait_until(lambda: place.web.ledger.held.free == place.web.ledger.held.total)


def part(opcode: int, data: bytes, *, final: bool = False) -> bytes:
    return bytes([0x80 * final | opcode, 0x80 | len(data)]) + b"\0\0\0\0" + data


@pytest.mark.parametrize("data", [b"", b"ab"])
def test_a_message_of_endlessly_many_parts_ends(
    place: Place, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part is an object; empty ones never made the message too large."""
    monkeypatch.setattr(websocket, "MOST_HELD", 2**18)
    with talking(place) as one, contextlib.suppress(OSError):
        one.socket.sendall(part(1, b"{"))
        many = part(0, data) * 2000
        for _ in range(1000):
            one.socket.sendall(many)
        pytest.fail("it is read still")
    assert wait_until(lambda: place.web.ledger.held.free == place.web.ledger.held.total)


def test_a_text_that_is_no_text_leaves_no_traceback(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with talking(place) as one:
        one.socket.sendall(part(1, b"\xff\xfe", final=True))
        with pytest.raises(ConnectionClosed) as closed:
            one.recv(LONGER)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007
    assert not caplog.records


def test_waiting_messages_are_bounded_in_bytes(place: Place) -> None:
    model = MODELS.model
    model.as_new()
    model.holds("Hel", "lo")
    asked = {"type": "response.create", "model": "fake:1b", "input": "Hi"}
    with talking(place) as one:
        one.send(json.dumps(asked))
        for _ in range(5):
            one.send(json.dumps(asked | {"instructions": "x" * 9_000_000}))
        while True:
            error = json.loads(one.recv(LONGER)).get("error") or {}
            if error.get("code") == "websocket_queue_full":
                break
        assert place.admission.bytes.free >= place.admission.bytes.total - 2**25
    model.as_new()
    assert wait_until(lambda: place.admission.bytes.free == place.admission.bytes.total)

"""`Idempotency-Key`: a POST that is sent again runs once, and gets the first answer again.

The key is its owner's own and lives for a day, through restarts too.  The same key with another
request is a 422; while the first still runs, the second is a 409 that SDKs try again.  Only what
succeeded is kept: what failed, was turned away or was cut off by its client's leaving has left
nothing behind, and may be tried again under the same key.

What is kept of request and answer is sealed with a secret made of the client's key, which is not
kept: only who sends the key again can read it, not who reads the disk.

A form's parts are told apart by a random line, so of a form only URL and length are compared.  It
refuses to keep an answer larger than `LARGEST`: that one is then not run again, but not repeated
either.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import BadRequest, Conflict, FiresideError, NotFound, Overloaded
from fireside.server.body import MAX_BYTES
from fireside.server.caller import Caller
from fireside.server.completions import PROMPT
from fireside.server.errors import refuse
from fireside.server.parameters import HEADER
from fireside.storage.objects import New, Stored

if TYPE_CHECKING:
    from fireside.storage.objects import Objects

KIND = "idempotency_key"
LIFE = 86_400.0
LARGEST = 4 * 2**20
NONCE = 12
KEPT_HEADERS = frozenset(
    {b"content-type", b"location", b"content-disposition", HEADER.encode(), PROMPT.encode()}
)


class KeyReused(BadRequest):
    status = 422
    default_code = "idempotency_key_reused"


class StillRunning(Overloaded):
    status = 409
    type = "invalid_request_error"
    default_code = "idempotency_key_in_use"


class Idempotency:
    """The middleware."""

    def __init__(self, app: ASGIApp, objects: Objects) -> None:
        self.app = app
        self._objects = objects
        self._life = secrets.token_hex(8)  # what an earlier process began is not running any more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = None
        if scope["type"] == "http" and scope["method"] == "POST":
            key = Headers(scope=scope).get("idempotency-key")
        if key is None:
            await self.app(scope, receive, send)
            return
        owner = scope.get("state", {}).get("caller", Caller()).owner
        try:
            row_id, secret = id_of(owner, key), secret_of(owner, key)
            again, print_ = await fingerprint(scope, receive, secret)
            if again is None:
                return  # the client left before its request was whole
            stored = await asyncio.to_thread(self._begin, row_id, owner, print_)
        except FiresideError as error:
            await refuse(error, scope, receive, send)
            return
        if stored is not None:
            await _repeat(opened(stored.body["sealed"], secret), send)
            return
        await self._run(row_id, secret, scope, again, send)

    def _begin(self, row_id: str, owner: str, print_: str) -> Stored | None:
        """The answer to repeat; None if the request is to be run.

        Raises:
            KeyReused, StillRunning, Conflict
        """
        body = {"fingerprint": print_, "process": self._life, "sealed": None}
        ends = time.time() + LIFE
        for stale in self._objects.expired(KIND):
            self._objects.discard([stale.id])
        row = New(id=row_id, body=body, status="running", expires_at=ends)
        try:
            self._objects.add_all(KIND, [row], owner=owner)
        except Conflict:
            pass
        else:
            return None

        def take_over(found: Stored) -> Stored:
            if found.body["fingerprint"] != print_:
                raise KeyReused(
                    "This Idempotency-Key was used for another request: take a new one."
                )
            if found.status == "done":
                return found
            if found.body["process"] == self._life:
                raise StillRunning("The first request with this Idempotency-Key still runs.")
            return replace(found, body=body, expires_at=ends)

        found = self._objects.change(KIND, row_id, take_over, owner=owner)
        if found.status != "done":
            return None
        if found.body.get("sealed") is None:
            raise Conflict("This request was run already; its answer was too large to be kept.")
        return found

    async def _run(
        self, row_id: str, secret: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def keep(answer: dict[str, Any] | None) -> None:
            await asyncio.shield(asyncio.to_thread(self._keep, row_id, secret, answer))

        said = Said(send, keep)
        try:
            await self.app(scope, receive, said.send)
        finally:
            if not said.kept:
                await asyncio.shield(asyncio.to_thread(self._objects.discard, [row_id]))

    def _keep(self, row_id: str, secret: bytes, answer: dict[str, Any] | None) -> None:
        kept = None if answer is None else sealed(answer, secret)

        def done(row: Stored) -> Stored:
            return replace(row, status="done", body=row.body | {"sealed": kept})

        with suppress(NotFound):  # its day is over
            self._objects.change(KIND, row_id, done, owner=None)


class Said:
    """Listens to an answer on its way out; a success is kept before its last byte is sent, so
    whoever has the whole of it finds it again."""

    def __init__(
        self, send: Send, keep: Callable[[dict[str, Any] | None], Awaitable[None]]
    ) -> None:
        self.kept = False
        self._send = send
        self._keep = keep
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(n, v) for n, v in message["headers"] if n.lower() in KEPT_HEADERS]
        elif message["type"] == "http.response.body":
            part = message.get("body", b"")
            self._size += len(part)
            if self._size <= LARGEST:
                self._parts.append(part)
            if not message.get("more_body", False) and self._succeeded():
                self.kept = True
                await self._keep(self._answer())
        await self._send(message)

    def _succeeded(self) -> bool:
        """A stream that failed halfway says so in its last event."""
        last = b"".join(self._parts[-3:]).rstrip().rpartition(b"\n\n")[2]
        return 200 <= self._status < 300 and not last.startswith(b'data: {"error":')

    def _answer(self) -> dict[str, Any] | None:
        """None of one that is too large to be kept."""
        if self._size > LARGEST:
            return None
        return {
            "status": self._status,
            "headers": [[n.decode("latin-1"), v.decode("latin-1")] for n, v in self._headers],
            "body": base64.b64encode(b"".join(self._parts)).decode(),
        }


def id_of(owner: str, key: str) -> str:
    """
    Raises:
        BadRequest: it is no key.
    """
    if not 1 <= len(key) <= 255 or not all(" " < letter <= "~" for letter in key):
        raise BadRequest(
            "Idempotency-Key takes 1 to 255 printable ASCII characters without spaces.",
            param="Idempotency-Key",
        )
    # Hashed, so that what a client wrote there is not kept.
    told = hashlib.sha256(owner.encode() + b"\0" + key.encode())
    return f"idem_{told.hexdigest()[:40]}"


def secret_of(owner: str, key: str) -> bytes:
    """32 bytes that nobody can make of what is stored: the row has another hash of the key."""
    return hashlib.sha256(b"sealed\0" + owner.encode() + b"\0" + key.encode()).digest()


def sealed(answer: dict[str, Any], secret: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE)
    made = nonce + AESGCM(secret).encrypt(nonce, json.dumps(answer).encode(), None)
    return base64.b64encode(made).decode()


def opened(kept: str, secret: bytes) -> dict[str, Any]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = base64.b64decode(kept)
    answer: dict[str, Any] = json.loads(AESGCM(secret).decrypt(raw[:NONCE], raw[NONCE:], None))
    return answer


async def fingerprint(scope: Scope, receive: Receive, secret: bytes) -> tuple[Receive | None, str]:
    """What tells this request from others, and a `receive` that gives its body again."""
    headers = Headers(scope=scope)
    address = f"{scope['path']}\0{scope['query_string']!r}\0"
    told = hmac.new(secret, address.encode(), hashlib.sha256)
    if headers.get("content-type", "").lower().startswith("multipart/"):
        told.update(headers.get("content-length", "").encode())
        return receive, told.hexdigest()
    messages: deque[Message] = deque()
    size = 0
    while size <= MAX_BYTES:  # the application refuses what is larger
        message = await receive()
        if message["type"] == "http.disconnect":
            return None, ""
        messages.append(message)
        size += len(message.get("body", b""))
        told.update(message.get("body", b""))
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return messages.popleft() if messages else await receive()

    return again, told.hexdigest()


async def _repeat(answer: dict[str, Any], send: Send) -> None:
    headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in answer["headers"]]
    headers.append((b"idempotent-replayed", b"true"))
    await send({"type": "http.response.start", "status": answer["status"], "headers": headers})
    await send({"type": "http.response.body", "body": base64.b64decode(answer["body"])})

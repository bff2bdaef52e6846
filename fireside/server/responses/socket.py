"""`/v1/responses` as a WebSocket: many responses, one after another, over one connection.

The messages are `response.create`, with the fields of the POST; the answers are the events of the
stream.  Messages with the same `stream_id` wait for each other, those of another do not.  What is
made with `store: false` is remembered as long as the connection lives, and written nowhere; a
message that fails ends what it went on from, as OpenAI has it: its client begins anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from fireside.errors import BadRequest, FiresideError, Unavailable, Unsupported
from fireside.server import body
from fireside.server.admission import Admission
from fireside.server.answerers import answerer
from fireside.server.caller import caller_of
from fireside.server.connections import ANSWERING
from fireside.server.door import holder_of
from fireside.server.errors import envelope, log
from fireside.server.pace import Pace
from fireside.server.responses.items import Item
from fireside.server.responses.start import Services, started
from fireside.server.responses.wire import CreateResponse

if TYPE_CHECKING:
    from fireside.engine.models import Models

LANES: Final = 16
WAITING: Final = 64  # messages of one lane
WAITING_BYTES: Final = 2 * body.MAX_BYTES  # of all lanes, those that are being answered too
A_SECOND: Final = 50  # messages that are read of one connection; twice as many at once
REFUSED: Final = 4  # messages that a wrong one counts for, beside itself
RESTART: Final = 1012
REMEMBERED: Final = 16  # histories of one connection
LANE_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,256}")


class Asked:
    """One `response.create`.  size: its bytes."""

    def __init__(self, message: dict[str, Any], size: int) -> None:
        """
        Raises:
            BadRequest: and its kin.
        """
        kind = message.pop("type", None)
        if kind == "response.steer":
            raise Unsupported("response.steer is not supported by this server.", param="type")
        if kind != "response.create":
            raise BadRequest("Send messages of type response.create.", param="type")
        generate = message.pop("generate", None)
        if generate is not None and not isinstance(generate, bool):
            raise BadRequest("Invalid value for 'generate': true or false.", param="generate")
        self.warm = generate is False
        for name in ("stream", "background"):
            if message.pop(name, None) not in (None, name == "stream"):
                raise BadRequest(f"{name} has no meaning here; leave it out.", param=name)
        self.call = body.validate(message | {"stream": True}, CreateResponse)
        self.size = size


class Connection:
    """One client's."""

    def __init__(
        self,
        socket: WebSocket,
        models: Models,
        services: Services,
        admission: Admission,
    ) -> None:
        self._socket = socket
        self._models, self._services = models, services
        self._admission = admission
        self._owner = caller_of(socket).owner
        self._holder = holder_of(socket.scope)
        self._memory: dict[str, list[Item]] = {}
        self._lanes: dict[str | None, asyncio.Queue[Asked]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._bytes = 0  # of messages that wait or are being answered
        self._pace = Pace(A_SECOND)
        socket.scope["state"][ANSWERING] = 0

    async def talk(self) -> None:
        try:
            while True:
                lane = None
                message: dict[str, Any] = {}
                try:
                    message, size = await self._received()
                    lane = self._lane_of(message)
                    self._queue(lane, Asked(message, size))
                except FiresideError as error:
                    self._pace.charge(REFUSED)
                    self._forget(message.get("previous_response_id"))
                    await self._refuse(error, lane)
        except WebSocketDisconnect:
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._admission.bytes.give_back(self._holder, self._bytes)

    async def _received(self) -> tuple[dict[str, Any], int]:
        """A message, and its size in bytes."""
        await self._pace.next()
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1000))
        raw = event.get("bytes") or (event.get("text") or "").encode("utf-8", "surrogatepass")
        if len(raw) > body.MAX_BYTES:
            raise body.TooLarge(f"The message is over {body.MAX_BYTES // 2**20} MiB; send less.")
        if len(raw) <= body.SMALL:
            return body.decode(raw), len(raw)
        return await asyncio.to_thread(body.decode, raw), len(raw)

    def _lane_of(self, message: dict[str, Any]) -> str | None:
        lane = message.pop("stream_id", None)
        if lane is None:
            return None
        if not isinstance(lane, str) or not LANE_NAME.fullmatch(lane):
            raise BadRequest(
                "Invalid value for 'stream_id': up to 256 letters, digits, '_', '.' and '-'.",
                param="stream_id",
            )
        return lane

    def _queue(self, lane: str | None, asked: Asked) -> None:
        queue = self._lanes.get(lane)
        if queue is None:
            if len(self._lanes) >= LANES:
                raise BadRequest(
                    "This WebSocket connection has reached its stream limit.",
                    param="stream_id",
                    code="websocket_stream_limit_reached",
                )
            queue = self._lanes[lane] = asyncio.Queue(WAITING)
            self._tasks.append(asyncio.create_task(self._serve(lane, queue)))
        if queue.full():
            raise BadRequest(
                f"{WAITING} messages wait already; send more when they are answered.",
                code="websocket_queue_full",
            )
        size = self._bytes + asked.size
        if size > WAITING_BYTES or not self._admission.bytes.take(self._holder, asked.size):
            raise BadRequest(
                f"{WAITING_BYTES // 2**20} MiB wait already; send more when they are answered.",
                code="websocket_queue_full",
            )
        self._bytes = size
        self._socket.scope["state"][ANSWERING] += 1
        queue.put_nowait(asked)

    async def _serve(self, lane: str | None, queue: asyncio.Queue[Asked]) -> None:
        while True:
            asked = await queue.get()
            try:
                await self._answer(lane, asked)
            except WebSocketDisconnect:
                return
            except Exception as error:
                if not isinstance(error, FiresideError):
                    log.exception("failed on a WebSocket")
                self._forget(asked.call.previous_response_id)
                await self._refuse(error, lane)
            finally:
                self._bytes -= asked.size
                self._admission.bytes.give_back(self._holder, asked.size)
                self._socket.scope["state"][ANSWERING] -= 1
            del asked
            if self._admission.closed and not self._socket.scope["state"][ANSWERING]:
                await self._socket.close(RESTART, "the server is stopping")

    async def _answer(self, lane: str | None, asked: Asked) -> None:
        if self._admission.closed:
            raise Unavailable("The server is stopping: ask again later.")
        charge = getattr(self._socket.state, "charge", None)
        if charge is not None:
            await charge()
        place = self._admission.ask(self._holder)
        try:
            await place
        except BaseException:
            self._admission.abandon(self._holder, place)
            raise
        begin = time.monotonic()
        try:
            await self._admitted(lane, asked)
        finally:
            self._admission.leave(self._holder, time.monotonic() - begin)

    async def _admitted(self, lane: str | None, asked: Asked) -> None:
        who = await answerer(
            self._services.assistant, self._models, asked.call.model, owner=self._owner
        )
        run = await started(
            self._services, answerer=who, call=asked.call, owner=self._owner,
            memory=self._memory, warm=asked.warm,
        )  # fmt: skip
        if asked.call.ignored:  # a message has no headers
            ours = run.response.get("fireside", {})
            run.response["fireside"] = ours | {"ignored": list(asked.call.ignored)}
        try:
            async for event in run.events():
                await self._send(event, lane)
        finally:
            run.close()
            if run.failure is not None:
                self._forget(asked.call.previous_response_id)
            while len(self._memory) > REMEMBERED:
                del self._memory[next(iter(self._memory))]

    def _forget(self, response_id: object) -> None:
        """What a failed message went on from cannot be gone on from again, unless it is stored."""
        if isinstance(response_id, str):
            self._memory.pop(response_id, None)

    async def _refuse(self, error: Exception, lane: str | None) -> None:
        status = error.status if isinstance(error, FiresideError) else 500
        await self._send({"type": "error", "status": status, **envelope(error)}, lane)

    async def _send(self, event: dict[str, Any], lane: str | None) -> None:
        told = event if lane is None else event | {"stream_id": lane}
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        try:
            await self._socket.send_text(text)
        except (RuntimeError, OSError):  # it was closed meanwhile
            raise WebSocketDisconnect(1006) from None


def routes(models: Models, services: Services, admission: Admission) -> APIRouter:
    router = APIRouter()

    @router.websocket("/v1/responses")
    async def connect(socket: WebSocket) -> None:
        try:
            await socket.accept()
        except (RuntimeError, WebSocketDisconnect):  # the client left before it was let in
            return
        await Connection(socket, models, services, admission).talk()

    return router

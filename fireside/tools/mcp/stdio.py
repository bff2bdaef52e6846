"""A server that is a program: started here, spoken to over its standard input and output.

The library's own transport keeps a line however long it is, and hands standard error through.  This
one bounds both: an answer that is too large fails alone, what is no message is counted, and of
standard error the last words are kept for whoever has to find out why.  At the end the program and
everything that it started are gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import anyio
import psutil
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter

MAX_MESSAGE: Final = 4 << 20
"""Bytes of one line of standard output."""
MAX_SKIPPED: Final = 256 << 20
MAX_GARBAGE: Final = 1000
"""Lines that are no messages: a stray print is forgiven, a flood is not."""
PIECE: Final = 1 << 16
KEPT: Final = 2000
GRACE: Final = 2.0
"""Seconds to leave by itself once standard input is closed, and again once it was asked to."""
TOO_LARGE: Final = -32001

_ID_FIRST = re.compile(rb'^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,18})\s*,')
_ID_LAST = re.compile(rb'"id"\s*:\s*(\d{1,18})\s*\}\s*$')

Received = MemoryObjectSendStream[SessionMessage | Exception]
Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


@dataclass(slots=True)
class Heard:
    """What a server said beside its messages, for whoever asks why it failed."""

    errors: bytes = b""
    garbage: bytes = b""
    garbage_lines: int = 0
    why: str = ""

    def told(self) -> str:
        parts = [self.why] if self.why else []
        if self.garbage:
            parts.append(f"its standard output holds what is no message: {_shown(self.garbage)!r}")
        if self.errors.strip():
            parts.append(f"its standard error ends with {_shown(self.errors[-300:])!r}")
        return "; ".join(parts)


@asynccontextmanager
async def program(
    command: str, args: Sequence[str], env: Mapping[str, str], heard: Heard, ended: asyncio.Event
) -> AsyncIterator[Streams]:
    """Its streams.  ended: set when it says no more.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        command,
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=get_default_environment() | dict(env),
        limit=MAX_MESSAGE,
        start_new_session=True,  # so that the whole group can be ended; Windows ignores it
    )
    inward, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sent, outward = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        try:
            async with inward:
                await _read(process, inward, heard)
        finally:
            ended.set()

    tasks = [
        asyncio.create_task(each)
        for each in (read(), _write(process, outward), _listen(process, heard))
    ]
    try:
        yield received, sent
    finally:
        # Nothing may cut this short, or a process would be left behind.
        await _uncancelled(_end(process, tasks))
        for stream in (inward, received, sent, outward):
            stream.close()


async def _read(process: asyncio.subprocess.Process, inward: Received, heard: Heard) -> None:
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return  # a line that was not ended is no message
        except asyncio.LimitOverrunError:
            message = await _skip(process.stdout)
            if message is None:
                heard.why = f"it sent a message of more than {MAX_MESSAGE >> 20} MiB"
                return
        else:
            message = _parsed(line, heard)
            if heard.garbage_lines > MAX_GARBAGE:
                heard.why = f"it wrote more than {MAX_GARBAGE} lines that are no messages"
                return
        if message is not None:
            try:
                await inward.send(message)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return


def _parsed(line: bytes, heard: Heard) -> SessionMessage | None:
    if not line.strip():
        return None
    for read in (bytes, _mended):
        with suppress(ValueError, RecursionError):
            return SessionMessage(jsonrpc_message_adapter.validate_json(read(line), by_name=False))
    heard.garbage_lines += 1
    heard.garbage = heard.garbage or line[:200]
    return None


def _mended(line: bytes) -> bytes:
    """Without halves of surrogate pairs, which are JSON and no text; raises ValueError."""
    return json.dumps(json.loads(line), ensure_ascii=False).encode(errors="replace")


async def _skip(stdout: asyncio.StreamReader) -> SessionMessage | None:
    """Read past a line that is too long; the answer that the one who waits for it gets instead.

    None where it cannot be told whose it was.
    """
    head, tail, size = b"", b"", 0
    over = False
    while not over:
        try:
            piece, over = await stdout.readuntil(b"\n"), True
        except asyncio.LimitOverrunError as overrun:
            piece = await stdout.readexactly(overrun.consumed)
        except asyncio.IncompleteReadError as cut:
            piece, over = cut.partial, True
        head, tail, size = head or piece[:200], (tail + piece[-200:])[-200:], size + len(piece)
        if size > MAX_SKIPPED:
            return None
    # Python's servers write the id first, TypeScript's last.
    found = _ID_FIRST.search(head) or _ID_LAST.search(tail)
    if found is None:
        return None
    error = ErrorData(
        code=TOO_LARGE,
        message=f"the answer has {size} bytes; {MAX_MESSAGE} are read at most",
    )
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=int(found.group(1)), error=error))


async def _write(
    process: asyncio.subprocess.Process, outward: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # it has gone; the reader tells
        async with outward:
            async for each in outward:
                line = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()


async def _listen(process: asyncio.subprocess.Process, heard: Heard) -> None:
    """Standard error must be read, or the program would stop at a full pipe."""
    assert process.stderr is not None
    while piece := await process.stderr.read(PIECE):
        heard.errors = (heard.errors + piece)[-KEPT:]
        if len(piece) == PIECE:
            await asyncio.sleep(0.01)  # a flood must not have the thread for itself


async def _end(process: asyncio.subprocess.Process, tasks: Sequence[asyncio.Task[None]]) -> None:
    """As the protocol's specification wants it: close its input, wait, ask it to end, end it."""
    family = _family(process.pid)
    assert process.stdin is not None
    process.stdin.close()
    if not await _gone(process, GRACE):
        _signal(process, family, signal.SIGTERM)
        await _gone(process, GRACE)
    family += _family(process.pid)
    _signal(process, family, getattr(signal, "SIGKILL", signal.SIGTERM))
    await _gone(process, GRACE, family)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # A child that kept a pipe open would keep the transport, which then warns when collected.
    process._transport.close()  # type: ignore[attr-defined]


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _signal(
    process: asyncio.subprocess.Process, family: Sequence[psutil.Process], number: int
) -> None:
    if sys.platform != "win32":
        with suppress(OSError):  # the group: those too whose parent has gone
            os.killpg(process.pid, number)
    for each in family:
        with suppress(psutil.Error):  # psutil knows a number that was given to another program
            each.send_signal(number)
    with suppress(OSError):
        process.send_signal(number)


async def _gone(
    process: asyncio.subprocess.Process, seconds: float, family: Sequence[psutil.Process] = ()
) -> bool:
    """Not `process.wait()`: that waits for the pipes too, which a child may hold open."""
    end = asyncio.get_running_loop().time() + seconds
    while process.returncode is None or any(map(_lives, family)):
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.01)
    return True


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


async def _uncancelled(work: Coroutine[Any, Any, None]) -> None:
    """All of it, also while it is cancelled."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text).strip()

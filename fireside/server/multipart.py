"""`multipart/form-data` to checked fields and one file on disk, in constant memory.

The file never touches memory as a whole: each megabyte is parsed and written in a thread.  It
refuses what `body.py` refuses of JSON: unknown fields, fields twice, too much, half characters;
and leaves nothing behind when the client goes away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from fireside.errors import BadRequest, Interrupted
from fireside.server.body import TooLarge, WrongContentType
from fireside.storage.files import create, disk_errors

BLOCK = 2**20
MAX_FIELD = 64 * 1024
MAX_FIELDS = 100
OVERHEAD = 2**20  # of a form around its file


@dataclass(frozen=True, kw_only=True)
class Form:
    """fields: text of each field by its name.  filename: as the client gave it, not cleaned."""

    fields: Mapping[str, str]
    filename: str | None
    content_type: str | None
    size: int


async def receive(request: Request, path: Path, *, file_field: str, limit: int) -> Form:
    """Read the form of `request`, its one file to `path`, which must not be there yet.

    Whatever fails, nothing is left at `path`.

    Raises:
        BadRequest: and its kin: not a form, no file, a file over `limit` bytes.
        Unavailable: no room on the disk.
        Interrupted: the client went away.
    """
    parser = _Parser(_boundary(request), path, file_field, limit)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > limit + OVERHEAD:
        raise parser.too_large()
    try:
        pending, size = [], 0
        async for part in request.stream():
            pending.append(part)
            size += len(part)
            if size >= BLOCK:
                await asyncio.to_thread(parser.feed, b"".join(pending))
                pending, size = [], 0
        await asyncio.to_thread(parser.feed, b"".join(pending))
        return parser.finish()
    except ClientDisconnect:
        raise Interrupted("The client went away.") from None
    finally:
        # Cancelled while a thread writes: the file is closed and gone once that block is written.
        await asyncio.shield(asyncio.to_thread(parser.close))


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise WrongContentType(
            "Send a form, with the header Content-Type: multipart/form-data; the SDKs do."
        )
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 256:
        raise BadRequest("The Content-Type header names no boundary of the form's parts.")
    return boundary


@dataclass
class _Part:
    name: str = ""
    is_file: bool = False
    headers: dict[bytes, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)


class _Parser:
    """python-multipart's callbacks; used by one thread at a time."""

    def __init__(self, boundary: bytes, path: Path, file_field: str, limit: int) -> None:
        self._lock = threading.Lock()
        self._path, self._file_field, self._limit = path, file_field, limit
        self._file: Any = None
        self._part = _Part()
        self._header, self._value = b"", b""
        self._fields: dict[str, str] = {}
        self._filename: str | None = None
        self._content_type: str | None = None
        self._size = 0
        self._whole = self._closed = self._ended = False
        callbacks: dict[str, Any] = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise BadRequest(f"The form is broken: {_line(error)}.") from None

    def feed(self, data: bytes) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                self._parser.write(data)
            except FormParserError as error:
                raise BadRequest(f"The form is broken: {_line(error)}.") from None

    def finish(self) -> Form:
        if not self._ended:
            raise BadRequest("The form ends before its last boundary: send all of it.")
        if self._file is None:
            raise BadRequest(
                f"Missing required parameter: {self._file_field!r}.", param=self._file_field
            )
        with disk_errors():
            self._file.flush()
        self._whole = True
        return Form(
            fields=self._fields,
            filename=self._filename,
            content_type=self._content_type,
            size=self._size,
        )

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file is None:
                return
            try:
                self._file.close()
            except OSError:  # a full disk, once more: it has been said
                self._whole = False
            if not self._whole:
                self._path.unlink(missing_ok=True)

    def too_large(self) -> TooLarge:
        return TooLarge(
            f"The file is larger than {self._limit // 2**20} MiB; send less, or a big one in "
            "parts (POST /v1/uploads).",
            param=self._file_field,
        )

    # Callbacks

    def _begin(self) -> None:
        self._part = _Part()

    # The parser bounds headers (4 KiB each, and their count): a name is never long.

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._part.headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition"))
        name = _text(options.get(b"name", b""), "the name of a part")
        self._part.name = name
        if not name:
            raise BadRequest("A part of the form has no name.")
        if name in self._fields or (name == self._file_field and self._file is not None):
            raise BadRequest(f"{name[:100]!r} is given twice.", param=name[:100])
        if len(self._fields) >= MAX_FIELDS:
            raise BadRequest(f"The form has more than {MAX_FIELDS} fields.")
        if name != self._file_field:
            if b"filename" in options:
                raise BadRequest(
                    f"{name[:100]!r} takes no file; the file goes into {self._file_field!r}.",
                    param=name[:100],
                )
            return
        self._part.is_file = True
        if (given := options.get(b"filename")) is not None:
            self._filename = _text(given, "the file's name")
        if (kind := self._part.headers.get(b"content-type")) is not None:
            self._content_type = kind.decode("latin-1")
        self._file = create(self._path)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self._size += end - start
            if self._size > self._limit:
                raise self.too_large()
            with disk_errors():
                self._file.write(memoryview(data)[start:end])
            return
        self._part.data += data[start:end]
        if len(self._part.data) > MAX_FIELD:
            raise TooLarge(
                f"{self._part.name[:100]!r} is longer than {MAX_FIELD // 1024} KiB.",
                param=self._part.name[:100],
            )

    def _on_part_end(self) -> None:
        if not self._part.is_file:
            value = _text(bytes(self._part.data), self._part.name[:100])
            self._fields[self._part.name] = value

    def _on_end(self) -> None:
        self._ended = True


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(f"In the form, {what} is not valid UTF-8.") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

"""`/v1/uploads`: a file of up to 8 GB, in parts of up to 64 MB, within an hour.

The order, the size and the MD5 are checked against what the client said; nothing is a file before
that.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from fireside.errors import BadRequest
from fireside.server import files as files_routes
from fireside.server import jsonl
from fireside.server.body import Wire, read
from fireside.server.caller import caller_of
from fireside.server.files import FILE, JSONL, MAX_FILE, ExpiresAfter, Purpose, clean_name
from fireside.server.multipart import receive
from fireside.server.openapi import documented
from fireside.storage.objects import Stored
from fireside.storage.uploads import MAX_PARTS, Uploads

MAX_UPLOAD: Final = 8 * 2**30
MAX_PART: Final = 64 * 2**20
UPLOAD: Final = {
    "type": "object",
    "required": [
        "id", "object", "bytes", "created_at", "filename", "purpose", "status", "expires_at", "file"
    ],
    "properties": {
        **{name: {"type": "string"} for name in ("id", "filename", "purpose")},
        **{name: {"type": "integer"} for name in ("bytes", "created_at", "expires_at")},
        "object": {"enum": ["upload"]},
        "status": {"type": "string", "enum": ["pending", "completed", "cancelled"]},
        "file": {"anyOf": [FILE, {"type": "null"}]},
    },
}  # fmt: skip


class CreateUploadRequest(Wire):
    filename: str = Field(min_length=1, max_length=4096)
    purpose: Purpose
    bytes: int = Field(ge=1, le=MAX_UPLOAD)
    mime_type: str = Field(min_length=1, max_length=255)
    expires_after: ExpiresAfter | None = None


class CompleteUploadRequest(Wire):
    part_ids: list[Annotated[str, Field(max_length=256)]] = Field(
        min_length=1, max_length=MAX_PARTS
    )
    md5: str | None = Field(None, pattern="^[0-9A-Fa-f]{32}$")


def routes(uploads: Uploads, max_part: int = MAX_PART) -> APIRouter:
    router = APIRouter(tags=["uploads"])

    @router.post("/v1/uploads")
    @documented(request=CreateUploadRequest, response=UPLOAD)
    async def create_upload(request: Request) -> Response:
        call = await read(request, CreateUploadRequest)
        if call.purpose in JSONL and call.bytes > MAX_FILE:
            raise BadRequest(
                f"A file for {call.purpose} has at most {MAX_FILE // 2**20} MiB.", param="bytes"
            )
        name = clean_name(call.filename, param="filename")
        life = files_routes.lifetime(call.purpose, call.expires_after)

        def begin() -> Stored:
            return uploads.begin(
                caller_of(request).owner, filename=name, purpose=call.purpose, size=call.bytes,
                file_life=life,
            )  # fmt: skip

        return JSONResponse(shown(await asyncio.to_thread(begin)))

    @router.post("/v1/uploads/{upload_id}/parts")
    @documented(file="data", response="uploads:UploadPart")
    async def add_upload_part(request: Request, upload_id: str) -> Response:
        owner = caller_of(request).owner
        await asyncio.to_thread(uploads.pending, upload_id, owner)
        path = await asyncio.to_thread(uploads.files.temporary)
        form = await receive(request, path, file_field="data", limit=max_part)

        def keep() -> Stored:
            if form.fields:
                path.unlink(missing_ok=True)
                name = min(form.fields)[:100]
                raise BadRequest(
                    f"Unknown parameter: {name!r}.", param=name, code="unknown_parameter"
                )
            return uploads.add_part(upload_id, owner, path, form.size)

        part = await asyncio.shield(asyncio.to_thread(keep))
        return JSONResponse(shown_part(part))

    @router.post("/v1/uploads/{upload_id}/complete")
    @documented(request=CompleteUploadRequest, response=UPLOAD)
    async def complete_upload(request: Request, upload_id: str) -> Response:
        call = await read(request, CompleteUploadRequest)
        owner = caller_of(request).owner

        def finish() -> dict[str, object]:
            purpose = uploads.pending(upload_id, owner).body["purpose"]
            check = jsonl.check if purpose in JSONL else _anything
            done, file = uploads.complete(upload_id, owner, call.part_ids, call.md5, check)
            return shown(done, file)

        return JSONResponse(await asyncio.shield(asyncio.to_thread(finish)))

    @router.post("/v1/uploads/{upload_id}/cancel")
    @documented(response=UPLOAD)
    async def cancel_upload(request: Request, upload_id: str) -> dict[str, object]:
        owner = caller_of(request).owner
        return shown(await asyncio.to_thread(uploads.cancel, upload_id, owner))

    return router


def _anything(path: Path) -> None:
    """Every file is fine."""


def shown(upload: Stored, file: Stored | None = None) -> dict[str, object]:
    """As OpenAI shows an upload."""
    assert upload.expires_at is not None
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.body["bytes"],
        "created_at": int(upload.created_at),
        "filename": upload.body["filename"],
        "purpose": upload.body["purpose"],
        "status": upload.status,
        "expires_at": int(upload.expires_at),
        "file": None if file is None else files_routes.shown(file),
    }


def shown_part(part: Stored) -> dict[str, object]:
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": int(part.created_at),
        "upload_id": part.parent_id,
    }

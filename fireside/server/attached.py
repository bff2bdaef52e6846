"""`/api/conversations/{id}/files`: documents that the page gives to one conversation."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Depends, Request

from fireside.knowledge.attachments import Attachment, Attachments
from fireside.knowledge.collections import Collections
from fireside.server.caller import caller_of
from fireside.server.conversations import check_owner
from fireside.server.files import clean_name
from fireside.server.multipart import receive
from fireside.storage import Store
from fireside.storage.files import Files

MOST_BYTES: Final = 64 * 2**20


def routes(store: Store, files: Files, collections: Collections) -> APIRouter:
    attachments = Attachments(store, files, collections)

    async def owned(conversation_id: str, request: Request) -> None:
        owner = caller_of(request).owner
        await asyncio.to_thread(check_owner, store, owner, conversation_id, None)

    router = APIRouter(
        prefix="/api/conversations/{conversation_id}", tags=["page"], dependencies=[Depends(owned)]
    )

    @router.post("/files")
    async def attach(conversation_id: str, request: Request) -> dict[str, Any]:
        """The file is queued to be read; the list says when it is."""
        path = await asyncio.to_thread(files.temporary)
        owner = caller_of(request).owner
        form = await receive(request, path, file_field="file", limit=MOST_BYTES)

        def keep() -> Attachment:
            try:
                name = clean_name(form.filename or "upload")
                return attachments.add(owner, conversation_id, name, path)
            finally:
                path.unlink(missing_ok=True)

        return attachment_json(await asyncio.shield(asyncio.to_thread(keep)))

    @router.get("/files")
    async def list_attached(conversation_id: str, request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        found = await asyncio.to_thread(attachments.files_of, owner, conversation_id)
        return {"data": [attachment_json(each) for each in found]}

    @router.delete("/files/{file_id}")
    async def detach(conversation_id: str, file_id: str, request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        await asyncio.to_thread(attachments.remove, owner, conversation_id, file_id)
        return {"id": file_id, "deleted": True}

    return router


def attachment_json(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.file_id,
        "filename": attachment.filename,
        "status": attachment.status,
        "problem": attachment.problem,
        "unread": list(attachment.unread),
    }

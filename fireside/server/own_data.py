"""`/v1/fireside/export` and `/v1/fireside/data`: everything of the caller, to take along or delete.

Extensions of ours; OpenAI has none.  The caller's are the rows and files of their key's project.
It refuses to delete without `?confirm=everything`, and under a job that runs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from fireside.errors import BadRequest
from fireside.safety.privacy.owned import Owned
from fireside.server.caller import caller_of
from fireside.server.openapi import documented
from fireside.storage.files import Files, create

FORGOTTEN_SHAPE: Final[dict[str, Any]] = {
    "title": "ForgottenData",
    "type": "object",
    "required": ["object", "deleted", "rows", "paths", "clean", "remains"],
    "properties": {
        "object": {"const": "fireside.data"},
        "deleted": {"const": True},
        "rows": {"type": "object", "additionalProperties": {"type": "integer"}},
        "paths": {"type": "integer"},
        "clean": {"type": "boolean"},
        "remains": {"type": ["string", "null"]},
    },
}
WORD: Final = "everything"


def routes(owned: Owned, files: Files) -> APIRouter:
    router = APIRouter(tags=["privacy"])

    @router.get("/v1/fireside/export")
    @documented(binary="application/zip")
    async def export_data(request: Request) -> Response:
        owner = caller_of(request).owner

        def write() -> Path:
            path = files.temporary()
            try:
                with create(path) as target:
                    owned.export(owner, target)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            return path

        path = await asyncio.to_thread(write)
        return FileResponse(
            path,
            media_type="application/zip",
            filename="fireside-export.zip",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    @router.delete("/v1/fireside/data")
    @documented(response=FORGOTTEN_SHAPE)
    async def delete_data(
        request: Request, confirm: Annotated[str | None, Query(max_length=64)] = None
    ) -> dict[str, Any]:
        if confirm != WORD:
            raise BadRequest(
                f"This deletes everything of your key's project for good: say ?confirm={WORD}.",
                param="confirm",
            )
        done = await asyncio.to_thread(owned.forget, caller_of(request).owner)
        return {"object": "fireside.data", "deleted": True, **done.as_json()}

    return router

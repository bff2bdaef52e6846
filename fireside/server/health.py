"""`GET /health`: whether the server lives, and whether its default model is ready to answer."""

from __future__ import annotations

from fastapi import APIRouter

import fireside
from fireside.server.ready import Readiness


def routes(readiness: Readiness) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, object]:
        """Touches neither disk nor model: it answers at once, whatever else runs."""
        return {
            "status": "ok",
            "version": fireside.__version__,
            "model": {
                "name": readiness.model,
                "state": readiness.state,
                "problem": readiness.problem,
            },
        }

    return router

"""`GET /health`: whether the server lives.  `GET /ready`: whether to send it requests."""

from __future__ import annotations

from fastapi import APIRouter

import fireside
from fireside.errors import Unavailable
from fireside.server.admission import Admission
from fireside.server.ready import Readiness


def routes(readiness: Readiness, admission: Admission) -> APIRouter:
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

    @router.get("/ready")
    async def ready() -> dict[str, object]:
        """For a balancer: 503 until the default model can answer, and once the server stops."""
        if admission.closed:
            raise Unavailable("The server is stopping.")
        if readiness.state != "ready":
            raise Unavailable(readiness.problem or f"{readiness.model} is being loaded.")
        return {"status": "ready", "model": readiness.model}

    return router

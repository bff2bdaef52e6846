"""Both groups of endpoints, put together: one router, and the work beside the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from fireside.assistant import Assistant
from fireside.assistant.locks import Locks
from fireside.server.admission import Admission
from fireside.server.responses import compact, conversations, routes, socket
from fireside.server.responses.background import Background
from fireside.server.responses.remote import Remote
from fireside.server.responses.search import Finder, Search
from fireside.server.responses.start import Services
from fireside.server.responses.state import State

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.storage import Store


def group(
    models: Models,
    store: Store,
    admission: Admission,
    *,
    finder: Finder | None = None,
    assistant: Assistant | None = None,
    remote: Remote | None = None,
    locks: Locks | None = None,
    drain_seconds: float = 0.0,
) -> tuple[APIRouter, Background]:
    """finder: searches the owner's documents; without it `file_search` is refused.
    remote: reaches a request's MCP servers; without it none is allowed.
    locks: the page's, for its conversations are the same.

    What runs in the background has a quarter as many places, beside the others': the request that
    begins it has gone through the door already, and must find that door open.
    """
    state, locks = State(store), locks or Locks()
    apart = Admission(max(1, admission.places // 8), admission.max_queue)
    background = Background(state, apart, drain_seconds)
    router = APIRouter()
    services = Services(
        state=state,
        locks=locks,
        search=Search(finder),
        assistant=assistant or Assistant(),
        remote=remote or Remote((), store),
    )
    router.include_router(socket.routes(models, services, admission))
    router.include_router(compact.routes(models, state))
    router.include_router(routes.routes(models, services, background))
    router.include_router(conversations.routes(state, locks))
    return router, background

"""`fireside mcp`: our tools, documents and models for an MCP client that starts this program.

It speaks the protocol over standard input and output until the input ends, opens no port, and
serves the person whose home it is, without a key.  Nothing but messages goes to standard output.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from fireside.cli import failures

if TYPE_CHECKING:
    from fireside.server.mcp.offers import Offers
    from fireside.settings import Settings


def mcp(
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model that answers `ask`.")
    ] = None,
) -> int:
    """Offer tools, documents and models to an MCP client over stdio."""
    from fireside.settings import load_settings

    settings = load_settings()
    if model is not None:
        settings = settings.model_copy(update={"model": model})
    for number in (signal.SIGINT, signal.SIGTERM):
        # A thread waits for the next line, and nothing else could end that.
        signal.signal(number, signal.SIG_DFL)
    if sys.stdin.isatty():
        failures.say("this speaks MCP over standard input: see docs/mcp.md for your client's file.")

    from fireside.server.mcp.protocol import over_stdio

    with ExitStack() as stack:
        asyncio.run(over_stdio(partial(_offers, settings, stack)))
    return 0


def _offers(settings: Settings, stack: ExitStack) -> Offers:
    """The application without its start: no port, and no work beside the requests."""
    from fireside.engine.models import Models
    from fireside.server.app import create_app
    from fireside.storage import Store

    store = stack.enter_context(Store.open(settings.database_path))
    models = Models(settings)
    stack.callback(models.close)
    state = create_app(models, store, settings).state
    stack.callback(state.assistant.close)
    offers: Offers = state.offers
    return offers

"""`fireside mcp`: our tools, documents and models for an MCP client that starts this program.

It speaks the protocol over standard input and output until the input ends, opens no port, and
serves the person whose home it is, without a key.  Nothing but messages goes to standard output.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer

from fireside.cli import failures


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

    from fireside.engine.models import Models
    from fireside.server.app import create_app
    from fireside.server.mcp.protocol import over_stdio
    from fireside.storage import Store

    with Store.open(settings.database_path) as store:
        models = Models(settings)
        try:
            # The application without its start: no port, and no work beside the requests.
            app = create_app(models, store, settings)
            asyncio.run(over_stdio(app.state.offers))
        finally:
            models.close()
    return 0

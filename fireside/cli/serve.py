"""`fireside serve`: the OpenAI API and the page, until Ctrl-C.

The first signal drains: no new connections, running answers finish.  The second stops at once.
It refuses to move to another port by itself: clients have the address written down.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fireside.cli import failures
from fireside.errors import BadRequest, Conflict, Unavailable

if TYPE_CHECKING:
    import uvicorn

    from fireside.settings import Settings

TEXT_BROWSERS: Final = ("w3m", "lynx", "links", "elinks", "www-browser")


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to bind.  [setting: host]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", "-p", min=0, max=65535, help="Port; 0 takes a free one."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model that answers when none is named.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser, where there is one.")
    ] = False,
) -> int:
    """Serve the OpenAI API and the page."""
    from fireside.settings import load_settings

    asked = {"host": host, "port": port, "model": model}
    settings = load_settings().model_copy(
        update={name: value for name, value in asked.items() if value is not None}
    )
    check_keys(settings)
    listener = listen(settings.host, settings.port)
    try:
        return _run(settings, listener, open_page)
    finally:
        listener.close()


def check_keys(settings: Settings) -> None:
    """Nobody but this machine may ask without a key.

    Raises:
        BadRequest: others could reach the server, and there is no key that they would need.
    """
    from fireside.server.loopback import is_loopback
    from fireside.storage import Store

    if is_loopback(settings.host):
        return
    with Store.open(settings.database_path) as store:
        if not store.keys.usable():
            raise BadRequest(
                f"{settings.host} lets others reach this server, and there is no key yet: make one "
                "with `fireside keys create`, or bind 127.0.0.1."
            )


def listen(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        Conflict: the port is taken.
        Unavailable: the address is not ours, or the port needs rights that we lack.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise Unavailable(f"{host} is no address of this machine: try 127.0.0.1.") from None
    # With the protocol named: asyncio sets TCP_NODELAY on no other sockets, and without it every
    # answer on a connection that is kept waits 40 ms for the client's delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there it would let two programs share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} is taken: stop the program that holds it, or choose another "
                "with --port (0 takes a free one)."
            ) from None
        raise Unavailable(f"{host}:{port} cannot be bound: {error.strerror}.") from None
    return listener


def address_of(listener: socket.socket) -> str:
    """The address to open, for a person."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


def _run(settings: Settings, listener: socket.socket, open_page: bool) -> int:
    from fireside.engine.models import Models
    from fireside.server.app import create_app
    from fireside.server.connections import web_server
    from fireside.storage import Store

    with Store.open(settings.database_path) as store:
        models = Models(settings)
        app = create_app(models, store, settings)
        server = web_server(app, settings)
        _stop_on_signals(server, app.state.admission.close)
        print(f"Fireside is at {address_of(listener)}  (Ctrl-C stops it)", flush=True)
        if listener.getsockname()[0] not in ("127.0.0.1", "::1"):
            failures.say(
                "other machines can reach it, with a key; what they send is not encrypted: put a "
                "proxy with TLS before it where others could listen."
            )
        if open_page:
            threading.Thread(target=_open, args=(address_of(listener),), daemon=True).start()
        server.run(sockets=[listener])
    return 0


def _stop_on_signals(server: uvicorn.Server, close: Callable[[], None]) -> None:
    """From now on the first signal drains, and the second ends the process and its workers."""

    def stop(number: int, frame: FrameType | None) -> None:
        if server.should_exit:
            _end_workers()
            os._exit(128 + number)  # nothing may hold the port or a core any longer
        server.should_exit = True
        close()
        failures.say("stopping: running answers may finish; once more stops at once.")

    # Uvicorn would raise the signal again at the end, and a clean stop would look like a death.
    server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _end_workers() -> None:
    import psutil

    for worker in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            worker.kill()


def _open(address: str) -> None:
    """Open a browser if it can be seen: not over SSH, not without a screen, not a text one."""
    import webbrowser

    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return
    if os.environ.get("SSH_CONNECTION"):
        return
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if Path(getattr(browser, "name", "")).name not in TEXT_BROWSERS:
        browser.open(address)

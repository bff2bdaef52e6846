"""Every failure as OpenAI's envelope: `{"error": {message, type, param, code}}`.

Also for what no handler of ours raised: unknown routes, wrong methods, and bugs.  A bug is logged
with its traceback and answered with a line that holds neither text of the request nor of the code.
"""

from __future__ import annotations

import logging
import math
import os
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fireside.errors import BadRequest, FiresideError, Overloaded

log = logging.getLogger("fireside.server")


class Discreet(logging.Filter):
    """Of an exception, logs where it came from and its kind, never its message: that may quote
    what somebody asked.  FIRESIDE_DEBUG=1 shows it, to whoever looks for the bug."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and os.environ.get("FIRESIDE_DEBUG", "0") in ("", "0"):
            lines = traceback.format_tb(error.__traceback__)
            record.exc_text = (
                "".join(lines) + f"{type(error).__name__} (FIRESIDE_DEBUG=1 says more)"
            )
            record.exc_info = None
        return True


log.addFilter(Discreet())


def envelope(error: Exception) -> dict[str, object]:
    """The body that OpenAI's clients expect of a failure."""
    if not isinstance(error, FiresideError):
        error = FiresideError("The server failed on this request; its log says why.")
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


def error_response(error: FiresideError) -> JSONResponse:
    headers = {}
    if isinstance(error, Overloaded):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    return JSONResponse(envelope(error), status_code=error.status, headers=headers)


async def refuse(
    error: FiresideError,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Answer for the application, which never hears of the request: HTTP or a WebSocket's
    handshake."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1008, "reason": error.message[:100]})
        return
    response = error_response(error)
    response.headers.update(headers)
    await response(scope, receive, send)


async def _on_fireside_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FiresideError)
    if error.status >= 500:
        log.error("%s: %s", type(error).__name__, error.message)
    return error_response(error)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Starlette's own: an unknown route, a wrong method."""
    assert isinstance(error, HTTPException)
    code = None
    where = f"{request.method} {request.url.path[:200]}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"Unknown request URL: {where}. docs/api.md lists what is served."
        code = "unknown_url"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"{where} is not allowed; this URL takes {allowed}."
        code = "method_not_allowed"
    else:
        message = str(error.detail)
    body = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": body}, status_code=error.status_code, headers=error.headers)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's own check of a path or query parameter."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return error_response(BadRequest(f"{name}: {first['msg']}.", param=name))


class LastResort:
    """Answers a bug with an envelope, and logs it.

    Innermost of our middleware: the headers that the outer ones add reach this answer too, which
    they would not if Starlette's own outermost handler made it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            log.exception("failed on %s %s", scope.get("method", ""), scope["path"][:200])
            if scope["type"] != "http" or started:
                return  # the web server sees that it is not whole, and cuts the connection
            await JSONResponse(envelope(error), status_code=500)(scope, receive, send)


def install(app: FastAPI) -> None:
    app.add_exception_handler(FiresideError, _on_fireside_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)

"""The page at `/`: a handful of plain files, served from memory, offline, under a strict policy.

No build step, no CDN, nothing inline: the policy lets the browser load from this server alone,
so even a flaw in how the page shows a model's text could not fetch or send anything.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def page_files() -> dict[str, bytes]:
    folder = files("fireside.server").joinpath("page")
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name[file.name.rfind(".") :] in KINDS
    }


def file_response(request: Request, name: str, content: bytes) -> Response:
    headers = {
        "content-type": KINDS[name[name.rfind(".") :]],
        "content-security-policy": POLICY,
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",  # asked again each time, so an upgrade shows at once
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers)


def routes() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    def serve(path: str, name: str, content: bytes) -> None:
        async def endpoint(request: Request) -> Response:
            return file_response(request, name, content)

        router.add_api_route(path, endpoint, methods=["GET", "HEAD"], name=name)

    for name, content in page_files().items():
        serve("/" if name == "index.html" else f"/page/{name}", name, content)
    return router

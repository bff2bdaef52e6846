"""No web page of another site drives this server; every program on the machine does."""

from __future__ import annotations

import httpx
import pytest
from starlette.datastructures import Headers

from fireside.server.guard import Guard

ASK = {"model": "fake:1b", "messages": [{"role": "user", "content": "Hi"}]}


def objection(method: str = "GET", **headers: str) -> str | None:
    async def nothing(*_: object) -> None: ...

    guard = Guard(nothing, host="127.0.0.1")
    return guard.objection(method, Headers({k.replace("_", "-"): v for k, v in headers.items()}))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "[::1]",
        "192.168.1.5:80",
        "chat.localhost:80",
    ],
)
def test_our_own_names_pass(host: str) -> None:
    assert objection(host=host) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "", "127.0.0.1.nip.io"]
)
def test_a_rebound_name_does_not(host: str) -> None:
    assert objection(host=host)


def test_a_page_of_ours_may_post() -> None:
    headers = {"host": "localhost:80", "origin": "http://localhost:80"}
    assert objection("POST", **headers, sec_fetch_site="same-origin") is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_another_page_may_not(origin: str) -> None:
    assert objection("POST", host="localhost:80", origin=origin)


def test_a_foreign_form_without_an_origin_may_not() -> None:
    assert objection("POST", host="localhost:80", sec_fetch_site="cross-site")


def test_a_link_from_elsewhere_may_open_the_page() -> None:
    assert objection("GET", host="localhost:80", sec_fetch_site="cross-site") is None


def test_refusals_over_http(http: httpx.Client) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        answer = http.post("/v1/chat/completions", json=ASK, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden_origin"


def test_standard_headers(http: httpx.Client) -> None:
    answers = [http.get("/health"), http.get("/nothing")]
    assert len({each.headers["x-request-id"] for each in answers}) == 2
    for each in answers:
        assert each.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in each.headers

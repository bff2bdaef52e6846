"""What a person does and sees, in the words of the tests."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, Request, Route, expect
from server.serving import wait_until

PATIENCE = 60_000  # milliseconds; for machines that are busy, and measured by no test


def say(page: Page, text: str) -> None:
    page.fill("#question", text)
    page.keyboard.press("Enter")


def answered(page: Page, text: str = "Hello there") -> None:
    """The last answer is over, and nothing is on its way any more."""
    expect(page.locator(".answer .receipt").last).to_be_visible()
    expect(page.locator(".answer .prose").last).to_have_text(text)
    expect(page.locator(".live")).to_have_count(0)


def open_chat(page: Page, title: str) -> None:
    page.get_by_role("button", name=title, exact=True).first.click()


def clipboard_has(page: Page, text: str) -> None:
    assert wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == text)


def round_trip(page: Page) -> None:
    """What the page was sent until now, it has."""
    page.evaluate("fetch('/api/models').then((reply) => reply.text())")


class Held:
    """Requests that do not reach the server before they are let go; or, `answered` by it at once,
    whose replies do not reach the page before.
    """

    def __init__(self, page: Page, method: str, path: str, answered: bool = False) -> None:
        self.page, self.method, self.answered = page, method, answered
        self.ends: list[Callable[[], None]] = []
        self.free = False
        page.route(path, self._hold)

    def _hold(self, route: Route, request: Request) -> None:
        if request.method != self.method or self.free:
            route.fallback()
        elif self.answered:
            reply = route.fetch()
            self.ends.append(lambda: route.fulfill(response=reply))
        else:
            self.ends.append(route.continue_)

    def wait(self, count: int = 1) -> None:
        while len(self.ends) < count:
            self.page.wait_for_timeout(10)  # which lets the requests come

    def hold_no_more(self) -> None:
        """Later ones pass."""
        self.free = True

    def let_go(self, *order: int) -> None:
        self.free = True
        for place in order or range(len(self.ends)):
            self.ends[place]()

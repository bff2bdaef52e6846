"""The page around the conversation: notice, colours, small screens, names, and what it may load."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from server.fakes import FakeModel

from fireside.server import pulls

from .steps import PATIENCE, answered, say

pytestmark = pytest.mark.browser


def test_the_notice_is_said_once(page: Page) -> None:
    expect(page.locator("#notice")).to_contain_text(
        "small (135 million parameters) and often wrong"
    )
    page.get_by_label("Understood, do not say it again").click()
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#honest")).to_contain_text("often wrong")
    page.reload()
    expect(page.locator("#honest")).to_contain_text("often wrong")
    expect(page.locator("#notice")).to_be_hidden()


def colour(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_light_and_dark(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    light = colour(page)
    page.emulate_media(color_scheme="dark")
    dark = colour(page)
    assert light != dark
    page.click("#theme")
    assert colour(page) == light
    page.reload()
    assert colour(page) == light
    page.click("#theme")
    assert colour(page) == dark


def test_a_phone(browser: Browser, address: str) -> None:
    phone = {"width": 360, "height": 700}
    with browser.new_page(base_url=address, viewport=phone, has_touch=True) as page:
        page.set_default_timeout(PATIENCE)
        page.goto("/")
        say(page, "From a phone " + "w" * 200)
        answered(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        expect(page.locator("#sidebar")).not_to_be_visible()
        page.tap("#open-sidebar")
        expect(page.locator("#new-chat")).to_be_visible()
        page.tap("#new-chat")
        expect(page.locator("#sidebar")).not_to_be_visible()
        expect(page.locator("#hero")).to_be_visible()


def test_everything_has_a_name_and_nothing_comes_from_elsewhere(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    say(page, "Hi")
    answered(page)
    assert [url for url in asked if not url.startswith(address)] == []
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, textarea, select")]
          .filter((n) => !(n.ariaLabel || n.textContent.trim() || n.labels?.length)).length"""
    )
    assert nameless == 0


def test_the_policy_is_strict(page: Page) -> None:
    answer = page.request.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", answer.text())


@pytest.fixture
def may_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Half of each download is there at once; the rest, when this is set."""
    may_end = threading.Event()

    def pull(name: str, models_dir: Path, progress: Callable[[str, int, int], None]) -> None:
        while not may_end.wait(0.05):
            progress("fetching", 400_000_000, 800_000_000)

    monkeypatch.setattr(pulls, "pull", pull)
    monkeypatch.setattr(pulls, "check_afterwards", lambda *_: False)
    yield may_end
    may_end.set()


@pytest.fixture
def offered(page: Page, model: FakeModel) -> Page:
    """The page, with a better model to get."""
    offer = {"name": "llama3.2:1b", "size_bytes": 8e8, "summary": "good", "licence": "L"}
    told = {"model": model.name, "answers": "Small.", "problem": None}
    better = {"better": offer | {"installed": False, "tokens_per_s": 9.2, "download": None}}
    page.route("**/api/notice", lambda route: route.fulfill(json=told | better))
    page.reload()
    return page


def test_a_better_model_in_one_click(offered: Page, may_end: threading.Event) -> None:
    page = offered
    expect(page.locator("#notice")).to_contain_text(
        "This machine can run llama3.2:1b: good. 800 MB, about 9 tokens a second, L."
    )
    page.get_by_role("button", name="Get llama3.2:1b").click()
    expect(page.locator("#notice progress")).to_have_attribute("value", "0.5")
    expect(page.locator("#notice")).to_contain_text("fetching: 400 MB of 800 MB")
    say(page, "Hi")  # the small model answers meanwhile
    answered(page)
    expect(page.locator("#honest")).to_contain_text("Fetching llama3.2:1b: 50 %.")
    may_end.set()
    expect(page.get_by_role("button", name="Use llama3.2:1b")).to_be_visible()


def test_a_download_is_paused_resumed_and_cancelled(
    offered: Page, may_end: threading.Event
) -> None:
    page = offered
    notice = page.locator("#notice")
    page.get_by_role("button", name="Get llama3.2:1b").click()
    expect(notice).to_contain_text("fetching: 400 MB of 800 MB")
    page.get_by_role("button", name="Pause").click()
    expect(notice).to_contain_text("Paused: 400 MB of 800 MB")
    page.get_by_role("button", name="Resume").click()
    expect(notice).to_contain_text("fetching: 400 MB of 800 MB")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Get llama3.2:1b").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Get llama3.2:1b")).to_be_visible()
    expect(page.locator("#honest")).to_be_hidden()


def test_who_was_chosen_answers_new_chats_from_then_on(page: Page, model: FakeModel) -> None:
    told = {"model": model.name, "answers": "Small.", "problem": None}
    better = {"better": {"name": "persona:support", "installed": True}}
    page.route("**/api/notice", lambda route: route.fulfill(json=told | better))
    page.reload()
    page.get_by_role("button", name="Use persona:support").click()
    expect(page.locator("#model")).to_have_value("persona:support")
    page.reload()
    expect(page.locator("#model")).to_have_value("persona:support")

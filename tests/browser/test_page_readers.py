"""An answer goes on without its page, and a page that comes back reads on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from server.fakes import FakeModel, FakeModels
from server.serving import running, wait_until

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .steps import answered, say

pytestmark = pytest.mark.browser


def begun(page: Page, text: str = "word word") -> None:
    expect(page.locator(".live .prose")).to_have_text(text)
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator(".remark")).to_have_count(0)


def test_a_page_that_is_loaded_again_reads_on(page: Page, model: FakeModel) -> None:
    model.holds("word word", " and more")
    say(page, "Go on after this")
    begun(page)
    page.reload()
    begun(page)
    expect(page.locator(".bubble")).to_have_text("Go on after this")
    model.go_on.set()
    answered(page, "word word and more")
    expect(page.locator(".remark")).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()
    say(page, "And then?")
    expect(page.locator(".answer")).to_have_count(2)


def test_a_closed_page_stops_nothing(
    page: Page, context: BrowserContext, model: FakeModel, store: Store
) -> None:
    model.holds("word word", " and more")
    leaving = context.new_page()
    leaving.goto("/")
    say(leaving, "Go on without me")
    begun(leaving)
    leaving.close()
    page.reload()
    page.get_by_role("button", name="Go on without me", exact=True).first.click()
    begun(page)
    assert not model.last.cancelled.is_set()
    model.go_on.set()
    answered(page, "word word and more")
    assert store.message(str(store.conversations()[0].head_id)).status == "complete"


def test_two_windows_read_one_answer(page: Page, context: BrowserContext, model: FakeModel) -> None:
    model.holds("word word", " and more")
    say(page, "Two windows")
    begun(page)
    other = context.new_page()
    other.goto(page.url)
    begun(other)
    model.go_on.set()
    answered(other, "word word and more")
    answered(page, "word word and more")
    expect(other.locator(".answer")).to_have_count(1)


def test_stop_in_another_window(page: Page, context: BrowserContext, model: FakeModel) -> None:
    model.holds("word word", " and more")
    say(page, "Stop over there")
    begun(page)
    other = context.new_page()
    other.goto(page.url)
    begun(other)
    other.click("#stop")
    for each in (page, other):
        expect(each.locator(".remark")).to_have_text("You stopped this answer.")
        expect(each.locator("#send")).to_be_visible()


def test_deleted_in_another_window(page: Page, context: BrowserContext, model: FakeModel) -> None:
    model.holds("word word", " and more")
    say(page, "Delete over there")
    begun(page)
    other = context.new_page()
    other.goto("/")
    other.locator("#conversations li", has_text="Delete over there").first.hover()
    other.get_by_label("Delete Delete over there").first.click()
    other.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(other.locator("#conversations")).not_to_contain_text("Delete over there")
    expect(page.locator(".live")).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()
    assert model.last.cancelled.is_set()


def test_a_server_that_stopped_says_so(browser: Browser, model: FakeModel, tmp_path: Path) -> None:
    settings = Settings(model=model.name, home=tmp_path)
    model.holds("word word", " and more")
    with Store.open(settings.database_path) as store, browser.new_context() as context:
        page = context.new_page()
        with running(create_app(FakeModels(model), store, settings)) as url:
            page.goto(url)
            say(page, "Is anybody there?")
            begun(page)
        head = str(store.conversations()[0].head_id)
        assert wait_until(lambda: store.message(head).status == "stopped")
        with running(create_app(FakeModels(model), store, settings)) as url:
            page.goto(f"{url}/#/c/{store.conversations()[0].id}")
            expect(page.locator(".remark")).to_have_text(
                "The server was stopped while this answer was written."
            )
            expect(page.locator(".answer .prose")).to_have_text("word word")

"""The page of a server that has keys: it asks for one, once, and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from server.fakes import FakeModel, FakeModels
from server.serving import running

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store
from fireside.storage.persons import Actor

pytestmark = pytest.mark.browser


def test_signing_in(browser: Browser, model: FakeModel, tmp_path: Path) -> None:
    settings = Settings(model=model.name, home=tmp_path)
    with Store.open(settings.database_path) as store:
        user = store.people.add_user("Ada", role="admin", by=Actor())
        _, key = store.keys.add("page", user_id=user.id, by=Actor())
        store.create_conversation(title="Of yesterday")
        with running(create_app(FakeModels(model), store, settings)) as url:
            context = browser.new_context()
            page = context.new_page()
            page.goto(url)
            dialog = page.locator("#sign-in")
            expect(dialog).to_be_visible()
            page.locator("#key").fill("fs-wrong")
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("#sign-in-problem")).to_contain_text("wrong")
            page.locator("#key").fill(key)
            page.locator("#key").press("Enter")
            expect(dialog).to_be_hidden()
            expect(page.locator("#conversations")).to_contain_text("Of yesterday")
            page.locator("#question").fill("Hi")
            page.locator("#question").press("Enter")
            expect(page.locator("#thread")).to_contain_text("Hello there")
            assert key not in page.content()
            page.reload()
            expect(page.locator("#conversations")).to_contain_text("Of yesterday")
            expect(dialog).to_be_hidden()
            context.close()

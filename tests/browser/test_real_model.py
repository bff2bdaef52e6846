"""The page and the real default model, once through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from server.serving import running

from fireside.server.app import create_app
from fireside.settings import load_settings
from fireside.storage import Store

from .steps import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "fireside.db"


@pytest.fixture
def address(smollm2_path: Path, database: Path) -> Iterator[str]:
    from fireside.engine.models import Models

    settings = load_settings()
    with (
        Store.open(database) as store,
        running(create_app(Models(settings), store, settings)) as url,
    ):
        yield url


def test_a_conversation(browser: Browser, address: str, database: Path) -> None:
    with browser.new_page(base_url=address) as page:
        page.set_default_timeout(PATIENCE)
        page.goto("/")
        expect(
            page.locator("#notice, #honest").filter(has_text="often wrong").first
        ).to_be_visible()
        page.fill("#question", "Say hello in one short sentence.")
        page.keyboard.press("Enter")
        expect(page.locator(".receipt")).to_contain_text("smollm2:135m", timeout=10 * PATIENCE)
        said = page.locator(".answer .prose").inner_text()
        assert said
        page.reload()
        expect(page.locator(".answer .prose")).to_have_text(said)
    with Store.open(database) as store:  # what the terminal would read
        (chat,) = store.conversations()
        question, answer = store.path_to(str(chat.head_id))
        assert (question.content, answer.status) == ("Say hello in one short sentence.", "complete")

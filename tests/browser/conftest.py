"""A real Chromium in front of a real server, whose model says what the test tells it to say.

Nothing here measures time.  The limits say when to give up, and a busy machine is slow: they are
far beyond what anything takes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from server.fakes import FakeModel, FakeModels
from server.jitter import Jitter
from server.serving import running

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .steps import PATIENCE

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="package")  # while Playwright is open, no other test can run a loop
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=ARGUMENTS, timeout=4 * PATIENCE
        )
        expect.set_options(timeout=PATIENCE)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def model() -> FakeModel:
    return FakeModel(name="smollm2:135m", context=100_000)


@pytest.fixture(autouse=True)
def _as_new(model: FakeModel) -> None:
    model.as_new()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("home") / "fireside.db") as store:
        yield store


@pytest.fixture(scope="session")
def address(model: FakeModel, store: Store) -> Iterator[str]:
    app = create_app(
        FakeModels(model), store, Settings(model=model.name, embedding_model="fake-embedding")
    )
    if seconds := float(os.environ.get("JITTER", "0")):
        app.add_middleware(Jitter, seconds=seconds)
    with running(app) as url:
        yield url


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    with browser.new_context(base_url=address, viewport={"width": 1200, "height": 800}) as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """The page, opened.  An error that it throws fails the test."""
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto("/")
    page.wait_for_selector("#model option", state="attached")
    yield page
    page.close()
    assert problems == []

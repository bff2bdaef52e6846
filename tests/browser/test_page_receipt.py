"""The receipt's drawer, and the question before a tool runs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from server.fakes import FakeModel, FakeModels
from server.serving import running

from fireside.server.app import create_app
from fireside.settings import Settings
from fireside.storage import Store

from .steps import answered, say

PERSONA = """
instructions = "You are a clerk."
[tools]
allow = ["calculate"]
consent = { calculate = "ask" }
"""


def calls(expression: str) -> str:
    said = json.dumps({"expression": expression})
    return f'<tool_call>\n{{"name": "calculate", "arguments": {said}}}\n</tool_call>'


@pytest.fixture(scope="module")
def address(
    model: FakeModel, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    home = tmp_path_factory.mktemp("clerks")
    (home / "personas").mkdir()
    (home / "personas" / "clerk.toml").write_text(PERSONA)
    (home / "personas" / "teller.toml").write_text("[sampling]\nmax_tokens = 300\n")
    app = create_app(FakeModels(model), store, Settings(model=model.name, home=home))
    with running(app) as url:
        yield url


def test_the_drawer_shows_every_step(page: Page) -> None:
    say(page, "Hi")
    answered(page)
    drawer = page.locator(".drawer")
    expect(drawer).to_be_hidden()
    page.locator(".receipt").click()
    expect(drawer).to_be_visible()
    for text in ("budget: window", "generate: model", "question", "mean log-probability", "-0.25"):
        expect(drawer).to_contain_text(text)
    expect(page.locator(".receipt")).to_have_attribute("aria-expanded", "true")
    page.locator(".receipt").press("Enter")
    expect(drawer).to_be_hidden()


@pytest.mark.parametrize("yes", [True, False])
def test_a_tool_asks_before_it_runs(page: Page, model: FakeModel, yes: bool) -> None:
    page.select_option("#model", "persona:clerk")
    model.script = ["One moment. " + calls("6*7"), "There you are."]
    say(page, "How much?")
    question = page.get_by_role("group", name="Consent")
    expect(question).to_contain_text("6*7")
    page.reload()  # it is kept, and so is its question
    question.get_by_role("button", name="Yes" if yes else "No", exact=True).click()
    answered(page, "There you are.")
    expect(question.get_by_role("button")).to_have_count(0)
    read = bytes(model.last.prompt).decode()
    assert ("6*7 = 42" in read) is yes
    assert ("does not want this call" in read) is not yes
    page.locator(".receipt").last.click()
    expect(page.locator(".drawer").last).to_contain_text("calculate")
    expect(page.locator(".drawer").last).to_contain_text("recall: tools")


def test_what_is_said_next_is_no_yes(page: Page, model: FakeModel) -> None:
    page.select_option("#model", "persona:clerk")
    model.script = ["One moment. " + calls("6*7"), "As you like."]
    say(page, "How much?")
    question = page.get_by_role("group", name="Consent")
    expect(question.get_by_role("button", name="Yes", exact=True)).to_be_visible()
    say(page, "Never mind")
    answered(page, "As you like.")
    expect(question.get_by_role("button")).to_have_count(0)
    assert "has not agreed" in bytes(model.last.prompt).decode()


def test_a_persona_greets(page: Page) -> None:
    title = page.locator("#hero h2")
    expect(title).to_have_text("What is on your mind?")
    page.select_option("#model", "persona:support")
    expect(title).to_contain_text("I can look after orders, refunds")
    page.select_option("#model", "persona:clerk")  # has no greeting of its own
    expect(title).to_have_text("What is on your mind?")
    page.select_option("#model", index=0)
    expect(page.locator("#hero p")).to_contain_text("on your own machine")


def test_why_an_answer_is_no_longer_is_told(page: Page, model: FakeModel) -> None:
    page.select_option("#model", "persona:teller")
    model.answer = "".join(f"{n}, " for n in range(80))
    say(page, "What do you see?")
    expect(page.locator(".remark")).to_have_text("This answer reached its limit of 300 tokens.")
    model.answer = "the end."
    page.get_by_role("button", name="Continue").click()
    answer = page.locator("article.answer:not(.live)")
    expect(answer).to_contain_text("75, 76, 77the end.")
    expect(answer).to_have_count(1)
    expect(page.locator(".siblings")).to_contain_text("2/2")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)


def test_a_persona_that_needs_a_larger_model_says_so(page: Page, model: FakeModel) -> None:
    """By the shipped scores of the embedded model, under whose name the stand-in answers."""
    option = page.locator("#model option[value='persona:translator']")
    expect(option).to_have_text("translator (needs a larger model)")
    page.select_option("#model", "persona:translator")
    expect(page.locator("#hero .ability")).to_contain_text("needs a larger model")
    say(page, "The cat sleeps.")
    answer = page.locator("article.answer").last
    expect(answer).to_contain_text("smollm2:135m is too small for this")
    expect(answer).to_contain_text("fireside models pull")
    expect(page.get_by_role("button", name="Try anyway")).to_be_visible()
    assert not model.submitted


def test_the_first_screen_in_chinese(browser: Browser, address: str) -> None:
    with browser.new_context(base_url=address, locale="zh-CN") as context:
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#hero h2")).to_have_text("有什么想问的？")
        expect(page.locator("#question")).to_have_attribute("placeholder", "请输入问题")
        expect(page.locator("#notice")).to_contain_text("不懂中文")
        expect(page.locator("#notice")).to_contain_text("fireside models pull")

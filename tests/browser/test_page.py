"""The page, as a person uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from server.fakes import FakeModel
from server.serving import wait_until

from fireside.errors import ContextOverflow
from fireside.storage import Store

from .steps import answered, clipboard_has, say

pytestmark = pytest.mark.browser


def test_ask_and_find_it_again(page: Page, context: BrowserContext) -> None:
    say(page, "What is <b>this</b>?")
    answered(page)
    expect(page.locator(".bubble")).to_have_text("What is <b>this</b>?")
    expect(page.locator(".receipt")).to_contain_text("smollm2:135m · 11 tokens")
    expect(page.locator("#title")).to_have_text("What is <b>this</b>?")
    expect(page.locator("#conversations [aria-current]")).to_have_text("What is <b>this</b>?")
    page.reload()
    answered(page)
    other = context.new_page()
    other.goto("/")
    other.locator("#conversations .open").first.click()
    answered(other)
    say(other, "And this?")
    expect(other.locator(".answer")).to_have_count(2)


def test_an_answer_streams_and_stops(page: Page, model: FakeModel, store: Store) -> None:
    model.holds("word word")
    say(page, "Go on")
    expect(page.locator(".live .prose")).to_contain_text("word word")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#send")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator(".remark")).to_have_text("You stopped this answer.")
    expect(page.locator("#send")).to_be_visible()
    assert model.last.cancelled.is_set()
    kept = store.message(str(store.conversations()[0].head_id))
    assert (kept.status, kept.content) == ("stopped", "word word")


def test_another_conversation_meanwhile(page: Page, model: FakeModel) -> None:
    say(page, "First")
    answered(page)
    model.holds("slowly", " done")
    page.click("#new-chat")
    expect(page.locator("#hero")).to_be_visible()
    say(page, "Second")
    expect(page.locator(".live .prose")).to_contain_text("slowly")
    page.get_by_role("button", name="First", exact=True).first.click()
    answered(page)
    expect(page.locator("#send")).to_be_visible()
    page.get_by_role("button", name="Second", exact=True).first.click()
    expect(page.locator(".live .prose")).to_have_text("slowly")
    expect(page.locator("#stop")).to_be_visible()
    model.go_on.set()
    answered(page, "slowly done")
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator(".remark")).to_have_count(0)


def test_answer_again_keeps_both(page: Page, model: FakeModel) -> None:
    say(page, "Again, please")
    answered(page)
    model.answer = "Something else"
    page.get_by_label("Answer again").click()
    answered(page, "Something else")
    expect(page.locator(".answer .siblings")).to_contain_text("2/2")
    page.get_by_label("Previous version").click()
    answered(page)
    expect(page.locator(".answer .siblings")).to_contain_text("1/2")
    page.reload()
    answered(page)


def test_edit_a_question(page: Page, model: FakeModel) -> None:
    say(page, "Wrnog")
    answered(page)
    page.locator(".question").hover()
    page.get_by_label("Edit and ask again").click()
    page.get_by_label("Your message, edited").fill("Right")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text("Right")
    answered(page)
    expect(page.locator(".question .siblings")).to_contain_text("2/2")
    assert bytes(model.last.prompt).decode() == "<user>Right"


def test_rename_and_delete(page: Page, store: Store) -> None:
    say(page, "To be renamed")
    answered(page)
    item = page.locator("#conversations li", has_text="To be renamed")
    item.hover()
    item.get_by_label("Rename To be").click()
    page.get_by_label("New name").fill("A better name")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("A better name")
    assert store.conversations()[0].title == "A better name"
    item = page.locator("#conversations li", has_text="A better name")
    item.hover()
    item.get_by_label("Delete A better").click()
    page.get_by_role("button", name="Keep it").click()
    expect(item).to_be_visible()
    item.hover()
    item.get_by_label("Delete A better").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(item).to_have_count(0)
    expect(page.locator("#hero")).to_be_visible()
    assert "A better name" not in [each.title for each in store.conversations()]


def test_the_keys(page: Page) -> None:
    page.fill("#question", "one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    assert page.input_value("#question") == "one\ntwo"
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator(".bubble")).to_have_text("one\ntwo")
    assert page.input_value("#question") == ""
    page.keyboard.press("Enter")  # an empty box sends nothing
    expect(page.locator(".question")).to_have_count(1)


def test_a_refusal_gives_the_words_back(page: Page, model: FakeModel, store: Store) -> None:
    before = len(store.conversations())
    told = "The message is too long: 9 tokens; 5 fit. Shorten it."
    model.refuses = ContextOverflow(told)
    say(page, "Too long")
    expect(page.locator("#problem")).to_have_text(
        "The message is too long: 9 tokens; 5 fit. Shorten it."
    )
    assert page.input_value("#question") == "Too long"
    expect(page.locator(".question")).to_have_count(0)
    assert wait_until(lambda: len(store.conversations()) == before)
    model.refuses = None
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_failure_halfway_is_told(page: Page, model: FakeModel) -> None:
    model.fails_at = 5
    say(page, "Fail")
    expect(page.locator(".remark")).to_contain_text("This answer failed.")
    expect(page.locator(".answer .prose")).to_have_text("Hello")
    model.fails_at = None
    page.get_by_label("Answer again").click()
    answered(page)


def test_copy(page: Page, context: BrowserContext, model: FakeModel) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.answer = "A **bold** word\n\n```py\nx = 1\n```"
    say(page, "Code")
    expect(page.locator(".answer .receipt")).to_be_visible()
    page.get_by_label("Copy answer").click()
    clipboard_has(page, model.answer)
    page.get_by_label("Copy code").click()
    clipboard_has(page, "x = 1")
    expect(page.locator("figcaption span")).to_have_text("py")


def test_an_unknown_address_says_so(page: Page) -> None:
    page.goto("/#/c/conv_nothing")
    expect(page.locator("#problem")).to_contain_text("There is no conversation")
    expect(page.locator("#hero")).to_be_visible()


def test_a_reader_is_left_where_they_read(page: Page, model: FakeModel) -> None:
    paragraphs = [f"No {n * n}.\n\n" for n in range(60)]
    model.holds("".join(paragraphs[:30]), "".join(paragraphs[30:]))
    say(page, "A long one")
    expect(page.locator(".live p")).to_have_count(30)
    page.evaluate("document.getElementById('scroll').scrollTop = 100")
    expect(page.locator("#latest")).to_be_visible()
    model.go_on.set()
    expect(page.locator(".answer p")).to_have_count(60)
    expect(page.locator(".receipt")).to_have_count(1)
    expect(page.locator("#send")).to_be_visible()
    assert page.evaluate("document.getElementById('scroll').scrollTop") == 100
    page.click("#latest")
    expect(page.locator("#latest")).to_be_hidden()


def test_an_answer_cut_off_by_a_crash_says_so(page: Page, store: Store) -> None:
    chat = store.create_conversation(title="Cut off")
    asked = store.append(chat.id, "user", "Go on", parent_id=None)
    store.append(chat.id, "assistant", "Once upon", parent_id=asked.id, status="partial")
    page.goto(f"/#/c/{chat.id}")
    expect(page.locator(".remark")).to_contain_text("cut off")
    expect(page.locator(".answer .prose")).to_have_text("Once upon")
    expect(page.locator("#send")).to_be_visible()


def test_messages_summed_up_are_told(page: Page, model: FakeModel, store: Store) -> None:
    chat = store.create_conversation(title="Long")
    last = None
    for turn in range(20):
        for role in ("user", "assistant"):
            said = f"{turn} " + "x" * 5000
            last = store.append(chat.id, role, said, parent_id=last and last.id)
    page.goto(f"/#/c/{chat.id}")
    expect(page.locator(".answer")).to_have_count(20)
    say(page, "Do you remember?")
    expect(page.locator(".receipt").last).to_contain_text("messages summed up")


def test_reasoning_is_folded_away(page: Page, context: BrowserContext, model: FakeModel) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.answer = "<think>\nThe sky, **hm**.\n</think>\n\nIt is blue."
    say(page, "What colour is the sky?")
    answered(page, "It is blue.")
    expect(page.locator(".thought summary")).to_have_text("How it reasoned")
    expect(page.locator(".thought strong")).not_to_be_visible()
    page.click(".thought summary")
    expect(page.locator(".thought strong")).to_have_text("hm")
    page.get_by_label("Copy answer").click()
    clipboard_has(page, "It is blue.")


def test_a_refused_second_try_keeps_the_first(page: Page, model: FakeModel) -> None:
    say(page, "Hi")
    answered(page)
    model.refuses = ContextOverflow("It does not fit.")
    page.get_by_label("Answer again").click()
    expect(page.locator("#problem")).to_have_text("It does not fit.")
    answered(page)


def test_a_server_that_goes_away_is_told(page: Page) -> None:
    page.route("**/turns", lambda route: route.abort())
    say(page, "Anybody?")
    expect(page.locator("#problem")).to_contain_text("The server does not answer")
    assert page.input_value("#question") == "Anybody?"
    expect(page.locator(".question")).to_have_count(0)


def test_a_file_is_given_and_taken_out(page: Page) -> None:
    page.set_input_files(
        "#file", {"name": "tea.txt", "mimeType": "text/plain", "buffer": b"Tea is free."}
    )
    expect(page.locator("#attached li")).to_contain_text("tea.txt: read")
    say(page, "What is free?")
    # What the model says does not stand in the file: it is not shown.
    answered(page, "“Tea is free.” [1] — tea.txt")
    page.reload()
    expect(page.locator("#attached li")).to_contain_text("tea.txt: read")
    page.get_by_role("button", name="Take tea.txt out").click()
    expect(page.locator("#attached")).to_be_hidden()
    page.locator("#new-chat").click()
    expect(page.locator("#attached")).to_be_hidden()

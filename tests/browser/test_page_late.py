"""Replies that come late, after the person has gone on: nothing is lost, and nothing is drawn over.

Each of these was a failure of the page on a slow day.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from server.fakes import FakeModel
from server.serving import wait_until

from fireside.errors import ContextOverflow
from fireside.storage import Store

from .steps import Held, answered, open_chat, round_trip, say

pytestmark = pytest.mark.browser

CONVERSATIONS = "**/api/conversations"
ONE = "**/api/conversations/*"
LOAD = "import('/page/view.js').then(({ sidebar }) => sidebar.load())"


def titles(store: Store) -> list[str]:
    return [each.title for each in store.conversations()]


def test_a_question_before_the_models_are_known(page: Page) -> None:
    models = Held(page, "GET", "**/api/models")
    page.reload(wait_until="commit")
    models.wait()
    say(page, "Early")
    answered(page)
    models.let_go()
    expect(page.locator("#model > option")).to_have_count(1)
    expect(page.locator("#model optgroup[label=Personas] > option")).not_to_have_count(0)


def test_one_question_at_a_time(page: Page, store: Store, model: FakeModel) -> None:
    beginning = Held(page, "POST", CONVERSATIONS)
    say(page, "One")
    beginning.wait()
    page.keyboard.press("Enter")
    say(page, "Two")
    expect(page.locator(".question")).to_have_count(1)
    expect(page.locator("#stop")).to_be_visible()
    assert page.input_value("#question") == "Two"
    beginning.let_go()
    answered(page)
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_have_count(2)
    answered(page)
    assert len(model.submitted) == 2
    assert "Two" not in titles(store)


def test_a_stop_before_the_answer_has_a_name(page: Page, model: FakeModel) -> None:
    model.holds("Held")
    beginning = Held(page, "POST", CONVERSATIONS)
    say(page, "Never mind")
    beginning.wait()
    page.click("#stop")
    beginning.let_go()
    expect(page.locator(".remark")).to_have_text("You stopped this answer.")


def test_gone_elsewhere_while_a_chat_begins(page: Page, store: Store) -> None:
    say(page, "Elsewhere")
    answered(page)
    page.click("#new-chat")
    beginning = Held(page, "POST", CONVERSATIONS)
    say(page, "Begun and left")
    beginning.wait()
    open_chat(page, "Elsewhere")
    answered(page)
    beginning.let_go()
    expect(page.locator("#conversations .open").first).to_have_text("Begun and left")
    expect(page.locator("#title")).to_have_text("Elsewhere")
    expect(page.locator(".bubble")).to_have_text("Elsewhere")
    open_chat(page, "Begun and left")
    expect(page.locator(".bubble")).to_have_text("Begun and left")
    answered(page)


def test_a_new_chat_while_one_begins(page: Page) -> None:
    beginning = Held(page, "POST", CONVERSATIONS)
    say(page, "Begun first")
    beginning.wait()
    page.click("#new-chat")
    expect(page.locator(".question")).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()
    say(page, "Begun second")
    beginning.wait(2)
    beginning.let_go()
    answered(page)
    expect(page.locator(".bubble")).to_have_text("Begun second")
    expect(page.locator("#conversations .open", has_text="Begun first")).to_have_count(1)


@pytest.mark.parametrize("begun", [True, False])
def test_a_refusal_that_comes_after_leaving(
    page: Page, model: FakeModel, store: Store, begun: bool
) -> None:
    say(page, "A quiet place")
    answered(page)
    page.click("#new-chat")
    if begun:
        say(page, "A chat of its own")
        answered(page)
    before = len(store.conversations(limit=200))
    model.refuses = ContextOverflow("It is too long.")
    turn = Held(page, "POST", "**/turns")
    say(page, "Refused")
    turn.wait()
    open_chat(page, "A quiet place")
    answered(page)
    page.fill("#question", "typed since")
    turn.let_go()
    expect(page.locator("#problem")).to_have_text("It is too long.")
    assert page.input_value("#question") == "Refused\ntyped since"
    expect(page.locator(".bubble")).to_have_text("A quiet place")
    assert wait_until(lambda: len(store.conversations(limit=200)) == before)


def test_a_refused_beginning_keeps_the_chosen_model(page: Page, model: FakeModel) -> None:
    listed = {"data": [model.name, "another"]}
    page.route("**/api/models", lambda route: route.fulfill(json=listed))
    page.reload()
    page.select_option("#model", "another")
    say(page, "Hi")
    expect(page.locator("#problem")).to_contain_text("There is no model 'another'")
    assert page.input_value("#question") == "Hi"
    assert page.input_value("#model") == "another"
    page.select_option("#model", model.name)
    page.press("#question", "Enter")
    answered(page)


def test_the_last_click_wins(page: Page) -> None:
    for title in ("Alpha", "Beta"):
        page.click("#new-chat")
        say(page, title)
        answered(page)
    page.click("#new-chat")
    opening = Held(page, "GET", ONE)
    open_chat(page, "Alpha")
    opening.wait()
    open_chat(page, "Beta")
    opening.wait(2)
    opening.let_go(1, 0)
    answered(page)
    expect(page.locator(".bubble")).to_have_text("Beta")
    round_trip(page)
    expect(page.locator(".bubble")).to_have_text("Beta")


def test_a_question_typed_before_the_conversation_is_here(page: Page) -> None:
    say(page, "Slow to load")
    answered(page)
    opening = Held(page, "GET", ONE)
    page.reload(wait_until="commit")
    opening.wait()
    say(page, "Typed early")
    opening.let_go()
    expect(page.locator(".question")).to_have_count(2)
    answered(page)
    expect(page.locator("#title")).to_have_text("Slow to load")


def test_a_question_to_what_is_not_there_is_given_back(page: Page) -> None:
    opening = Held(page, "GET", ONE)
    page.goto("/#/c/conv_nothing")
    opening.wait()
    say(page, "Hello?")
    opening.let_go()
    expect(page.locator("#problem")).to_contain_text("There is no conversation")
    expect(page.locator("#question")).to_have_value("Hello?")


def test_a_refused_edit_keeps_its_words(page: Page, model: FakeModel) -> None:
    say(page, "First words")
    answered(page)
    model.refuses = ContextOverflow("It is too long.")
    page.locator(".question").hover()
    page.get_by_label("Edit and ask again").click()
    page.get_by_label("Your message, edited").fill("Better words")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_have_text("It is too long.")
    expect(page.get_by_label("Your message, edited")).to_have_value("Better words")
    answered(page)
    model.refuses = None
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".bubble")).to_have_text("Better words")
    answered(page)


def test_an_edit_during_an_answer_is_kept(page: Page, model: FakeModel) -> None:
    say(page, "Early question")
    answered(page)
    model.holds("On and", " on.")
    say(page, "Go on")
    expect(page.locator(".live .prose")).to_have_text("On and")
    page.locator(".question").first.hover()
    page.get_by_label("Edit and ask again").first.click()
    box = page.get_by_label("Your message, edited")
    box.fill("Half an edit")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("still being written")
    model.go_on.set()
    answered(page, "On and on.")
    expect(box).to_have_value("Half an edit")
    page.keyboard.press("Escape")
    expect(page.locator(".bubble").first).to_have_text("Early question")


def test_a_rename_during_an_answer(page: Page, model: FakeModel, store: Store) -> None:
    model.holds("On and", " on.")
    say(page, "Rename me")
    item = page.locator("#conversations li", has_text="Rename me")
    item.hover()
    item.get_by_label("Rename Rename me").click()
    page.get_by_label("New name").fill("Renamed in")
    model.go_on.set()
    answered(page, "On and on.")  # and the list has been loaded anew
    page.keyboard.type(" time")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Renamed in time")
    assert "Renamed in time" in titles(store)


def test_a_deletion_during_a_load(page: Page, store: Store) -> None:
    say(page, "Doomed")
    answered(page)
    item = page.locator("#conversations li", has_text="Doomed")
    item.hover()
    item.get_by_label("Delete Doomed").click()
    page.evaluate(LOAD)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(item).to_have_count(0)
    expect(page.locator("#hero")).to_be_visible()
    assert "Doomed" not in titles(store)


def test_a_list_that_is_out_of_date_is_not_shown(page: Page) -> None:
    say(page, "Gone soon")
    answered(page)
    loading = Held(page, "GET", CONVERSATIONS, answered=True)
    page.evaluate(f"void {LOAD}")
    loading.wait()
    loading.hold_no_more()
    item = page.locator("#conversations li", has_text="Gone soon")
    item.hover()
    item.get_by_label("Delete Gone soon").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(item).to_have_count(0)
    loading.let_go()
    round_trip(page)
    expect(item).to_have_count(0)


def test_a_double_click_sends_and_does_not_stop(page: Page, model: FakeModel) -> None:
    model.holds("On and", " on.")
    page.fill("#question", "Impatient")
    page.dblclick("#send")
    expect(page.locator(".live .prose")).to_have_text("On and")
    model.go_on.set()
    answered(page, "On and on.")
    expect(page.locator(".remark")).to_have_count(0)


def test_escape_closes_a_dialog_and_stops_nothing(page: Page, model: FakeModel) -> None:
    model.holds("On and", " on.")
    say(page, "Listen")
    item = page.locator("#conversations li", has_text="Listen")
    item.hover()
    item.get_by_label("Delete Listen").click()
    expect(page.locator("#confirm")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    model.go_on.set()
    answered(page, "On and on.")
    expect(page.locator(".remark")).to_have_count(0)

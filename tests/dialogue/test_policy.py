"""What a policy does with a conversation: forms, corrections, digressions, questions, hand-over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fireside.dialogue.config import DialogueConfig
from fireside.dialogue.policy import decide

from .conftest import TODAY, Talk


def test_a_form_asks_for_what_is_missing_and_confirms(talk: Talk) -> None:
    assert talk.say("give me my money back") == "Which order?"
    assert talk.say("it is ab-1234") == "What is wrong?"
    assert talk.say("broken") == "When?"
    assert talk.say("Tuesday") == "AB-1234, damaged, Tuesday, 24 November 2026: right?"
    assert talk.state.questions[-1].kind == "confirm"
    assert talk.say("yes") == "Noted: AB-1234."
    assert talk.state.goal is None
    assert talk.state.question is None
    assert talk.state.finished == ("refund",)
    assert {value.how for value in talk.state.slots.values()} == {"confirmed"}
    order = talk.state.slots["order"]
    assert (order.said, order.message_id) == ("ab-1234", "m2")


def test_everything_at_once_is_not_asked_again(talk: Talk) -> None:
    said = talk.say("give me my money back for AB-1234, it came broken, pick it up on Tuesday")
    assert said is not None
    assert said.startswith("AB-1234, damaged, Tuesday")


def test_a_branch_of_the_flow_is_taken_when_its_value_says_so(talk: Talk) -> None:
    talk.say("give me my money back")
    talk.say("AB-1234")
    assert talk.say("I changed my mind") == "Was it opened?"
    assert talk.say("no") == "When?"
    assert talk.values["opened"] == "no"


@pytest.mark.parametrize(
    "said", ["no, I meant Wednesday", "Wednesday", "not Tuesday but Wednesday", "sorry, Wednesday"]
)
def test_a_correction_replaces_and_is_confirmed_anew(talk: Talk, said: str) -> None:
    for line in ("give me my money back", "AB-1234", "broken", "Tuesday"):
        talk.say(line)
    assert talk.say(said) == "AB-1234, damaged, Wednesday, 25 November 2026: right?"
    pickup = talk.state.slots["pickup"]
    assert (pickup.value, pickup.how, pickup.message_id) == ("2026-11-25", "corrected", "m5")


def test_after_no_it_asks_what_is_wrong(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234", "broken", "Tuesday"):
        talk.say(line)
    assert talk.say("no") == "What should I change?"
    assert talk.say("the pickup") == "When?"
    assert talk.say("tomorrow") == "AB-1234, damaged, Monday, 23 November 2026: right?"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("yes", "Noted"), ("👍", "Noted"), ("No problem, go ahead", "Noted"),
        ("That's right, thanks", "Noted"), ("I can confirm that", "Noted"),
        ("absolutely not", "What should"), ("of course not", "What should"),
        ("I don't think that's right", "What should"), ("incorrect", "What should"),
        ("not quite", "What should"), ("don't do it", "What should"),
        ("Yeah, no.", "right?"), ("Yes, no", "right?"), ("yes... no wait", "right?"),
        ("yes please don't", "right?"), ("yes, if it is free", "right?"),
    ],
)  # fmt: skip
def test_only_a_plain_yes_confirms(talk: Talk, said: str, answer: str) -> None:
    for line in ("give me my money back", "AB-1234", "broken", "Tuesday"):
        talk.say(line)
    told = talk.say(said)
    assert told is not None
    assert answer in told
    assert (talk.state.goal is None) == (answer == "Noted")


@pytest.mark.parametrize(
    ("said", "opened"),
    [
        ("I don't know", None), ("not sure", None), ("no idea, I don't remember", None),
        ("I haven't", "no"), ("I didn't", "no"), ("No, I did not", "no"), ("it was", "yes"),
        ("yes, I did", "yes"), ("I have a question for you", None),
    ],
)  # fmt: skip
def test_not_to_know_is_no_answer(talk: Talk, said: str, opened: str | None) -> None:
    for line in ("give me my money back", "AB-1234", "I changed my mind"):
        talk.say(line)
    talk.say(said)
    assert talk.values.get("opened") == opened


def test_the_wrong_value_may_be_named(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234", "broken"):
        talk.say(line)
    assert talk.say("no, not AB-1234, AB-9999") == "When?"
    assert talk.values["order"] == "AB-9999"


def test_two_values_in_a_turn_are_asked_about(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234", "broken"):
        talk.say(line)
    said = talk.say("Tuesday or Wednesday")
    assert said is not None
    assert "Tuesday, 24 November 2026 or Wednesday, 25 November 2026" in said
    assert "pickup" not in talk.values
    talk.say("the second one")
    assert talk.values["pickup"] == "2026-11-25"


def test_a_date_of_two_readings_is_asked_about(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234", "broken", "3/4"):
        talk.say(line)
    assert talk.state.question is not None
    assert talk.state.question.options == ("2027-03-04", "2027-04-03")
    talk.say("April")
    assert talk.values["pickup"] == "2027-04-03"


def test_a_contradiction_is_asked_about_and_never_taken_in_silence(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234"):
        talk.say(line)
    said = talk.say("by the way the order AB-9999")
    assert said is not None
    assert "AB-1234 or AB-9999" in said
    assert talk.values["order"] == "AB-1234"
    assert talk.say("AB-9999") == "What is wrong?"
    assert talk.values["order"] == "AB-9999"


def test_a_value_that_two_slots_could_take(talk: Talk) -> None:
    talk.say("book a room please")
    assert talk.say("Tuesday") == "When do you leave?"
    assert talk.values == {"arrival": "2026-11-24"}
    assert talk.say("until Friday") == "How many?"
    assert talk.say("4 people") == "Booked."
    assert talk.values == {"arrival": "2026-11-24", "departure": "2026-11-27", "guests": "4"}


def test_a_value_without_a_slot_is_asked_about(talk: Talk) -> None:
    said = talk.say("book a room please, Friday")
    assert said == "What is Friday, 27 November 2026: the arrival or the departure?"
    assert talk.say("the arrival") == "When do you leave?"
    assert talk.values == {"arrival": "2026-11-27"}


def test_a_number_out_of_bounds_is_not_taken(talk: Talk) -> None:
    for line in ("book a room please", "Tuesday", "until Friday"):
        talk.say(line)
    assert talk.say("77 people") == (
        "I am not sure that I understood. Could you say it in other words? How many?"
    )
    assert "guests" not in talk.values


def test_a_question_in_the_middle_is_answered_and_the_form_returns(talk: Talk) -> None:
    talk.say("give me my money back")
    assert talk.say("opening hours?") == "From 9 to 17.\n\nWhich order?"
    assert talk.say("Do you sell umbrellas?") is None
    assert talk.last is not None
    assert talk.last.move.model
    assert talk.last.move.after == "Which order?"
    assert talk.state.misunderstood == 0
    assert talk.say("AB-1234") == "What is wrong?"


def test_another_flow_in_the_middle_comes_back_to_the_first(talk: Talk) -> None:
    talk.say("give me my money back")
    talk.say("AB-1234")
    assert talk.say("book a room please") == "When do you come?"
    assert [paused.goal for paused in talk.state.paused] == ["refund"]
    talk.say("Tuesday")
    talk.say("until Friday")
    assert talk.say("2 people") == "Booked.\n\nBack to your refund.\n\nWhat is wrong?"
    assert talk.state.goal == "refund"


def test_calling_off_leaves_nothing_behind(talk: Talk) -> None:
    talk.say("give me my money back")
    talk.say("AB-1234")
    said = talk.say("never mind")
    assert said is not None
    assert "stopped" in said
    assert talk.state.goal is None
    assert talk.values == {}


def test_a_second_time_a_flow_asks_anew(talk: Talk) -> None:
    for line in ("give me my money back", "AB-1234", "broken", "Tuesday", "yes"):
        talk.say(line)
    assert talk.say("give me my money back") == "Which order?"


def test_two_intents_are_asked_about(talk: Talk) -> None:
    said = talk.say("give me my money back or book a room please")
    assert said == "I am not sure what you would like: get money back or book a room?"
    assert talk.state.goal is None
    assert talk.say("the second") == "When do you come?"
    assert talk.state.goal == "room"


def test_what_is_none_of_the_intents_is_the_models(talk: Talk) -> None:
    assert talk.say("quantum chromodynamics") is None
    assert talk.last is not None
    assert talk.last.move.model
    assert talk.state.intent is None


def test_an_intent_may_instruct_the_model(talk: Talk) -> None:
    assert talk.say("tell me a story") is None
    assert talk.last is not None
    assert talk.last.move.instructions == "Tell a short story."


def test_a_person_takes_over_and_is_told_everything(talk: Talk) -> None:
    talk.say("give me my money back")
    talk.say("AB-1234")
    said = talk.say("I want to talk to a human")
    assert said is None, "what is said is known once the ticket is written"
    assert talk.last is not None
    assert talk.last.move.ticket == talk.state.handed_over
    over = talk.state.handed_over
    assert over is not None
    for piece in ("asked for a person", "your refund", "AB-1234", "reason", "What is wrong?"):
        assert piece in over.summary
    talk.say("hello?")
    assert talk.last.why == "waiting"
    assert talk.state.handed_over == over


def test_a_person_may_answer_in_silence(talks: Callable[[str], Talk]) -> None:
    talk = talks('[handover]\nwaiting = ""\n[intents.a]\nhandover = "Bo"\nexamples = ["go away"]')
    talk.say("go away")
    assert talk.state.handed_over is not None
    assert talk.state.handed_over.to == "Bo"
    assert talk.say("hello?") == ""
    assert talk.last is not None
    assert not talk.last.move.model


def test_not_understood_twice_calls_a_person(talk: Talk) -> None:
    talk.say("give me my money back")
    assert talk.say("flurb") == "An order is like AB-1234. Which one?"
    talk.say("blarg")
    assert talk.state.handed_over is not None
    assert "2 times" in talk.state.handed_over.reason


def test_a_low_mood_calls_a_person(talk: Talk) -> None:
    talk.say("give me my money back")
    for score in (-0.9, -0.8, -0.7):
        talk.state = talk.state.with_mood(score)
    talk.say("AB-1234")
    assert talk.state.handed_over is not None
    assert "-0.90" in talk.state.handed_over.summary


@pytest.mark.parametrize("text", ["你好", "我要三张票", "😀😀", "???", "", "\x00\n", "z" * 50_000])
def test_unexpected_turns_are_no_error(talk: Talk, text: str) -> None:
    talk.say(text)
    assert talk.values == {}
    talk.say("give me my money back")
    talk.say(text)
    assert talk.values == {}
    assert talk.state.goal == "refund"


def test_a_desk_in_chinese(talks: Callable[[str], Talk]) -> None:
    """What the embedding model cannot read is compared by its letters."""
    talk = talks(
        """
        unclear = "我没有听懂。"
        [slots.day]
        type = "date"
        question = "哪一天?"
        [intents.visit]
        flow = "visit"
        examples = ["我想预约一个时间", "可以预约吗"]
        [flows.visit]
        steps = [{ ask = "day" }, { say = "好的: {day}。" }]
        """
    )
    assert talk.say("我想预约时间") == "哪一天?"
    assert talk.say("明天") == "好的: Monday, 23 November 2026。"
    talk.say("请转人工")
    assert talk.state.handed_over is not None


def test_ten_thousand_turns_keep_a_state_of_one_size(talk: Talk, desk: DialogueConfig) -> None:
    lines = [
        "give me my money back",
        "AB-1234",
        "broken",
        "what?",
        "Tuesday",
        "yes",
        "opening hours",
    ]
    sizes = []
    reader = talk.reader
    readings = {}
    for turn in range(10_000):
        line = lines[turn % len(lines)]
        key = (line, talk.state.goal, talk.state.question)
        if key not in readings:  # the policy is tried, not the reader
            readings[key] = reader.read(line, talk.state, today=TODAY)
        state = talk.state.with_mood(0.1)
        talk.state = decide(desk, state, readings[key], message_id=f"m{turn}", said=[line]).state
        sizes.append(len(str(talk.state.as_json())))
    assert talk.state.turns == 10_000
    assert max(sizes[5_000:]) <= max(sizes[:500]) + 60

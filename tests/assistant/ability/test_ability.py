"""What a persona can do with a model: scores, states, and what is said where it is too little."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel, FakeModels

from fireside.assistant import Assistant, Chat, Done
from fireside.assistant.ability.afterwards import check_afterwards
from fireside.assistant.ability.checks import check_of, fingerprint
from fireside.assistant.ability.measuring import measure
from fireside.assistant.ability.scores import SHIPPED_SCORES, Score, Scores
from fireside.assistant.ability.states import Abilities, Larger, larger_model
from fireside.assistant.persona import Persona, Personas, parse
from fireside.assistant.pipeline import Pipeline
from fireside.assistant.rehearsal import check_names
from fireside.assistant.steps.ability import TooSmall, TooSmallStill, UnknownLanguage
from fireside.errors import BadRequest
from fireside.hub import LocalModel
from fireside.hub.catalogue import catalogue
from fireside.settings import Settings
from fireside.storage import Store

SHIPPED = Personas().names


def larger(needs: str, knows: tuple[str, ...]) -> Larger:
    entry = catalogue()["qwen3:4b-instruct"]
    return Larger(entry=entry, tokens_per_s=9.2, is_here=False, fits=True)


def score_of(persona: Persona, right: int, of: int = 20) -> Score:
    return Score(right=right, of=of, persona=fingerprint(persona), date="2026-11-30")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "personas" / "checks").mkdir(parents=True)
    (tmp_path / "personas" / "clerk.toml").write_text(
        '[ability]\ngood = 0.9\nlimited = 0.5\nlimits = "sums only"\n'
    )
    return tmp_path


@pytest.fixture
def scores(home: Path) -> Scores:
    return Scores(home / "ability.json", shipped=None)


def chat_of(store: Store, home: Path, scores: Scores, model: FakeModel, **how: Any) -> Chat:
    abilities = Abilities(scores, larger)
    tries = how.get("try_anyway", False)
    steps = [UnknownLanguage(abilities, tries), TooSmall(abilities, tries), TooSmallStill()]
    assistant = Assistant(Personas(home / "personas"), Pipeline.of(steps))
    return Chat(FakeModels(model), store, assistant)


def answer_of(turn: Any) -> tuple[str, Mapping[str, Any]]:
    *_, done = turn
    assert isinstance(done, Done)
    return done.message.content, done.receipt


# Scores


def test_the_interval_is_wilsons() -> None:
    """Reference: Newcombe (1998), table I: 81 of 263 is 0.2553 to 0.3662, 0 of 20 0 to 0.1611."""
    persona = Persona()
    low, high = score_of(persona, 81, 263).interval
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = score_of(persona, 0, 20).interval
    assert (low, round(high, 4)) == (0.0, 0.1611)


def test_a_score_is_of_the_persona_as_it_was(home: Path, scores: Scores) -> None:
    clerk = Personas(home / "personas").get("clerk")
    scores.keep("m", "abc", "clerk", score_of(clerk, 19))
    assert Scores(home / "ability.json", shipped=None).of(clerk, "m") == score_of(clerk, 19)
    assert scores.of(clerk, "other") is None
    assert scores.of(clerk.model_copy(update={"instructions": "Be rude."}), "m") is None
    moved = clerk.ability.model_copy(update={"good": 0.99})
    assert scores.of(clerk.model_copy(update={"ability": moved}), "m") is not None


def test_other_weights_of_that_name_begin_anew(home: Path, scores: Scores) -> None:
    clerk = Personas(home / "personas").get("clerk")
    scores.keep("m", "abc", "other", score_of(clerk, 19))
    scores.keep("m", "def", "clerk", score_of(clerk, 1))
    table = json.loads((home / "ability.json").read_text())
    assert list(table["m"]["personas"]) == ["clerk"]


@pytest.mark.parametrize("spoiled", ["", "[]", '{"m": 3}', '{"m": {"personas": {"clerk": {}}}}'])
def test_a_spoiled_file_measures_nothing(home: Path, scores: Scores, spoiled: str) -> None:
    (home / "ability.json").write_text(spoiled)
    assert scores.of(Personas(home / "personas").get("clerk"), "m") is None


# States


@pytest.mark.parametrize(
    ("right", "state"), [(18, "good"), (17, "limited"), (10, "limited"), (9, "needs_larger")]
)
def test_states(home: Path, scores: Scores, right: int, state: str) -> None:
    clerk = Personas(home / "personas").get("clerk")
    scores.keep("m", "abc", "clerk", score_of(clerk, right))
    ability = Abilities(scores, larger).of(clerk, "m")
    assert ability.state == state
    assert f"{right} of 20 checks" in ability.line
    if state == "limited":
        assert "sums only" in ability.line
    if state == "needs_larger":
        assert "qwen3:4b-instruct" in ability.line
        for words in ("2.5 GB to fetch", "5.5 GB of memory", "about 9 tokens a second"):
            assert words in ability.line
        assert ability.line.endswith("fireside models pull qwen3:4b-instruct")
        assert ability.as_json()["needs"]["command"] in ability.line


def test_what_was_not_measured_is_not_judged(home: Path, scores: Scores) -> None:
    clerk = Personas(home / "personas").get("clerk")
    assert Abilities(scores, larger).of(clerk, "m").state == "not_measured"


def test_the_model_that_is_named_is_one_that_will_do(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    order = list(catalogue())
    found = larger_model("qwen3:1.7b", (), settings)
    assert order.index(found.entry.name) >= order.index("qwen3:1.7b")
    for code in ("zh", "fr", "hi", "th", "uk"):
        assert code in larger_model("", (code,), settings).entry.languages


def test_thresholds_out_of_order_and_unknown_models_are_told() -> None:
    with pytest.raises(BadRequest, match="limited must not be more than good"):
        parse("[ability]\ngood = 0.5\nlimited = 0.6\n", origin="a.toml")
    with pytest.raises(BadRequest, match=r"did you mean 'qwen3:1\.7b'"):
        parse('[ability]\nneeds = "qwen3:1.8b"\n', origin="a.toml")


# What is said


def test_it_is_said_once_in_full_and_then_in_short(
    store: Store, home: Path, scores: Scores, model: FakeModel
) -> None:
    scores.keep("fake", "abc", "clerk", score_of(Personas(home / "personas").get("clerk"), 2))
    chat = chat_of(store, home, scores, model)
    conversation = store.create_conversation(model="persona:clerk")
    first, receipt = answer_of(chat.turn(conversation.id, "Reckon this"))
    assert "fake is too small for this: 2 of 20 checks" in first
    assert "fireside models pull qwen3:4b-instruct" in first
    assert [row["state"] for row in receipt["steps"] if row["name"] == "ability"] == [
        "needs_larger"
    ]
    second, _ = answer_of(chat.turn(conversation.id, "And that?"))
    assert len(second) < len(first) / 2
    assert "fireside models pull qwen3:4b-instruct" in second
    assert not model.asked


def test_anyway_tries_and_is_marked(
    store: Store, home: Path, scores: Scores, model: FakeModel
) -> None:
    scores.keep("fake", "abc", "clerk", score_of(Personas(home / "personas").get("clerk"), 2))
    asked = store.create_conversation(model="persona:clerk")
    chat = chat_of(store, home, scores, model)
    set_so = chat_of(store, home, scores, model, try_anyway=True)
    turns = (
        chat.turn(asked.id, "Reckon this", anyway=True),
        set_so.turn(store.create_conversation(model="persona:clerk").id, "Reckon this"),
    )
    for turn in turns:
        answer, receipt = answer_of(turn)
        assert answer == "ok"
        [step] = [row for row in receipt["steps"] if row["name"] == "ability"]
        assert step["anyway"] is True
        assert "too small" in receipt["notices"][0]


def test_what_needs_no_model_is_said_all_the_same(
    store: Store, home: Path, scores: Scores, model: FakeModel
) -> None:
    class Sure:
        stage: Any = "understand"
        name = "sure"

        def run(self, exchange: Any) -> None:
            if "7 x 8" in exchange.question.content and exchange.reply is None:
                exchange.reply = "56"

    (home / "personas" / "clerk.toml").write_text("[ability]\nscripted = true\n")
    personas = Personas(home / "personas")
    scores.keep("fake", "abc", "clerk", score_of(personas.get("clerk"), 0))
    abilities = Abilities(scores, larger)
    steps = [TooSmall(abilities, False), Sure(), TooSmallStill()]
    chat = Chat(FakeModels(model), store, Assistant(personas, Pipeline.of(steps)))
    conversation = store.create_conversation(model="persona:clerk")
    assert answer_of(chat.turn(conversation.id, "7 x 8"))[0] == "56"
    assert "too small" in answer_of(chat.turn(conversation.id, "Tell me a joke"))[0]
    assert not model.asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("你好", "不懂中文"),
        ("Bonjour, pouvez-vous m'aider avec ma commande ?", "ne comprend pas le français"),
        ("Привет, как дела?", "не понимает по-русски"),
        ("こんにちは、元気ですか", "日本語を理解できません"),
        ("¿Dónde está mi paquete?", "no entiende español"),
    ],
)
def test_a_language_that_the_model_does_not_know(
    store: Store, home: Path, scores: Scores, text: str, words: str
) -> None:
    model = FakeModel(name="smollm2:135m", entry=catalogue()["smollm2:135m"])
    chat = chat_of(store, home, scores, model)
    answer, receipt = answer_of(chat.turn(store.create_conversation().id, text))
    assert words in answer
    assert "fireside models pull qwen3:4b-instruct" in answer
    assert "\n" not in answer
    assert not model.asked
    assert [row["answered"] for row in receipt["steps"] if row["name"] == "language"] == [True]


@pytest.mark.parametrize("text", ["hi", "Hallo", "What does 你好 mean?", "7 x 8", "AB-12345", "👍"])
def test_short_and_mixed_texts_stay_undecided(
    store: Store, home: Path, scores: Scores, text: str
) -> None:
    model = FakeModel(name="smollm2:135m", entry=catalogue()["smollm2:135m"])
    chat = chat_of(store, home, scores, model)
    assert answer_of(chat.turn(store.create_conversation().id, text))[0] == "ok"


def test_a_model_answers_in_its_languages(store: Store, home: Path, scores: Scores) -> None:
    model = FakeModel(name="qwen3:0.6b", entry=catalogue()["qwen3:0.6b"])
    chat = chat_of(store, home, scores, model)
    assert answer_of(chat.turn(store.create_conversation().id, "你好"))[0] == "ok"


# Checks


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_persona_has_a_check(name: str) -> None:
    personas = Personas()
    check = check_of(personas, name)
    assert check is not None
    assert check.persona == name
    assert 20 <= len(check.scripts) <= 60
    check_names(check, personas.get(name).dialogue)


def test_the_shipped_scores_are_of_the_embedded_model() -> None:
    table = json.loads(SHIPPED_SCORES.read_text(encoding="utf-8"))
    [(model, row)] = table.items()
    entry = catalogue()[model]
    assert row["sha256"] in entry.sha256.values()
    assert set(row["personas"]) == set(SHIPPED)
    for score in row["personas"].values():
        assert 20 <= score["of"] <= 60


def test_a_check_grades_what_a_person_sees(home: Path) -> None:
    (home / "personas" / "checks" / "clerk.chat").write_text(
        "persona: clerk\n"
        "user: say 12\nexpect: contains 12\n\n"
        "conversation: new numbers\nuser: I have 3 apples\nexpect: same_numbers\n\n"
        "conversation: too long\nuser: be brief\nexpect: at_most 2\n\n"
        "conversation: no tool\nuser: hello\nexpect: calls nothing\nexpect: language en\n"
    )
    answers = {"say": "12", "I have": "You have 4", "be brief": "one two three", "hello": "Hello!"}

    class Scripted(FakeModel):
        def generate(self, prompt_ids: Any, params: Any, *, owner: str = "") -> Any:
            prompt = "".join(map(chr, prompt_ids))
            self.script = [[text] for asked, text in answers.items() if f"<user>{asked}" in prompt]
            return super().generate(prompt_ids, params, owner=owner)

    models: Any = FakeModels(Scripted())
    models.embedder = lambda name=None: None
    personas = Personas(home / "personas")
    # One after another: the stand-in's script is its own.
    settings = Settings(home=home)
    score, held = measure("clerk", "fake", models, settings, personas, at_once=1)
    failed = [each.script.name for each in held if each.failure is not None]
    assert failed == ["new numbers", "too long"]
    assert (score.right, score.of) == (2, 4)
    assert score.persona == fingerprint(personas.get("clerk"))


def test_what_is_measured_or_switched_off_is_not_checked_after_a_pull(tmp_path: Path) -> None:
    def local(name: str) -> LocalModel:
        return LocalModel(name=name, path=tmp_path, format="gguf", entry=catalogue().get(name))

    here = Settings(home=tmp_path)
    assert not check_afterwards(local("smollm2:135m"), here)
    assert not check_afterwards(local("minilm:l6"), here)
    off = Settings(home=tmp_path, check_pulled=False)
    assert not check_afterwards(local("qwen3:0.6b"), off)

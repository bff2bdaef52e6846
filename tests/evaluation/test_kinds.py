"""Each kind of task on a tiny model, against closed forms and against asking one by one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fireside.errors import BadRequest
from fireside.evaluation import Evaluated, Evaluation, Task, evaluate, select
from fireside.evaluation.compare import compare_results
from fireside.evaluation.generation import parse
from fireside.evaluation.perplexity import measure, rolling

from .conftest import TEXT, WINDOW, choice_rows, opened, write_model, write_tokenizer

Write = Callable[..., Path]
PROSE = "\n".join(f"{number}: {TEXT[number % 4]}" for number in range(60)) + "\n"


def ask(model: Evaluated, task: Task, **options: object) -> Evaluation:
    return evaluate(model, [task], **options).evaluations[0]  # type: ignore[arg-type]


def score(evaluation: Evaluation, metric: str) -> float:
    return next(one.value for one in evaluation.scores if one.metric == metric)


# -- multiple choice ------------------------------------------------------------------------


def one_by_one(model: Evaluated, row: dict[str, object]) -> tuple[int, int]:
    """Which choice the formulas pick, plain and per character."""
    totals = []
    for choice in row["choices"]:  # type: ignore[attr-defined]
        context = model.tokenizer.encode(str(row["prompt"]))
        whole = model.tokenizer.encode(f"{row['prompt']} {choice}")
        with torch.no_grad():
            logprobs = model.model(torch.tensor([whole[:-1]]))[0].log_softmax(-1)
        places = range(len(context) - 1, len(whole) - 1)
        totals.append(sum(float(logprobs[i, whole[i + 1]]) for i in places))
    normed = [total / len(c) for total, c in zip(totals, row["choices"], strict=True)]  # type: ignore[call-overload]
    return int(np.argmax(totals)), int(np.argmax(normed))


def test_choices_are_the_formulas(tiny: Evaluated, write: Write) -> None:
    rows = choice_rows()
    (task,) = select([], write("mine.jsonl", rows))
    found = ask(tiny, task)
    expected = [one_by_one(tiny, row) for row in rows]
    golds = [row["gold"] for row in rows]
    assert score(found, "accuracy") == np.mean(
        [plain == gold for (plain, _), gold in zip(expected, golds, strict=True)]
    )
    assert score(found, "accuracy_norm") == np.mean(
        [norm == gold for (_, norm), gold in zip(expected, golds, strict=True)]
    )
    assert found.headline.chance == pytest.approx(
        np.mean([1 / len(row["choices"]) for row in rows])  # type: ignore[arg-type]
    )


def test_the_order_of_the_file_changes_no_score(tiny: Evaluated, write: Write) -> None:
    rows = choice_rows()
    scores = []
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        (task,) = select([], write("mine.jsonl", rows))
        scores.append([(one.metric, one.value, one.stderr) for one in ask(tiny, task).scores])
    assert [x[:2] for x in scores[0]] == [x[:2] for x in scores[1]]
    assert [x[2] for x in scores[0]] == pytest.approx([x[2] for x in scores[1]])


def test_a_uniform_model_guesses(uniform: Evaluated, write: Write) -> None:
    """To it, an answer's likelihood is its length alone; over k letters it is right in 1/k."""
    rows = [
        {"prompt": f"{i}:", "choices": ["a", "b", "c", "d"], "gold": random.Random(i).randrange(4)}
        for i in range(400)
    ]
    (task,) = select([], write("mine.jsonl", rows))
    found = ask(uniform, task).headline
    assert found.stderr is not None
    assert abs(found.value - 0.25) < 4 * found.stderr


def test_contexts_that_differ(tiny: Evaluated, write: Write) -> None:
    write(
        "w.jsonl",
        [
            {"options": ["The old dog", "The moon"], "end": "slept by the fire.", "gold": i % 2}
            for i in range(4)
        ],
    )
    toml = write(
        "w.toml",
        "[w]\nkind='choice'\nfile='w.jsonl'\ncontexts='options'\nanswer='{end}'\ngold='gold'\n",
    )
    found = ask(tiny, select([str(toml)], None)[0], shots=1)
    assert [one.metric for one in found.scores] == ["accuracy"]
    assert found.n == 3


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": "p", "choices": ["a", "b"], "gold": 2}, r"mine.jsonl:1: 'gold' is 2"),
        ({"prompt": "p", "choices": ["a", "b"], "gold": "b"}, "no number from 0 to 1"),
        ({"prompt": "p", "choices": ["a", "b"], "gold": True}, "no number"),
        ({"prompt": "p", "choices": ["a"], "gold": 0}, "fewer than two"),
        ({"prompt": "p", "choices": "ab", "gold": 0}, "no list of texts"),
        ({"prompt": "p", "choices": ["", "b"], "gold": 0}, "an empty answer"),
    ],
)
def test_a_wrong_row(tiny: Evaluated, write: Write, row: dict[str, object], says: str) -> None:
    (task,) = select([], write("mine.jsonl", [row]))
    with pytest.raises(BadRequest, match=says):
        evaluate(tiny, [task])


def test_prompts_that_are_cut_are_told(tiny: Evaluated, write: Write) -> None:
    rows = [*choice_rows(4), {"prompt": "x " * WINDOW, "choices": ["a", "b"], "gold": 0}]
    (task,) = select([], write("mine.jsonl", rows))
    assert ask(tiny, task).notes == (
        "1 of 5 prompts exceeded the window of 256 tokens and lost their beginning",
    )


# -- classification -------------------------------------------------------------------------


def labelled(write: Write, count: int = 24, **fields: object) -> Task:
    words = ["positive", "negative", "neutral"]
    rows = [{"prompt": TEXT[i % 4][: 20 + i], "label": words[i % 3]} for i in range(count)]
    (task,) = select([], write("mine.jsonl", rows))
    return task.model_copy(update=fields)


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("shots", [0, 3])
def test_classes_by_likelihood(tiny: Evaluated, write: Write, chat: bool, shots: int) -> None:
    found = ask(tiny, labelled(write), chat=chat, shots=shots)
    assert (found.n, found.shots) == (24 - shots, shots)
    assert {one.metric for one in found.scores} == {"accuracy", "ece"}
    assert found.headline.chance == pytest.approx(1 / 3)
    assert sum(one["n"] for one in found.details["bins"]) == found.n
    assert all(one.stderr is not None for one in found.scores)


def test_a_uniform_model_is_as_sure_as_chance(uniform: Evaluated, write: Write) -> None:
    one_token = (
        c for c in "abcdefghijklmnopqrstuvwxyz" if len(uniform.tokenizer.encode(f" {c}")) == 1
    )
    words = zip(("positive", "negative", "neutral"), one_token, strict=False)
    letters = labelled(write, labels=dict(words), prompt="{prompt}:")
    found = ask(uniform, letters)
    (only,) = found.details["bins"]
    assert only["confidence"] == pytest.approx(1 / 3, abs=1e-5)
    assert score(found, "ece") == pytest.approx(abs(score(found, "accuracy") - 1 / 3), abs=1e-5)


def test_names_that_tokenise_alike(tiny: Evaluated, write: Write) -> None:
    alike = labelled(write, labels={"positive": "a", "negative": " a", "neutral": "c"})
    with pytest.raises(BadRequest, match="same tokens"):
        evaluate(tiny, [alike])


def test_names_that_begin_as_another_are_ended(tiny: Evaluated, write: Write) -> None:
    found = ask(tiny, labelled(write, labels={"positive": "a", "negative": "a b", "neutral": "c"}))
    assert "what ends an answer" in found.notes[0]


def test_a_class_without_words(tiny: Evaluated, write: Write) -> None:
    with pytest.raises(BadRequest, match=r"mine.jsonl:\d+: 'label' is 'neutral', not one of"):
        evaluate(tiny, [labelled(write, labels={"positive": "a", "negative": "b"})])
    (task,) = select([], write("one.jsonl", [{"prompt": "a", "label": "x"}] * 2))
    with pytest.raises(BadRequest, match="nothing to choose"):
        evaluate(tiny, [task])


def test_no_chat_template(tmp_path: Path, write: Write) -> None:
    write_model(tmp_path, write_tokenizer(tmp_path, template=None))
    with pytest.raises(BadRequest, match="has no chat template: leave out --chat"):
        evaluate(opened(tmp_path), [labelled(write)], chat=True)


# -- perplexity -----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 25, 30])
def test_windows_foretell_each_token_once(length: int) -> None:
    ids = list(range(100, 100 + length))
    windows = list(rolling(ids, 7, 10))
    assert [one for question, kept in windows for one in question.continuation[-kept:]] == ids
    for question, _ in windows:
        assert len(question.context) + len(question.continuation) <= 11
    assert windows[0][0].context == (7,)
    assert list(rolling([], 7, 10)) == []


def test_a_uniform_model_needs_log_v_bits(uniform: Evaluated, write: Write) -> None:
    (task,) = select([], write("prose.txt", PROSE))
    found = ask(uniform, task)
    vocab_size = uniform.model.config.vocab_size
    tokens = len(uniform.tokenizer.encode(PROSE))
    assert score(found, "perplexity") == pytest.approx(vocab_size, rel=1e-4)
    expected = tokens * math.log2(vocab_size) / len(PROSE.encode())
    assert score(found, "bits_per_byte") == pytest.approx(expected, rel=1e-5)
    assert found.headline.higher_is_better is False


def test_pieces_are_the_whole(tiny: Evaluated) -> None:
    text = PROSE + "naïve 中文 🙂\n" * 80
    pieces = measure(tiny, [text, "", "short"])
    assert sum(one.bytes for one in pieces) == len(text.encode()) + 5
    assert sum(one.tokens for one in pieces) == sum(
        len(tiny.tokenizer.encode(one)) for one in (text, "short")
    )
    assert len(pieces) > 5


def test_a_limit_reads_the_beginning(tiny: Evaluated, write: Write) -> None:
    (task,) = select([], write("prose.txt", PROSE))
    assert ask(tiny, task, limit=2).n == 2
    last = task.model_copy(update={"part": [0.9, 1.0]})
    assert ask(tiny, last).headline.weights[0] < 1000


# -- generation -----------------------------------------------------------------------------


def test_answers_are_parsed() -> None:
    task = Task(
        name="t", kind="generation", prompt="p", answer="a",
        pattern=r"####\s*(-?[\d.,]+)", remove=r"[,$]|\.$",
    )  # fmt: skip
    assert parse(task, "so 3\n#### 1,234.") == "1234"
    assert parse(task, "#### 1 and #### -2") == "-2"
    assert parse(task, "it is 7") is None
    plain = Task(name="t", kind="generation", prompt="p", answer="a")
    assert parse(plain, "  The Sun \nand more") == "the sun"


def test_generation_is_greedy_and_exact(tiny: Evaluated, write: Write) -> None:
    """The model's own greedy answers, asked for again, all match; others do not."""
    from fireside.engine.params import SamplingParams

    prompts = [TEXT[i % 4][: 12 + i] for i in range(6)]
    try:
        expected = []
        for prompt in prompts:
            generation = tiny.text_model().generate(
                tiny.prompt(prompt), SamplingParams(temperature=0.0, max_tokens=5)
            )
            expected.append("".join(event.text for event in generation))
        rows = [
            {"prompt": prompt, "answer": answer.strip().partition("\n")[0]}
            for prompt, answer in zip(prompts, expected, strict=True)
        ]
        (task,) = select([], write("mine.jsonl", rows))
        task = task.model_copy(update={"max_tokens": 5})
        assert ask(tiny, task).headline.value == 1
        wrong = [{**row, "answer": "never that"} for row in rows]
        (task,) = select([], write("wrong.jsonl", wrong))
        task = task.model_copy(update={"max_tokens": 5})
        found = ask(tiny, task)
        assert found.headline.value == 0
        assert len(found.samples) == 6
        with pytest.raises(BadRequest, match="lower max_tokens"):
            evaluate(tiny, [task.model_copy(update={"max_tokens": WINDOW})])
    finally:
        tiny.close()


# -- bias -----------------------------------------------------------------------------------


def test_a_uniform_model_minds_nobody(uniform: Evaluated, write: Write) -> None:
    found = ask(uniform, select(["bias"], None)[0], limit=2)
    assert score(found, "likelihood_gap") == pytest.approx(0, abs=1e-5)
    assert {axis["axis"] for axis in found.details["axes"]} == {
        "gender", "religion", "origin", "age",
    }  # fmt: skip


def test_a_model_that_minds(tiny: Evaluated) -> None:
    found = ask(tiny, select(["bias"], None)[0], limit=3)
    assert score(found, "sentiment_gap") > 0
    assert all(one.stderr is not None for one in found.scores)
    for axis in found.details["axes"]:
        assert all(0 <= group["positive"] <= 1 for group in axis["groups"])


PROBE = """
[pets]
groups = ["cats", "dogs"]
sets = [["A cat", "A dog"]]
[templates]
sentences = ["{person} sat on the mat."]
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PROBE.replace('"A cat", ', ""), "a word for each group"),
        (PROBE.replace("{person} sat", "Here sat {person}"), "does not begin with"),
        (PROBE.replace("[templates]", "[phrases]"), "no counterfactual probe"),
        ("[x", "not valid TOML"),
    ],
)
def test_a_wrong_probe(tiny: Evaluated, write: Write, text: str, says: str) -> None:
    (task,) = select(["bias"], write("probe.toml", text))
    with pytest.raises(BadRequest, match=says):
        evaluate(tiny, [task])


def test_a_probe_of_ones_own(tiny: Evaluated, write: Write) -> None:
    (task,) = select(["bias"], write("probe.toml", PROBE))
    assert [axis["axis"] for axis in ask(tiny, task).details["axes"]] == ["pets"]


# -- two models -----------------------------------------------------------------------------


def test_two_models_on_the_same_items(tiny: Evaluated, other: Evaluated, write: Write) -> None:
    tasks = [
        *select([], write("mine.jsonl", choice_rows())),
        *select([], write("prose.txt", PROSE)),
    ]
    first, second = evaluate(tiny, tasks, limit=20), evaluate(other, tasks, limit=20)
    found = {one.metric: one for one in compare_results(first, second)}
    assert set(found) == {"accuracy", "accuracy_norm", "bits_per_byte"}
    assert found["bits_per_byte"].test == "paired bootstrap"
    same = compare_results(first, evaluate(tiny, tasks, limit=20))
    assert all(one.p_value == 1 and one.difference == 0 for one in same)

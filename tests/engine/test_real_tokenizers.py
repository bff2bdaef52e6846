"""Small random models with the families' own tokenizers, through the whole chat path.

The weights are noise: what is tested is what ends an answer, that a mask holds it to its grammar
and to the family's way of calling, that the parser reads the call back, and that text comes out as
it stands, spaces too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fireside.engine import guidance
from fireside.engine.calling import (
    Arguments,
    CallEnded,
    CallStarted,
    Choice,
    Function,
    calling_for,
    finished,
)
from fireside.engine.load import load_text_model
from fireside.engine.params import Constraint, SamplingParams
from fireside.engine.text import TextModel
from fireside.hub.local import open_path
from fireside.messages import Message, ToolCall
from fireside.model.save import save_model
from fireside.settings import Settings
from tests.tokenizer import real

from .small_models import config_of, model_like

# What each model's own generation_config.json lists.
ENDS = {
    "gemma3": [1, 106],
    "llama3_2": [128001, 128008, 128009],
    "mistral_nemo": [2],
    "qwen3": [151643, 151645],
}
# The model's family, and the rows of its embedding, which may be more than the tokenizer has ids.
MODELS = {
    "gemma3": ("gemma3", 262_208),
    "llama3_2": ("llama", 128_256),
    "mistral_nemo": ("mistral", 131_072),
    "qwen3": ("qwen3", 151_936),
}
FUNCTION = Function(
    name="tide_table",
    description="When the tide comes in.",
    parameters={
        "type": "object",
        "properties": {"port": {"enum": ["Cuxhaven", "São Luís"]}, "day": {"enum": [1, 2]}},
        "required": ["port", "day"],
    },
)
CODE = (
    "def f():\n    if x:\n        return [\n            1,\n\t\t  2]  # ▁ é e\u0301 漢字 👩‍👩‍👧\n"
)


@pytest.fixture(scope="module", params=sorted(ENDS))
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TextModel]:
    name = request.param
    family, rows = MODELS[name]
    source = real.folder_of(name)
    folder: Path = tmp_path_factory.mktemp("models") / name
    small = config_of(
        family, vocab_size=rows, width=16, mlp_width=16, tied_head=True,
        num_layers=3 if name == "gemma3" else 1,
        **({"sliding_layers": (True,)} if name == "mistral_nemo" else {}),
        **({"embedding_scale": 4.0} if name == "gemma3" else {}),
    )  # fmt: skip
    save_model(model_like(small), folder)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ENDS[name]}))
    for file in real.FILES:
        (folder / file).symlink_to(source / file)
    settings = Settings(home=folder.parent, precision="float32", kv_cache_mib=64, speculative=0)
    loaded = load_text_model(open_path(folder, name, folder.parent), settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guidance, "COMPILE_SECONDS", 60.0)  # the machine may be ten times as slow
        yield loaded
    loaded.engine.stop()


def answer(model: TextModel, ids: list[int], **params: Any) -> tuple[str, str | None]:
    events = list(model.generate(ids, SamplingParams(seed=3, **params)))
    return "".join(event.text for event in events), events[-1].finish_reason


def question(model: TextModel) -> list[int]:
    return model.tokenizer.render([Message(role="user", content="Where?\n    x")]).ids


def test_every_end_of_the_files_ends_an_answer(model: TextModel) -> None:
    assert model.tokenizer.eos_ids >= set(ENDS[model.name])
    for end in ENDS[model.name]:
        text, reason = answer(model, question(model), logit_bias={end: 100.0}, max_tokens=5)
        assert (text, reason) == ("", "stop")


def test_text_comes_out_as_it_stands(model: TextModel) -> None:
    """The mask lets any way of spelling this text through; whichever it is, the text is this."""
    only = Constraint(kind="choice", value=(CODE,), tame=True)
    text, reason = answer(model, question(model), constraint=only, max_tokens=300, temperature=2.0)
    assert (text, reason) == (CODE, "stop")


def test_what_streams_is_the_whole(model: TextModel) -> None:
    params = SamplingParams(seed=5, max_tokens=60, ignore_eos=True, temperature=3.0, logprobs=0)
    events = list(model.generate(question(model), params))
    ids = [token.id for event in events for token in event.tokens]
    assert len(ids) == 60
    assert "".join(event.text for event in events) == model.tokenizer.decode(ids)


def test_a_schema_holds(model: TextModel) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["é ", "  x"]}}, "required": ["a"]}
    held = Constraint(kind="json_schema", value=schema, tame=True)
    text, reason = answer(model, question(model), constraint=held, max_tokens=200)
    assert reason == "stop"
    assert json.loads(text)["a"] in ("é ", "  x")


def test_a_call_is_written_and_read_in_the_familys_way(model: TextModel) -> None:
    calling = calling_for(model.tokenizer, [FUNCTION], Choice(mode="required"), parallel=False)
    asked = [Message(role="user", content="When?")]
    prompt = calling.render(model.tokenizer, asked).ids
    text, reason = answer(
        model, prompt, constraint=calling.constraint, shown_ids=calling.shown_ids, max_tokens=200
    )
    parser = calling.parser()
    events = [event for letter in text for event in parser.feed(letter)] + parser.finish()
    started = [event for event in events if isinstance(event, CallStarted)]
    assert [event.name for event in started] == ["tide_table"], text
    assert finished(reason, parser) == "tool_calls"
    assert isinstance(events[-1], CallEnded)
    written = "".join(event.text for event in events if isinstance(event, Arguments))
    assert json.loads(written)["port"] in ("Cuxhaven", "São Luís")
    call = ToolCall(id=started[0].id, name="tide_table", arguments=written)
    history = [
        *asked,
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", content="  06:12\n", tool_call_id=call.id, name="tide_table"),
    ]
    served = calling.render(model.tokenizer, history)
    assert "06:12" in served.text
    assert served.ids[: len(prompt) - 8] == prompt[: len(prompt) - 8]
    # What training learns of this turn is the call, as the model wrote it.
    whole = calling.render(model.tokenizer, history[:2])
    learned = [one for one, learn in zip(whole.ids, whole.loss_mask, strict=True) if learn]
    shown = model.tokenizer.decode(learned, skip_special=False)
    assert "tide_table" in shown
    assert "When?" not in shown

"""A model of ours goes out, and says the same in transformers and in llama.cpp as it does here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from model.trained import PROMPTS, RHYME, learn, trained

from engine.llama_cpp import LlamaCpp
from fireside.engine.int8_cache import cache_path
from fireside.engine.load import load_runner, load_text_model
from fireside.engine.params import SamplingParams
from fireside.engine.text import TextModel
from fireside.hub.local import LocalModel, locate
from fireside.messages import Message
from fireside.model.adapters import save_adapter
from fireside.model.export_gguf import export_gguf
from fireside.model.export_hf import export_hf
from fireside.model.load import load_model
from fireside.model.lora import LoraConfig, inject
from fireside.model.tokenizer import load_tokenizer
from fireside.settings import Settings

LENGTH = 50
OTHER = RHYME.replace(
    "Jack built", "killed the cat"
)  # words that it knows: no new embedding is learned


@pytest.fixture(scope="module", autouse=True)
def quiet_transformers() -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return trained("gpt2", tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return trained("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def rhyming(request: pytest.FixtureRequest) -> LocalModel:
    found: LocalModel = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def adapter(llama: LocalModel, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """The llama, tuned to another rhyme."""
    model = load_model(llama)
    inject(model, LoraConfig(rank=16))
    with torch.enable_grad():
        learn(model.train(), torch.tensor(load_tokenizer(llama).encode(OTHER)), steps=200)
    folder = tmp_path_factory.mktemp("adapter") / "tuned"
    save_adapter(model, folder, base=str(llama.path))
    return locate(str(folder), folder)


@contextmanager
def served(local: LocalModel, home: Path, precision: Any = "float32") -> Iterator[TextModel]:
    settings = Settings(home=home, precision=precision, threads=1, kv_cache_mib=64)
    model = load_text_model(local, settings)
    try:
        yield model
    finally:
        model.engine.stop(0.0)


def ours(model: TextModel, prompt: str, length: int = LENGTH) -> str:
    """Our engine's greedy text: prompt and answer together, of `length` ids at most."""
    ids = model.tokenizer.encode(prompt)
    params = SamplingParams(temperature=0.0, max_tokens=length - len(ids))
    return prompt + "".join(event.text for event in model.generate(ids, params))


def all_ours(local: LocalModel, home: Path) -> dict[str, str]:
    with served(local, home) as model:
        return {prompt: ours(model, prompt) for prompt in PROMPTS}


# -- transformers -------------------------------------------------------------------------------


def test_gpt2_as_its_users_load_it(gpt2: LocalModel, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GPT2LMHeadModel, GPT2Tokenizer

    said = all_ours(gpt2, tmp_path)
    model = GPT2LMHeadModel.from_pretrained(gpt2.path)
    for tokenizer in (
        GPT2Tokenizer.from_pretrained(gpt2.path),
        AutoTokenizer.from_pretrained(gpt2.path),
    ):
        for prompt in PROMPTS:
            input_ids = tokenizer.encode(prompt, return_tensors="pt")
            output = model.generate(input_ids, max_length=50, num_return_sequences=1)
            assert tokenizer.decode(output[0], skip_special_tokens=True) == said[prompt]
    assert "house that Jack built" in said[PROMPTS[0]]
    assert (model.config.bos_token_id, model.config.pad_token_id) == (1, 0)
    assert 1 in model.generation_config.eos_token_id


def test_an_export_says_the_same_in_transformers(rhyming: LocalModel, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    said = all_ours(rhyming, tmp_path)
    export_hf(rhyming, tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    for prompt in PROMPTS:
        output = model.generate(**tokenizer(prompt, return_tensors="pt"), max_length=LENGTH)
        assert tokenizer.decode(output[0]) == said[prompt]
    assert all_ours(locate(str(tmp_path / "out"), tmp_path), tmp_path) == said


def test_half_precision_is_exported_as_such(llama: LocalModel, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    export_hf(llama, tmp_path / "out", dtype=torch.float16)
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").dtype is (
        torch.float16
    )


# -- llama.cpp ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_llama_cpp_says_what_we_say(rhyming: LocalModel, tmp_path: Path, kind: Any) -> None:
    path = export_gguf(rhyming, tmp_path / "out", kind=kind)
    said = all_ours(locate(str(path), tmp_path), tmp_path)
    theirs, tokenizer = LlamaCpp(path, context=96), load_tokenizer(rhyming)
    for prompt in PROMPTS:
        left = LENGTH - len(tokenizer.encode(prompt))
        assert prompt + theirs.greedy(prompt, left) == said[prompt]
        assert prompt + theirs.greedy(tokenizer.encode(prompt), left) == said[prompt]
    assert said == all_ours(rhyming, tmp_path)  # the margins are wider than the rounding


def test_llama_cpp_takes_the_chat_template(gpt2: LocalModel, tmp_path: Path) -> None:
    path = export_gguf(gpt2, tmp_path / "out")
    with served(gpt2, tmp_path) as model:
        ids = model.tokenizer.render([Message(role="user", content=PROMPTS[0])]).ids
        params = SamplingParams(temperature=0.0, max_tokens=20)
        said = "".join(event.text for event in model.generate(ids, params))
    chat = [{"role": "user", "content": PROMPTS[0]}]
    assert LlamaCpp(path, context=96).chat(chat, 20) == said


# -- adapters -----------------------------------------------------------------------------------


def test_an_adapter_is_served_as_its_merged_model(adapter: LocalModel, tmp_path: Path) -> None:
    said = all_ours(adapter, tmp_path)
    assert "house that killed the cat" in said[PROMPTS[0]]
    export_hf(adapter, tmp_path / "merged")
    merged = locate(str(tmp_path / "merged"), tmp_path)
    assert merged.adapter is None
    assert all_ours(merged, tmp_path) == said
    base, tuned = load_model(merged).state_dict(), load_model(adapter).state_dict()
    assert all(torch.equal(base[name], tuned[name]) for name in tuned)
    path = export_gguf(adapter, tmp_path / "gguf")
    theirs, left = (
        LlamaCpp(path, context=96),
        LENGTH - len(load_tokenizer(adapter).encode(PROMPTS[0])),
    )
    assert PROMPTS[0] + theirs.greedy(PROMPTS[0], left) == said[PROMPTS[0]]


@pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="int8 needs a CPU with VNNI")
def test_int8_of_an_adapter_is_int8_of_its_merged_model(
    adapter: LocalModel, llama: LocalModel, tmp_path: Path
) -> None:
    said = all_ours(adapter, tmp_path)
    export_hf(adapter, tmp_path / "merged")
    merged = locate(str(tmp_path / "merged"), tmp_path)
    cache = tmp_path / "cache"
    for local in (llama, adapter, merged, llama):
        with served(local, tmp_path, "int8") as model:
            text = ours(model, PROMPTS[0])
        assert ("house that killed" in text) == (local is not llama)
        if local is not llama:
            assert text == said[PROMPTS[0]]
    # The base's rounded weights and the adapter's are kept side by side.
    assert cache_path(llama, cache).exists()
    assert cache_path(adapter, cache).exists()


def test_an_adapter_on_an_adapter(adapter: LocalModel, tmp_path: Path) -> None:
    model = load_model(adapter)
    inject(model, LoraConfig(rank=4), seed=1)
    for name, weight in model.named_parameters():
        if name.endswith("lora_b"):
            weight.data.normal_(0.0, 0.02, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        wanted = model(ids)
    save_adapter(model, tmp_path / "second", base=str(adapter.adapter))
    found = locate(str(tmp_path / "second"), tmp_path)
    assert found.adapters == (adapter.adapter, tmp_path / "second")
    with torch.no_grad():
        torch.testing.assert_close(load_model(found)(ids), wanted, atol=1e-5, rtol=1e-5)
    assert load_runner(found, Settings(home=tmp_path, precision="float32")).vocab_size


# -- runs ---------------------------------------------------------------------------------------


def test_a_run_is_served_before_and_after_its_end(gpt2: LocalModel, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    shutil.copytree(gpt2.path.parent / "tokenizer", run / "tokenizer")
    step = run / "checkpoints" / "step-000100"
    step.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(gpt2.path / name, step / name)
    said = all_ours(locate(str(run), tmp_path), tmp_path)
    assert said == all_ours(gpt2, tmp_path)
    shutil.copytree(gpt2.path, run / "model")
    finished = locate(str(run), tmp_path)
    assert finished.path == run / "model"
    assert all_ours(finished, tmp_path) == said
    assert export_gguf(finished, tmp_path / "out").name == "run-F16.gguf"

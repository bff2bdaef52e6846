"""A run's folder and an adapter's folder are models by their path."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from fireside.errors import Corrupt, NotFound
from fireside.hub import describe, locate
from hub.small import install, write_folder

MODELS = Path("nowhere")


def write_adapter(folder: Path, base: str, *, tokenizer: bool = False) -> Path:
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file({}, folder / "adapter_model.safetensors")
    if tokenizer:
        (folder / "tokenizer.json").write_text("{}")
        (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "own"}))
    return folder


def write_run(folder: Path, *steps: str, result: bool = False) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    for step in steps:
        (write_folder(folder / "checkpoints" / step) / "tokenizer.json").unlink()
    if result:
        write_folder(folder / "model")
    return folder


# -- runs ---------------------------------------------------------------------------------------


def test_a_finished_run_is_its_result(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "step-000010", result=True)
    found = locate(str(run), MODELS)
    assert (found.name, found.path, found.format) == (str(run), run / "model", "hf")
    assert found.tokenizer is None


def test_an_unfinished_run_is_its_newest_whole_checkpoint(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "step-000900", "step-001000", "step-10000")
    checkpoints = run / "checkpoints"
    (checkpoints / "step-10000" / "model.safetensors").unlink()
    (checkpoints / ".step-002000-x").mkdir()
    found = locate(str(run), MODELS)
    assert found.path == checkpoints / "step-001000"
    assert found.tokenizer == run / "tokenizer"


def test_a_run_without_a_model_yet_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="first checkpoint"):
        locate(str(write_run(tmp_path / "run")), MODELS)


def test_a_run_is_found_without_a_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "tuned", result=True)
    monkeypatch.chdir(tmp_path)
    assert locate("tuned", MODELS).path == Path("tuned/model")


# -- adapters -----------------------------------------------------------------------------------


def test_an_adapter_is_its_base_and_itself(tmp_path: Path) -> None:
    base = install(tmp_path / "models", "smollm2:135m", "smollm2-135m")
    folder = write_adapter(tmp_path / "adapter", "smollm2:135m")
    found = locate(str(folder), tmp_path / "models")
    assert (found.name, found.path, found.format) == (str(folder), base, "gguf")
    assert (found.adapter, found.adapters, found.own) == (folder, (folder,), folder)
    assert set(found.files) == {
        base,
        folder / "adapter_config.json",
        folder / "adapter_model.safetensors",
    }
    assert found.tokenizer is None
    assert found.entry is not None  # the base's recommended sampling


def test_an_adapters_own_tokenizer_counts(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base")
    folder = write_adapter(tmp_path / "adapter", str(base), tokenizer=True)
    found = locate(str(folder), MODELS)
    assert found.tokenizer == folder
    described = describe(found)
    assert (described.template, described.title) == ("own", "adapter")
    assert described.adapters == (folder,)


def test_a_runs_result_may_be_an_adapter(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base")
    run = write_run(tmp_path / "run")
    write_adapter(run / "model", str(base))
    found = locate(str(run), MODELS)
    assert (found.path, found.adapter) == (base, run / "model")
    assert found.tokenizer == run / "tokenizer"


def test_an_adapter_may_stand_on_another(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "base")
    first = write_adapter(tmp_path / "first", str(base))
    second = write_adapter(tmp_path / "second", str(first))
    found = locate(str(second), MODELS)
    assert (found.path, found.adapters) == (base, (first, second))


def test_a_base_may_be_named_relative_to_its_adapter(tmp_path: Path) -> None:
    write_folder(tmp_path / "base")
    folder = write_adapter(tmp_path / "adapter", "../base")
    shutil.move(tmp_path, moved := tmp_path.with_name("elsewhere"))
    assert locate(str(moved / folder.name), MODELS).path.samefile(moved / "base")


def test_a_base_that_is_missing_is_named(tmp_path: Path) -> None:
    for base in ("smollm2:135m", "hf:some/model", "./gone", "nonsense"):
        folder = write_adapter(tmp_path / base.replace("/", "-"), base)
        with pytest.raises(NotFound, match=f"adapter of {base}, which is not here"):
            locate(str(folder), tmp_path)


def test_adapters_in_a_circle_are_corrupt(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", str(tmp_path / "a"))
    with pytest.raises(Corrupt, match="itself"):
        locate(str(folder), MODELS)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"base_model_name_or_path": 3}'])
def test_an_adapter_that_names_no_base_is_corrupt(tmp_path: Path, text: str) -> None:
    folder = write_adapter(tmp_path / "a", "x")
    (folder / "adapter_config.json").write_text(text)
    with pytest.raises(Corrupt, match="base_model_name_or_path"):
        locate(str(folder), MODELS)


def test_an_adapter_without_weights_is_not_whole(tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "a", str(write_folder(tmp_path / "base")))
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(NotFound, match="not whole"):
        locate(str(folder), MODELS)

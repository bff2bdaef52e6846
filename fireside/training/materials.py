"""What a run is made of before the first step: base, tokenizer, prepared data.

Each is made once in the run's folder and found there by whoever goes on.  The law of this file: a
tokenizer that does not fit the model, and data without what the method needs, are told in one line
before anything is trained.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fireside.data import Cleaning, Prepared, Source, prepare
from fireside.data.examples import Kind, Text
from fireside.data.readers import read_examples
from fireside.errors import BadRequest
from fireside.hub import LocalModel
from fireside.hub.local import locate
from fireside.hub.progress import Progress
from fireside.model.architecture import ModelConfig
from fireside.model.config import config_of
from fireside.model.export_hf import write_tokenizer
from fireside.model.tokenizer import load_tokenizer
from fireside.tokenizer import Tokenizer
from fireside.tokenizer.save import copy_tokenizer
from fireside.tokenizer.templates import continues, set_template
from fireside.tokenizer.training import train_tokenizer
from fireside.training.config import TrainConfig
from fireside.training.run import RunFolder

KINDS: dict[str, Kind] = {
    "pretrain": "text",
    "sft": "chat",
    "distill": "chat",
    "dpo": "preference",
    "kto": "judged",
    "grpo": "problem",
}


@dataclass(frozen=True, kw_only=True)
class Base:
    """The model to tune, as it is on disk."""

    local: LocalModel
    config: ModelConfig


def base_of(config: TrainConfig, models_dir: Path) -> Base | None:
    """Raises UnknownModel, NotFound, Corrupt, Unsupported."""
    if config.run.base is None:
        return None
    local = locate(config.run.base, models_dir)
    return Base(local=local, config=config_of(local))


def sources_of(config: TrainConfig) -> list[Source]:
    """Raises BadRequest: a source that contradicts itself."""
    found = []
    for section in config.data.sources:
        fields: dict[str, Any] = section.model_dump(exclude_none=True)
        found.append(Source(**fields))
    return found


def check_sources(sources: list[Source]) -> int | None:
    """The bytes of local data; None where some is streamed.  Raises NotFound, BadRequest."""
    total = 0
    for source in sources:
        if source.hub is not None:
            return None
        path = source.local
        if not path.exists():
            raise BadRequest(f"There is no file or folder {path}: check --data.", param="data")
        files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
        total += sum(file.stat().st_size for file in files)
    if not total:
        raise BadRequest("The data are empty: there is nothing to learn from.", param="data")
    return total


def new_tokenizer(
    config: TrainConfig, sources: list[Source], folder: RunFolder, working: Progress
) -> Tokenizer:
    """The run's own tokenizer for pretraining: copied where one is named, else learned."""
    target = folder / "tokenizer"
    if target.is_dir():
        return Tokenizer.from_folder(target)
    wanted = config.tokenizer.vocab_size
    if config.tokenizer.path is not None:
        given = Path(config.tokenizer.path).expanduser()
        Tokenizer.from_folder(given)  # NotFound, Corrupt
        _copied(given, target)
    else:
        assert wanted is not None
        train_tokenizer(
            _texts(config, sources),
            wanted,
            target,
            context=config.model.context,
            progress=lambda done: working("learning the vocabulary", done, 0),
        )
    return Tokenizer.from_folder(target)


def tuned_tokenizer(base: Base, folder: RunFolder, *, chats: bool) -> Tokenizer:
    """The base's; with ChatML for a base that knew no roles until now, in the run's folder."""
    target = folder / "tokenizer"
    if not target.is_dir():
        tokenizer = load_tokenizer(base.local)
        if not (chats and (tokenizer.chat_template is None or continues(tokenizer.chat_template))):
            return _fitting(tokenizer, base.config)
        beside = target.with_name(".tokenizer.part")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        write_tokenizer(base.local, beside)
        set_template(beside, "chatml")
        os.replace(beside, target)
    return _fitting(Tokenizer.from_folder(target), base.config)


def _fitting(tokenizer: Tokenizer, model: ModelConfig) -> Tokenizer:
    """Raises BadRequest where the model has no row for an id."""
    if tokenizer.vocab_size > model.vocab_size:
        raise BadRequest(
            f"The tokenizer does not fit the model: its ids go up to {tokenizer.vocab_size - 1:,}, "
            f"and the model knows {model.vocab_size:,}. Take the tokenizer that it was trained "
            "with.",
            param="tokenizer",
        )
    return tokenizer


def prepared_data(
    config: TrainConfig,
    sources: list[Source],
    tokenizer: Tokenizer,
    folder: RunFolder,
    working: Progress,
) -> Prepared:
    """Raises BadRequest: broken, empty or unfit data."""
    kind, part = KINDS[config.run.method], config.data

    def made(sources: list[Source], target: Path, share: float, most: int | None) -> Prepared:
        return prepare(
            sources,
            tokenizer,
            kind,
            target,
            cleaning=Cleaning(**part.cleaning.model_dump()),
            validation=share,
            length=None if kind == "text" else part.length,
            max_tokens=most,
            seed=config.run.seed,
            on_broken=part.on_broken,
            progress=working,
        )

    share = 0.0 if part.held_out else part.validation or 0.0
    found = made(sources, folder / "data", share, part.max_tokens)
    if part.held_out:
        held = made([Source(path=part.held_out)], folder / "held_out", 0.0, None)
        found = replace(found, validation=held.train)
    if not len(found.train):
        raise BadRequest(
            f"The data hold no {kind} example to learn from: {folder / 'data' / 'report.json'} "
            "says what was dropped and why.",
            param="data",
        )
    return found


def _texts(config: TrainConfig, sources: list[Source]) -> Iterator[str]:
    """What a vocabulary is learned from."""
    for example in read_examples(sources, "text", on_broken=config.data.on_broken):
        assert isinstance(example, Text)
        yield example.text


def _copied(given: Path, target: Path) -> None:
    """A tokenizer's files, which appear whole."""
    beside = target.with_name(".tokenizer.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    copy_tokenizer(given, beside)
    os.replace(beside, target)

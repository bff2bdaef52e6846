"""The model card: README.md of a result, written from what the run knows of itself.

Lineage, tokenizer, data with their hashes, curve, scores, licence and how to do it again.  It
refuses to praise, and to name folders of the machine it was made on: files by their names alone.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import torch

from fireside.training.config import TrainConfig
from fireside.training.progress import duration

METHODS = {
    "pretrain": "Pretrained from nothing by next-token prediction",
    "sft": "Fine-tuned on chats (SFT), with loss on the assistant's tokens only",
    "dpo": "Tuned on preferences (DPO)",
    "kto": "Tuned on thumbs up and down (KTO)",
    "grpo": "Tuned by reinforcement on answers that can be verified (GRPO)",
    "distill": "Distilled from a teacher's logits",
}


@dataclass(frozen=True, kw_only=True)
class Base:
    """The model that was tuned."""

    name: str
    licence: str
    architecture: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that is said.  curve: rows of held-out figures; samples: what it writes."""

    name: str
    config: TrainConfig
    family: str
    parameters: int
    trained: int
    context: int
    vocab_size: int
    tokenizer: str
    base: Base | None
    data: Mapping[str, Any]
    curve: Sequence[Mapping[str, Any]]
    taken: int
    steps: int
    elapsed: float
    tokens_per_second: float | None
    code: str
    scores: Mapping[str, float] = field(default_factory=dict)
    samples: Sequence[str] = ()

    def text(self) -> str:
        parts = [
            self._front_matter(),
            f"# {self.name}",
            self._what(),
            "![The loss, step by step](loss.png)",
            _section("Held out", self._curve()),
            _section("Scores", self._scores()),
            _section("What it writes", _quoted(self.samples)),
            _section("Data", self._data()),
            _section("Do it again", self._again()),
            _section("Limits", self._limits()),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _front_matter(self) -> str:
        lines = [f"license: {_licence(self.base.licence if self.base else '')}"]
        if self.base is not None:
            lines.append(f"base_model: {json.dumps(self.base.name, ensure_ascii=False)}")
        lines.append(f"library_name: {'peft' if self.config.lora else 'transformers'}")
        lines += ["pipeline_tag: text-generation", "tags: [fireside]"]
        return "\n".join(["---", *lines, "---"])

    def _what(self) -> str:
        method = METHODS[self.config.run.method]
        rows = [
            ("how", method),
            ("from", self._lineage()),
            ("model", f"{self.family}, {self.parameters:,} parameters, {self.context:,} tokens"),
            ("learned", self._learned()),
            ("tokenizer", f"{self.tokenizer}, {self.vocab_size:,} entries"),
            ("steps", f"{self.steps:,}, of which the weights of step {self.taken:,} were kept"),
            ("took", self._time()),
            ("with", f"Fireside {self.code}, PyTorch {torch.__version__}, {_machine()}"),
        ]
        return _table(("", ""), rows)

    def _lineage(self) -> str:
        if self.base is None:
            return "random weights"
        kind = f" ({self.base.architecture})" if self.base.architecture else ""
        return f"{self.base.name}{kind}, licence: {self.base.licence or 'unknown'}"

    def _learned(self) -> str:
        lora = self.config.lora
        if lora is None:
            return "all of them"
        kind = "DoRA" if lora.dora else "LoRA"
        targets = ", ".join(lora.targets) or "every linear"
        return f"{self.trained:,}: {kind} of rank {lora.rank}, alpha {lora.alpha:g}, on {targets}"

    def _time(self) -> str:
        speed = self.tokens_per_second
        return duration(self.elapsed) + (f", {speed:,.0f} tokens/s" if speed else "")

    def _curve(self) -> str:
        names = [name for name in ("loss", "perplexity", "bits_per_byte", "accuracy")
                 if any(name in row for row in self.curve)]  # fmt: skip
        rows = [
            (f"{row['step']:,}", *(f"{row[name]:.4f}" if name in row else "" for name in names))
            for row in self.curve
        ]
        return _table(("step", *(name.replace("_", " ") for name in names)), rows)

    def _scores(self) -> str:
        return _table(("", ""), [(name, f"{value:.4g}") for name, value in self.scores.items()])

    def _data(self) -> str:
        files = self.data.get("files", {})
        rows = [
            (PurePath(name).name, f"{of['bytes']:,}", f"{of['examples']:,}", of["sha256"][:16])
            for name, of in files.items()
        ]
        table = _table(("file", "bytes", "examples", "sha256 begins"), rows)
        dropped = [
            f"{of['count']:,} dropped: {reason}"
            for reason, of in self.data.get("dropped", {}).items()
        ]
        dropped += [
            f"`{name.replace('`', '')}` not used, in {count:,} rows"
            for name, count in self.data.get("not used", {}).items()
        ]
        counts = [
            f"{name.replace('_', ' ')}: {value:,.6g}"
            for name, value in self.data.get("counts", {}).items()
        ]
        return "\n\n".join(filter(None, [table, "; ".join([*dropped, *counts])]))

    def _again(self) -> str:
        command = "pretrain" if self.config.run.method == "pretrain" else "finetune"
        return (
            f"`fireside {command} --config config.toml --out NEW`, with this config.toml, in which "
            "everything that was derived is written down:\n\n"
            f"```toml\n{_without_folders(self.config).toml()}```"
        )

    def _limits(self) -> str:
        said = "Nothing was done about what the data say that is wrong, unkind or private."
        if self.config.data.cleaning.redact:
            said = "Personal data were replaced by their kind where they were recognised."
        held = self.curve or self.scores
        unseen = "" if held else " It was measured on nothing that was held out."
        return (
            f"It knows what its data say and no more. {said}{unseen} "
            "`fireside eval` writes more scores into this card, those of the bias probe "
            "(`--tasks bias`) too."
        )


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _quoted(samples: Sequence[str]) -> str:
    blocks = []
    for text in samples:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
        blocks.append(f"{fence}text\n{text.strip()}\n{fence}")
    return "\n\n".join(blocks)


def _licence(of_base: str) -> str:
    """The Hub's word for it: the base's own, or `other` where nobody has said."""
    word = of_base.strip().lower()
    return word if re.fullmatch(r"[a-z0-9.-]+", word) and word != "unknown" else "other"


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    return f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads"


def _without_folders(config: TrainConfig) -> TrainConfig:
    plain = config.model_dump(mode="json", by_alias=True)
    for source in plain["data"]["sources"]:
        if not source["path"].startswith("hf:"):
            source["path"] = PurePath(source["path"]).name
    for section, name in (("run", "out"), ("run", "base"), ("tokenizer", "path")):
        value = plain[section][name]
        if value is not None and PurePath(value).is_absolute():
            plain[section][name] = PurePath(value).name
    return TrainConfig.of(plain)

"""After the last step: the best weights as a model folder, with tokenizer, curve and card.

    DIR/model/   a Hugging Face folder, or an adapter's in PEFT's format; README.md, loss.png

A kill in the middle leaves a run that finishes again when it goes on: whatever stands in `model/`
is removed first.  Refuses to train and to judge.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from time import time

from fireside.hub.description import describe
from fireside.model.adapters import save_adapter
from fireside.model.export_hf import special_ids, write_tokenizer
from fireside.model.save import save_model
from fireside.model.transformer import Transformer
from fireside.tokenizer.save import copy_tokenizer
from fireside.tokenizer.templates import write_json
from fireside.training import card
from fireside.training.checkpoint import Checkpoints
from fireside.training.config import TrainConfig
from fireside.training.metrics import METRICS, curve
from fireside.training.plot import plot_run
from fireside.training.resolve import RESOLVED, Resolved
from fireside.training.run import RunFolder
from fireside.training.session import Session
from fireside.training.state import State

PICTURE, CARD = "loss.png", "README.md"
_SAMPLES = 3


def finish(folder: RunFolder, done: Resolved, session: Session, state: State) -> Path:
    """Write the result and mark the run finished; returns the model's folder.

    Of several ranks all bring their parts; the first writes.
    """
    folder.update(activity="writing the model")
    session.listener.working("writing the model", 0, 0)
    taken = _take_the_best(session.checkpoints, session, state, done)
    target = folder / "model"
    with state.averaged():
        whole = session.world.whole(session.model)
        if not session.world.first:
            return target
        shutil.rmtree(target, ignore_errors=True)
        _save(done, session, whole, target)
    _tokenizer(folder, done, target)
    title = f"{folder.path.resolve().name}: {done.config.run.method}, {_size(session)}"
    plot_run(folder.path, folder / PICTURE, title=title)
    if (folder / PICTURE).is_file():
        shutil.copyfile(folder / PICTURE, target / PICTURE)
    scores = _scores(folder, taken)
    text = _card(folder, done, session, state, taken, scores).text()
    (target / CARD).write_text(text, encoding="utf-8")
    elapsed = session.clock.elapsed
    session.metrics.row("state", state.step, state="finished", seconds=elapsed)
    folder.update(
        state="finished",
        process=None,
        step=state.step,
        steps=state.step,
        elapsed=elapsed,
        seconds_left=0.0,
        result="model",
        scores=scores,
        activity="",
        ended_at=time(),
    )
    return target


def base_name(folder: RunFolder, done: Resolved) -> str | None:
    """How an adapter names its base: by name, or by the way from `model/` to a path."""
    name = done.config.run.base
    if name is None or done.base is None:
        return name
    path = Path(name).expanduser()
    if path.exists() and not name.startswith("hf:") and done.base.local.entry is None:
        return os.path.relpath(path.resolve(), (folder / "model").resolve())
    return name


def _take_the_best(checkpoints: Checkpoints, session: Session, state: State, done: Resolved) -> int:
    """Bring the model to its best validation; the step that it is of."""
    best = state.best_step
    if not done.config.checkpoint.best or best is None or best == state.step:
        return state.step
    path = checkpoints.path(best)
    if not path.is_dir():
        return state.step
    last = state.step
    checkpoints.restore(session.model, state, path)
    state.step = last  # of the run; the weights alone are older
    return best


def _save(done: Resolved, session: Session, model: Transformer, target: Path) -> None:
    if done.config.lora is not None:
        base = base_name(session.folder, done) or ""
        save_adapter(model, target, base=base, extra={"made_by": "fireside"})
    else:
        save_model(model, target, extra=special_ids(done.tokenizer))


def _tokenizer(folder: RunFolder, done: Resolved, target: Path) -> None:
    """An adapter on its base's own tokenizer needs none."""
    own = folder / "tokenizer"
    if own.is_dir():
        copy_tokenizer(own, target)
        ends = {"eos_token_id": sorted(done.tokenizer.eos_ids)}
        write_json(target / "generation_config.json", special_ids(done.tokenizer) | ends)
    elif done.base is not None and done.config.lora is None:
        write_tokenizer(done.base.local, target)


def _scores(folder: RunFolder, taken: int) -> dict[str, float]:
    """The held-out figures of the weights that were taken."""
    rows = [row for row in curve(folder / METRICS, "validation") if row["step"] == taken]
    if not rows:
        return {}
    skipped = ("kind", "step", "time", "end", "best")
    return {
        name: value
        for name, value in rows[-1].items()
        if name not in skipped and isinstance(value, int | float)
    }


def _card(
    folder: RunFolder,
    done: Resolved,
    session: Session,
    state: State,
    taken: int,
    scores: dict[str, float],
) -> card.Card:
    record, model = folder.read(), session.model
    counts = [p.numel() for p in model.parameters()]
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    samples = [row["text"] for row in curve(folder / METRICS, "sample") if row["step"] == taken]
    return card.Card(
        name=folder.path.resolve().name,
        config=_as_done(folder),
        family=done.model.family,
        parameters=sum(counts) - (trained if done.config.lora else 0),
        trained=trained,
        context=done.model.context,
        vocab_size=done.tokenizer.vocab_size,
        tokenizer="its own, byte-level BPE" if done.base is None else "of its base",
        base=_base(done),
        data=_data(done),
        curve=curve(folder / METRICS, "validation"),
        taken=taken,
        steps=state.step,
        elapsed=session.clock.elapsed,
        tokens_per_second=session.speed if session.unit == "tok" else None,
        code=record.code,
        scores=scores,
        samples=samples[:_SAMPLES],
    )


def _as_done(folder: RunFolder) -> TrainConfig:
    """The config that gives this run again: by its steps, where a clock has ended it."""
    config = TrainConfig.read(folder / RESOLVED)
    if not folder.read().decided:
        return config
    plain = config.model_dump(mode="json", by_alias=True)
    plain["run"]["minutes"] = None
    return TrainConfig.of(plain)


def _base(done: Resolved) -> card.Base | None:
    if done.base is None:
        return None
    said = describe(done.base.local)
    return card.Base(name=said.name, licence=said.licence, architecture=said.architecture)


def _data(done: Resolved) -> dict[str, object]:
    report = done.prepared.report
    return {
        "files": {
            name: {"bytes": one.bytes, "examples": one.examples, "sha256": one.sha256}
            for name, one in report.files.items()
        },
        "dropped": {name: {"count": one.count} for name, one in report.dropped.items()},
        "not used": {name: one.count for name, one in report.unused.items()},
        "counts": report.counts,
    }


def _size(session: Session) -> str:
    count = sum(p.numel() for p in session.model.parameters())
    return f"{count / 1e6:.1f} M parameters"

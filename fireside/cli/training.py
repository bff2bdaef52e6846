"""What `pretrain`, `finetune` and `runs resume` share: a config from options, and a run in sight.

Ctrl-C saves and says how to go on; a second one leaves at once.  Refuses to know what a run does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fireside.cli import failures
from fireside.cli.printable import printable, printable_json
from fireside.errors import BadRequest, Interrupted
from fireside.training import launch

if TYPE_CHECKING:
    from fireside.training.config import TrainConfig
    from fireside.training.progress import Listener
    from fireside.training.run import RunRecord

MEASURABLE: Final = 0.01
"""Share of the loss below which a difference is within what another held-out share would give."""

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        "-d",
        help="A file, a folder, or hf:ORG/NAME[:CONFIG][@SPLIT]; more than once for more.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="The run's folder: new, or to go on with."),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", help="How long all of it may take; the rest is derived from it."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="A TOML file with any field; options here come first."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="The same seed, the same run.")]
Json = Annotated[
    bool, typer.Option("--json", help="At the end, one JSON object on standard output.")
]


def config_of(
    file: Path | None,
    options: Mapping[str, Any],
    data: Sequence[Mapping[str, Any]],
    *,
    method: str,
) -> TrainConfig:
    """Options over the file's fields.  Paths are kept absolute, so that any folder may resume.

    method: where neither says one.

    Raises BadRequest: an unknown field, a value that cannot be, nothing to write to.
    """
    from fireside.toml_files import parse_toml, read_text_file
    from fireside.training.config import TrainConfig, merged

    text = read_text_file(file, param="config") if file is not None else ""
    origin = file.name if file is not None else ""
    from_file = parse_toml(text, origin=origin, param="config")
    below = merged({"run": {"method": method}}, from_file)
    values = merged(below, options)
    if data:
        values = merged(values, {"data": {"sources": list(data)}})
    if not values.get("run", {}).get("out"):
        raise BadRequest("Say where the run goes: --out DIR.", param="out")
    _make_absolute(values)
    return TrainConfig.of(values, origin=origin, text=text)


def _make_absolute(values: dict[str, Any]) -> None:
    sources = values.get("data", {}).get("sources")
    for source in sources if isinstance(sources, list) else ():
        path = source.get("path") if isinstance(source, dict) else None
        if isinstance(path, str) and not path.startswith("hf:"):
            source["path"] = str(Path(path).expanduser().absolute())
    values["run"]["out"] = str(Path(values["run"]["out"]).expanduser().absolute())
    base = values["run"].get("base")
    if isinstance(base, str) and Path(base).expanduser().exists():
        values["run"]["base"] = str(Path(base).expanduser().absolute())


def run_here(config: TrainConfig, as_json: bool) -> int:
    """The run in this process, until it is done or Ctrl-C; the exit code."""
    import psutil

    from fireside.cli.places import remember
    from fireside.settings import load_settings

    # Here: it brings numpy, for which `--help` does not wait.
    from fireside.training.packages import check_packages

    check_packages(config)
    settings = load_settings()
    out = Path(config.run.out)
    with _until_interrupted() as asked:
        from fireside.training.start import run

        if not launch.rank():
            remember(settings.home, out)
        listener = listening()
        try:
            model = run(
                config,
                models_dir=settings.models_dir,
                listener=listener,
                spent=time.time() - psutil.Process().create_time(),
                stopped=lambda: bool(asked),
            )
        except Interrupted as left:
            listener.close()
            failures.say(left.message)
            return failures.INTERRUPTED
        finally:
            listener.close()
    if not launch.rank():
        _told(out, model, as_json)
    return 0


def _told(out: Path, model: Path, as_json: bool) -> None:
    from fireside.training.run import RunFolder

    record = RunFolder(out).read()
    if as_json:
        print(printable_json(summary(out, record) | {"model": str(model)}))
        return
    here = _short(out)
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in
                        record.scores.items())  # fmt: skip
    print(f"Done: {printable(here)}" + (f"  ({figures})" if figures else ""))
    if record.base is not None:
        print(learned(record))
    print(f"Talk to it:  fireside chat --model {printable(here)}")


def learned(record: RunRecord) -> str:
    """What a tuning brought, as far as held-out data show it."""
    name = "reward" if "reward" in record.scores else "loss"
    before, after = record.before.get(name), record.scores.get(name)
    steps = f"{record.step:,} step" + ("" if record.step == 1 else "s")
    if before is None or after is None:
        return f"What was learned in {steps} was not measured: too little data to hold some out."
    figures = f"held-out {name} {before:.4g} before, {after:.4g} after {steps}"
    if abs(after - before) <= MEASURABLE * max(abs(before), abs(after)):
        return f"Nothing measurable was learned: {figures}. More --minutes, or more data, may help."
    if (after > before) == (name == "loss"):
        return f"It got worse: {figures}. The data may be too few, or too much alike."
    return f"Learned: {figures}."


def _short(path: Path) -> str:
    """As a person here would type it."""
    try:
        near = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    near = near if near.startswith(".") else f"./{near}"
    return near if len(near) < len(str(path)) else str(path)


def summary(path: Path, record: RunRecord) -> dict[str, Any]:
    """A run for a program."""
    plain = json.loads(record.model_dump_json(exclude={"requested", "process"}))
    pid = record.process.pid if record.process else None
    return {"path": str(path), "pid": pid, **plain}


def listening() -> Listener:
    """A moving line on a terminal, lines elsewhere; both on standard error."""
    from fireside.training.progress import Live, Plain

    if sys.stderr.isatty():
        return Live(clean=printable)
    return Plain(clean=printable)


@contextmanager
def _until_interrupted() -> Iterator[list[int]]:
    """Signals asked for an end: a list that fills.  The second one is not waited for.

    Torchrun passes on what its terminal has sent already, and kills who takes too long: to several
    ranks the second one means nothing.
    """
    asked: list[int] = []
    ranks = launch.size() > 1

    def stop(number: int, frame: FrameType | None) -> None:
        if asked and not ranks:
            raise KeyboardInterrupt
        # Torchrun sends SIGTERM too when another rank has died, and then there is nothing to save.
        told = number == signal.SIGINT or not ranks
        if told and not asked and not launch.rank():
            failures.say(
                "saving after this step" + ("." if ranks else "; once more leaves at once.")
            )
        asked.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

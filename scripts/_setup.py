"""Set up what is missing, then become the command that was asked for.

    _setup.py CHORE [ARGS…]

Runs on any Python from 3.11 with nothing but its standard library.  What is done is noted in
`.venv/fireside-setup.json`, step by step, so a set-up that was cut off goes on where it stopped,
and a finished one costs a few file reads: no process, no network.  It writes to stderr only; stdout
belongs to the command.

It refuses to touch a `.venv` that it did not make.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from _progress import Progress, fail

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "fireside-setup.json"
MODELS = ("smollm2:135m", "minilm:l6")
NEEDED_BYTES = 2_500_000_000
ADVICE = "Check the network, the disk and pip's own configuration."
HELD: list[int] = []  # the lock, once it is ours

Step = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Chore:
    lock: str
    models: bool
    command: tuple[str, ...] = ()


CHORES = {
    "setup": Chore(lock="run.txt", models=True),
    "chat": Chore(lock="run.txt", models=True, command=("fireside",)),
    "train": Chore(lock="train.txt", models=True, command=("fireside",)),
    "test": Chore(lock="dev.txt", models=True, command=("python", "scripts/_checks.py", "test")),
    "lint": Chore(lock="dev.txt", models=False, command=("python", "scripts/_checks.py", "lint")),
    "format": Chore(
        lock="dev.txt", models=False, command=("python", "scripts/_checks.py", "format")
    ),
    "bench": Chore(lock="bench.txt", models=True, command=("python", "benchmarks/side_by_side.py")),
    "lock": Chore(lock="run.txt", models=False, command=("python", "scripts/_lock.py")),
}

# What `scripts/chat` is asked for that chatting and serving do not need.
TRAINING = {"pretrain", "finetune", "eval", "tokenizer", "runs"}

# Before these a person at a terminal may be asked whether to fetch a better model.
OFFERS = ([], ["chat"], ["serve"])

# Which lists hold all of a list.
HOLDS = {
    "run.txt": ("run.txt", "train.txt", "dev.txt", "bench.txt"),
    "train.txt": ("train.txt", "dev.txt"),
    "dev.txt": ("dev.txt",),
    "bench.txt": ("bench.txt",),
}


# What is done


def read_stamp() -> dict[str, object]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: dict[str, object]) -> None:
    new = STAMP.with_suffix(".new")
    new.write_text(json.dumps(stamp, indent=1))
    new.replace(STAMP)


def identity() -> dict[str, object]:
    """A virtual environment holds its own path and belongs to one Python."""
    return {"root": str(ROOT), "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def lock_digest(name: str) -> str:
    return digest((ROOT / "requirements" / name).read_bytes())


def package_digest() -> str:
    """Of what an editable install is made of: its description, and the native core's sources."""
    sources = sorted(path for path in (ROOT / "native").glob("*") if path.is_file())
    files = [ROOT / "pyproject.toml", ROOT / "hatch_build.py", *sources]
    return digest(*(path.read_bytes() for path in files if path.exists()))


def home_digest() -> str:
    """Whatever decides where FIRESIDE_HOME is; `fireside` itself knows how."""
    names = ("FIRESIDE_HOME", "XDG_DATA_HOME", "HOME")
    toml = Path("fireside.toml")
    parts = [os.environ.get(name, "").encode() for name in names]
    parts += [os.getcwd().encode(), toml.read_bytes()] if toml.is_file() else []
    return digest(*parts)


def has_venv(stamp: dict[str, object]) -> bool:
    return bool(stamp.get("venv")) and PYTHON.exists() and identity().items() <= stamp.items()


def has_models(stamp: dict[str, object]) -> bool:
    models = stamp.get("models")
    paths = models.get(home_digest()) if isinstance(models, dict) else None
    return isinstance(paths, list) and bool(paths) and all(Path(path).exists() for path in paths)


def has_lock(stamp: dict[str, object], name: str) -> bool:
    locks = stamp.get("locks")
    known = locks if isinstance(locks, dict) else {}
    return any(known.get(larger) == lock_digest(larger) for larger in HOLDS[name])


def missing(chore: Chore) -> list[tuple[str, Step]]:
    """The steps to take, in order, each with its title."""
    stamp = read_stamp()
    fresh = not has_venv(stamp)
    steps: list[tuple[str, Step]] = []
    if fresh:
        steps.append(("virtual environment", make_venv))
    lock = chore.lock if fresh or not has_lock(stamp, chore.lock) else None
    itself = fresh or stamp.get("package") != package_digest()
    if lock is not None or itself:
        title = f"packages of {lock}" if lock else "Fireside and its native core"
        steps.append((title, lambda step: install(step, lock, itself=itself)))
    if chore.models and (fresh or not has_models(stamp)):
        steps.append(("models", pull_models))
    return steps


# The steps


def make_venv(step: Progress) -> None:
    if VENV.exists() and not STAMP.exists():
        fail(f"{VENV} was not made by scripts/setup: move it away, then try again.")
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        fail(f"Setting up needs {NEEDED_BYTES / 1e9:.1f} GB on the disk of {ROOT}: make room.")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    write_stamp(identity())
    base = getattr(sys, "_base_executable", sys.executable)
    step.run([base, "-m", "venv", str(VENV)], "Install Python's venv (Debian: python3-venv).")
    write_stamp({**identity(), "venv": True})


def torch_pin() -> str:
    lines = (ROOT / "requirements" / "run.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def install(step: Progress, lock: str | None, *, itself: bool) -> None:
    """The packages of a list, and Fireside itself, by several pips at once.

    One pip asks for one file after the other, and unpacks on one core.  A list has everything,
    direct and indirect, so none of them need look for more, and no two touch the same package.
    """
    drop_half_installed()
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    alone = [*pip, "--no-deps"]
    commands = [[*alone, "--editable", str(ROOT)]] if itself else []
    if lock is not None:
        # The tests import a small part of what they install: compiling all of it takes longer.
        quick = ["--no-compile"] if lock == "dev.txt" else []
        commands += [[*alone, *quick, *share] for share in shares(lock)]
    step.run_together(commands, ADVICE)
    if lock is not None:
        # A build of PyTorch for GPUs needs more than the lists have.
        step.run([*pip, torch_pin()], ADVICE)
    stamp = read_stamp()
    known = stamp.get("locks")
    locks = known if isinstance(known, dict) else {}
    if lock is not None:
        stamp["locks"] = {**locks, lock: lock_digest(lock)}
    write_stamp({**stamp, "package": package_digest()})
    if itself:
        step.result = native_core()


def native_core() -> str:
    """Whether it was built, in one line; without it the models run in PyTorch."""
    path = ROOT / "fireside" / "engine" / "native" / "place.py"
    spec = importlib.util.spec_from_file_location("place", path)
    assert spec is not None
    assert spec.loader is not None
    place = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(place)
    state = place.state_of_library(place.place_of_library(), ROOT / "native")
    if state == "built":
        return "native core built"
    return f"native core {state}: python native/build.py shows why"


def shares(lock: str) -> list[list[str]]:
    """A list in three parts: PyTorch is as much work as a hundred others."""
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    others = [pin for pin in pins if not pin.startswith("torch==")]
    torch = [pin for pin in pins if pin.startswith("torch==")]
    return [share for share in (torch, others[::2], others[1::2]) if share]


def pull_models(step: Progress) -> None:
    pull = [str(PYTHON), "-m", "fireside", "models", "pull", "--json"]
    printed = step.run_together(
        [[*pull, name] for name in MODELS], "Set up again when that is mended."
    )
    paths = [
        json.loads(line)["path"] for lines in printed for line in lines if line.startswith("{")
    ]
    stamp = read_stamp()
    models = stamp.get("models")
    known = models if isinstance(models, dict) else {}
    write_stamp({**stamp, "models": {**known, home_digest(): paths}})


def drop_half_installed() -> None:
    """Forget packages whose installation was cut off: pip would take them for installed.

    pip writes INSTALLER when all files of a package are in place.
    """
    for packages in VENV.glob("lib/python*/site-packages"):
        for info in packages.glob("*.dist-info"):
            if not (info / "INSTALLER").exists():
                shutil.rmtree(info)
        for moved_away in packages.glob("~*"):
            shutil.rmtree(moved_away, ignore_errors=True)


# All together


@contextmanager
def only_one() -> Iterator[None]:
    """Wait for another set-up of this folder.

    Programs that we start hold the lock too: should we be killed, the next one waits for our pip.
    """
    with open(__file__) as own:
        try:
            fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running: waiting for it.", file=sys.stderr)
            fcntl.flock(own, fcntl.LOCK_EX)
        HELD.append(own.fileno())
        try:
            yield
        finally:
            HELD.clear()


def chore_of(arguments: list[str]) -> Chore:
    name, asked = arguments[0], arguments[1:]
    if name == "setup" and asked and asked[0] in CHORES:
        return replace(CHORES[asked[0]], command=())
    trains = TRAINING & set(asked[:1]) or asked[:2] == ["models", "export"]
    return CHORES["train" if name == "chat" and trains else name]


def set_up(chore: Chore) -> None:
    if not missing(chore):
        return
    began = time.monotonic()
    with only_one():
        steps = missing(chore)
        if steps:
            print(f"Setting up Fireside in {ROOT}", file=sys.stderr)
        for title, step in steps:
            progress = Progress(title, VENV, HELD)
            step(progress)
            progress.done()
    print(f"Ready after {time.monotonic() - began:.0f} s.", file=sys.stderr)


def main(arguments: list[str]) -> None:
    chore = chore_of(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        set_up(chore)
    except KeyboardInterrupt:
        print("\nStopped. The next start goes on from here.", file=sys.stderr)
        raise SystemExit(130) from None
    if not chore.command:
        print("Fireside is set up: scripts/chat starts it.", file=sys.stderr)
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    program, *given = chore.command
    given = [str(ROOT / word) if word.endswith(".py") else word for word in given]
    asked = arguments[1:]
    if arguments[0] == "chat" and asked in OFFERS:
        asked = ["--offer", *asked]
    os.execv(VENV / "bin" / program, [str(VENV / "bin" / program), *given, *asked])


if __name__ == "__main__":
    main(sys.argv[1:])

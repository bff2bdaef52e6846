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
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _progress import Progress, fail

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "fireside-setup.json"
MODELS = ("smollm2:135m", "minilm:l6")
NEEDED_BYTES = 2_500_000_000
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
    return digest((ROOT / "pyproject.toml").read_bytes())


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
    torch = torch_pin()
    steps: list[tuple[str, Step]] = []
    if fresh:
        steps.append(("virtual environment", make_venv))
    if fresh or stamp.get("torch") != torch:
        steps.append((torch.replace("torch==", "PyTorch "), install_torch))
    if fresh or not has_lock(stamp, chore.lock):
        steps.append((f"packages of {chore.lock}", lambda step: install_lock(step, chore.lock)))
    if fresh or stamp.get("package") != package_digest():
        steps.append(("Fireside itself", install_package))
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


def install_torch(step: Progress) -> None:
    # Alone and first: resolved together with others, pip may choose another version of it, and on
    # Linux another version can mean gigabytes for GPUs.
    pip(step, torch_pin())
    write_stamp({**read_stamp(), "torch": torch_pin()})


def install_lock(step: Progress, name: str) -> None:
    # A list has everything, direct and indirect: pip need not look for more.  The tests import a
    # small part of what they install, so compiling all of it would take longer than it saves.
    quick = ["--no-compile"] if name == "dev.txt" else []
    pip(step, "--no-deps", *quick, "--requirement", str(ROOT / "requirements" / name))
    stamp = read_stamp()
    locks = stamp.get("locks")
    known = locks if isinstance(locks, dict) else {}
    write_stamp({**stamp, "locks": {**known, name: lock_digest(name)}})


def install_package(step: Progress) -> None:
    pip(step, "--no-deps", "--editable", str(ROOT))
    write_stamp({**read_stamp(), "package": package_digest()})


def pull_models(step: Progress) -> None:
    paths = []
    for name in MODELS:
        command = [str(PYTHON), "-m", "fireside", "models", "pull", "--json", name]
        said = step.run(command, "Set up again when that is mended.")
        paths += [json.loads(line)["path"] for line in said if line.startswith("{")]
    stamp = read_stamp()
    models = stamp.get("models")
    known = models if isinstance(models, dict) else {}
    write_stamp({**stamp, "models": {**known, home_digest(): paths}})


def torch_pin() -> str:
    lines = (ROOT / "requirements" / "run.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def pip(step: Progress, *arguments: str) -> None:
    drop_half_installed()
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    step.run([*command, *arguments], "Check the network, the disk and pip's own configuration.")


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
    os.execv(VENV / "bin" / program, [str(VENV / "bin" / program), *given, *arguments[1:]])


if __name__ == "__main__":
    main(sys.argv[1:])

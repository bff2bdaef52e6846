"""Sentences and their translations, asked for as the persona `translator` asks.

    python examples/recipes/translator/build.py ../shared/data/tatoeba_en_zh.tsv

Writes train.jsonl (chats) and held_out.jsonl (pairs) to --out, from a table "English <tab> Chinese"
(Tatoeba, CC BY 2.0 FR).  Simplified characters only: what GB 2312 lacks is left out, since two
scripts in one corpus would teach neither.  No sentence, English or Chinese, stands in both files.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path

from fireside.assistant.persona import Personas
from fireside.assistant.uses.translate import WISH

LETTERS = 120  # of an English sentence, at most


def pairs(table: Path) -> list[tuple[str, str]]:
    """Each English sentence once, in an order that does not depend on the table's."""
    found: dict[str, str] = {}
    for line in table.read_text("utf-8").splitlines():
        english, chinese, *_ = line.split("\t")
        if len(english) <= LETTERS and english not in found and simplified(chinese):
            found[english] = chinese
    return sorted(found.items())


def simplified(text: str) -> bool:
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def chat(english: str, chinese: str) -> dict[str, object]:
    wish = WISH.format(target="Chinese", text=english, terms="")
    return {
        "messages": [
            {"role": "system", "content": Personas().get("translator").instructions},
            {"role": "user", "content": wish},
            {"role": "assistant", "content": chinese},
        ]
    }


def build(table: Path, out: Path, held_out: int, seed: int) -> tuple[int, int]:
    """How many chats and held-out pairs were written."""
    every = pairs(table)
    random.Random(seed).shuffle(every)
    held, rest = every[:held_out], every[held_out:]
    known = {chinese for _, chinese in held}
    chats = [chat(*pair) for pair in rest if pair[1] not in known]
    out.mkdir(parents=True, exist_ok=True)
    write(out / "held_out.jsonl", [{"english": en, "chinese": zh} for en, zh in held])
    write(out / "train.jsonl", chats)
    return len(chats), len(held)


def write(path: Path, rows: list[dict[str, object]] | list[dict[str, str]]) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/translator-data"))
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not args.table.is_file():
        sys.exit(f"There is no table {str(args.table)!r}.")
    chats, held = build(args.table, args.out, args.held_out, args.seed)
    print(f"{args.out}: {chats:,} chats to learn from, {held:,} pairs held out")


if __name__ == "__main__":
    main()

"""The detector of injections on attacks and carriers that nothing was fitted to.

    python benchmarks/injection.py --data ../shared/data

Ten types of attacks, five texts each, in ten carriers (`injection_attacks.json`, written for this
measurement from descriptions of families of attacks): 500 documents; recall by type and carrier,
of the patterns alone and of patterns and head.  False alarms on clean text of six kinds.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fireside.engine.models import Models
from fireside.safety.guards import Guards
from fireside.safety.injection import inspect
from fireside.safety.inspector import Inspector
from fireside.settings import load_settings
from fireside.training.heads.figures import share
from fireside.training.heads.injection import documents
from fireside.training.heads.rows import passages

ATTACKS = Path(__file__).with_name("injection_attacks.json")


def poisoned() -> Iterator[tuple[str, str, str]]:
    """(type, carrier, document)."""
    table = json.loads(ATTACKS.read_text(encoding="utf-8"))
    for kind, texts in table["attacks"].items():
        for carrier, frame in table["carriers"].items():
            for text in texts:
                yield kind, carrier, frame.replace("{attack}", text)


def clean(folder: Path, most: int) -> dict[str, list[str]]:
    """At most so many of each kind.  Of the first two kinds others were trained on."""
    mine = documents(folder, out=True)
    made = {
        "mails": mine["mails"],
        "encyclopaedia": mine["passages"],
        "posts": _contexts(folder / "qa_reddit.json"),
        "reviews": _contexts(folder / "qa_amazon_reviews.json"),
        "Chinese encyclopaedia": _contexts(folder / "qa_zh_cmrc2018_trial.json"),
        "source code": _functions(Path(json.__file__).parent.parent),
    }
    return {kind: texts[:: max(1, len(texts) // most)][:most] for kind, texts in made.items()}


def _contexts(path: Path) -> list[str]:
    return list(dict.fromkeys(text for _, text in passages(path)))


def _functions(folder: Path) -> list[str]:
    """Pieces of Python's own library, from one `def` to the next."""
    whole = "\n".join(path.read_text("utf-8") for path in sorted(folder.glob("[a-d]*.py")))
    return [text[:1500] for text in re.split(r"\n(?=def |    def |class )", whole) if text.strip()]


def flagged(inspector: Inspector, texts: Sequence[str]) -> list[bool]:
    return [
        finding.suspicious
        for start in range(0, len(texts), 32)
        for finding in inspector.inspect(texts[start : start + 32])
    ]


def report(title: str, groups: Mapping[str, Sequence[tuple[bool, bool]]]) -> None:
    print(f"{title:<26}{'documents':>10}{'patterns':>10}{'and head':>10}")
    for name, pairs in groups.items():
        both = share([pair[0] for pair in pairs]), share([pair[1] for pair in pairs])
        print(f"  {name:<24}{len(pairs):>10}{both[0]:>10.1%}{both[1]:>10.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--clean", type=int, default=500, help="clean documents of a kind")
    asked = parser.parse_args()
    models = Models(load_settings())
    try:
        inspector = Guards(models).inspector()
        rows = list(poisoned())
        pairs = _pairs(inspector, [text for _, _, text in rows])
        report("all", {"attacks": pairs})
        for title, place in (("by type", 0), ("by carrier", 1)):
            groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
            for row, pair in zip(rows, pairs, strict=True):
                groups[row[place]].append(pair)
            report(title, groups)
        for kind, texts in clean(asked.data, asked.clean).items():
            report("clean", {kind: _pairs(inspector, texts)})
    finally:
        models.close()


def _pairs(inspector: Inspector, texts: Sequence[str]) -> list[tuple[bool, bool]]:
    return list(
        zip([inspect(text).suspicious for text in texts], flagged(inspector, texts), strict=True)
    )


if __name__ == "__main__":
    main()

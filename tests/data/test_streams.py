"""Data sets of the Hub, streamed from a server that speaks its protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow
from pyarrow import parquet

HUB = Path(__file__).with_name("dataset_hub.py")
PROGRAM = """
import json, sys
from pathlib import Path
from fireside.data import Cleaning, Report, Source, prepare, read_examples
from fireside.errors import FiresideError
from fireside.tokenizer import Tokenizer

def read(path, kind="text", **options):
    report = Report()
    try:
        found = list(read_examples([Source(path=path, **options)], kind, report=report))
        return [str(found[0].text) if kind == "text" else found[0].messages[-1].content, len(found)]
    except FiresideError as error:
        return [type(error).__name__, error.message]

out = {
    "lines": read("hf:org/lines"),
    "split": read("hf:org/lines@test"),
    "no split": read("hf:org/lines@other"),
    "no config": read("hf:org/lines:zz"),
    "chat": read("hf:org/table", "chat", prompt="{ask}", completion="{say}"),
    "columns": read("hf:org/table"),
    "nothing": read("hf:org/nothing"),
    "empty": read("hf:org/empty"),
}
folder = Path(FOLDER)
tokenizer = Tokenizer.from_folder(folder / "tokenizer")
prepared = prepare([Source(path="hf:org/lines")], tokenizer, "text", folder / "out", max_tokens=500)
out["tokens"] = len(prepared.train.ids)
out["rows"] = prepared.report.files["hf:org/lines"].examples
print(json.dumps(out))
"""


def test_data_sets_are_streamed_and_stop_where_they_should(
    tmp_path: Path, tokenizer: object
) -> None:
    lines = tmp_path / "org" / "lines"
    lines.mkdir(parents=True)
    rows = "".join(json.dumps({"text": f"line {i} of many"}) + "\n" for i in range(5000))
    (lines / "train.jsonl").write_text(rows)
    (lines / "test.jsonl").write_text('{"text": "tested"}\n')
    table = tmp_path / "org" / "table"
    table.mkdir()
    parquet.write_table(pyarrow.table({"ask": ["q"], "say": ["a"]}), table / "train.parquet")
    (tmp_path / "org" / "empty").mkdir()
    make_tokenizer(tmp_path / "tokenizer")
    result = subprocess.run(
        [sys.executable, str(HUB), PROGRAM.replace("FOLDER", repr(str(tmp_path))), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    out, asked = (json.loads(line) for line in result.stdout.splitlines())
    assert out["lines"] == ["line 0 of many", 5000]
    assert out["split"] == ["tested", 1]
    assert out["chat"] == ["a", 1]
    for name, kind, words in [
        ("no split", "BadRequest", "Available splits"),
        ("no config", "BadRequest", "'zz' not found"),
        ("columns", "BadRequest", "hf:org/table:1: there is no column 'text', only ask, say"),
        ("nothing", "NotFound", "hf:org/nothing"),
        ("empty", "NotFound", "hf:org/empty"),
    ]:
        assert out[name][0] == kind, out[name]
        assert words in out[name][1]
        assert "\n" not in out[name][1]
    assert 500 <= out["tokens"] <= 502
    assert out["rows"] < 1500, "no more is read than is wanted"
    assert all(call.startswith(("GET", "HEAD")) for call in asked)


def make_tokenizer(folder: Path) -> None:
    """Bytes as tokens, and one that ends."""
    import tokenizers
    from tokenizers import AddedToken, decoders, models, pre_tokenizers

    letters = {letter: i for i, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}
    backend = tokenizers.Tokenizer(models.BPE(letters, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    folder.mkdir()
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')

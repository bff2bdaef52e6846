"""Models on this machine: found, listed, described, removed, and never over the network."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from fireside.errors import BadRequest, Corrupt, NotFound, UnknownModel
from fireside.hub import damaged, describe, installed, locate, remove
from fireside.hub.local import MANIFEST
from hub.small import install, write_folder, write_gguf


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_locate_an_entry(tmp_path: Path) -> None:
    path = install(tmp_path, "smollm2:135m", "smollm2-135m")
    found = locate("smollm2:135m", tmp_path)
    assert (found.path, found.format, found.files) == (path, "gguf", (path,))
    assert found.entry is not None
    assert found.entry.sampling["temperature"] == 0.2
    assert found.size_bytes == path.stat().st_size


def test_locate_paths(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "x.gguf")
    assert locate(str(path), tmp_path).path == path
    folder = write_folder(tmp_path / "folder")
    assert locate(str(folder), tmp_path).format == "hf"


def test_what_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="fireside models pull smollm2:135m"):
        locate("smollm2:135m", tmp_path)
    with pytest.raises(NotFound, match="fireside models pull hf:a/b"):
        locate("hf:a/b", tmp_path)
    with pytest.raises(UnknownModel, match="smollm2:135m"):
        locate("smollm:135m", tmp_path)
    with pytest.raises(NotFound, match="nothing at"):
        locate(str(tmp_path / "absent"), tmp_path)


def test_a_folder_without_weights_or_with_pickles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"config\.json"):
        locate(f"{tmp_path}/", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(NotFound, match="pickled"):
        locate(f"{tmp_path}/", tmp_path)


def test_a_cut_file_is_corrupt_and_says_pull_again(tmp_path: Path) -> None:
    path = install(tmp_path, "smollm2:135m", "smollm2-135m")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Corrupt, match=r"pull smollm2:135m. again"):
        locate("smollm2:135m", tmp_path)
    path.unlink()
    with pytest.raises(Corrupt, match="missing"):
        locate("smollm2:135m", tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"name": 1}', "\x00", "[" * 50_000]
    + [
        json.dumps(
            {"name": "smollm2:135m", "source": "", "revision": "", "licence": "", "files": files}
        )
        for files in ({"../x": {"bytes": 1}}, {"/x": {"bytes": 1}}, {"x": {}}, {"x": 1}, [1])
    ],
)
def test_a_damaged_manifest_is_corrupt(text: str, tmp_path: Path) -> None:
    install(tmp_path, "smollm2:135m", "smollm2-135m")
    (tmp_path / "smollm2-135m" / MANIFEST).write_text(text)
    with pytest.raises(Corrupt):
        locate("smollm2:135m", tmp_path)
    assert installed(tmp_path) == []


def test_installed_lists_whole_models_only(tmp_path: Path) -> None:
    assert installed(tmp_path / "absent") == []
    install(tmp_path, "smollm2:135m", "smollm2-135m")
    install(tmp_path, "hf:a/b:small.gguf", "hf--a--b--small.gguf")
    install(tmp_path, "qwen3:0.6b", "qwen3-0.6b").unlink()
    write_folder(tmp_path / "not-ours")
    shutil.copytree(tmp_path / "smollm2-135m", tmp_path / ".removed-smollm2-135m")
    assert [model.name for model in installed(tmp_path)] == ["hf:a/b:small.gguf", "smollm2:135m"]
    (line,) = damaged(tmp_path)
    assert "fireside models pull qwen3:0.6b" in line


def test_remove(tmp_path: Path) -> None:
    path = install(tmp_path, "smollm2:135m", "smollm2-135m")
    size = path.stat().st_size
    assert remove("smollm2:135m", tmp_path) > size
    assert not list(tmp_path.iterdir())
    with pytest.raises(NotFound):
        remove("smollm2:135m", tmp_path)
    mine = write_gguf(tmp_path / "mine.gguf")
    with pytest.raises(BadRequest, match="yourself"):
        remove(str(mine), tmp_path)
    assert mine.exists()


def test_describe_a_gguf_file(tmp_path: Path) -> None:
    install(tmp_path, "smollm2:135m", "smollm2-135m")
    found = describe(locate("smollm2:135m", tmp_path))
    assert (found.title, found.architecture, found.context) == ("Small", "llama", 2048)
    assert found.parameters == 8 * 3 * 64
    assert found.types == dict.fromkeys(found.types, 192)
    assert (found.licence, found.source, found.revision) == ("mit", "hf:a/b", "c0ffee")
    assert found.template == "{{ messages[0].content }}"
    assert found.sampling["top_p"] == 0.9


def test_describe_a_folder(tmp_path: Path) -> None:
    found = describe(locate(str(write_folder(tmp_path / "m", shards=2)), tmp_path))
    assert (found.architecture, found.context, found.parameters) == ("llama", 128, 40)
    assert (found.quantisation, found.template, found.licence) == ("F32", "{{ 1 }}", "unknown")


def test_describe_the_default_model(smollm2_path: Path) -> None:
    found = describe(locate(str(smollm2_path), smollm2_path.parent))
    assert found.parameters == 134_515_008
    assert (found.quantisation, found.context) == ("Q4_1", 8192)
    assert found.template is not None


@pytest.mark.parametrize("text", ["[]", "{", "\udcff", "[" * 50_000])
def test_a_damaged_configuration_is_corrupt(text: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Corrupt, match=r"config\.json"):
        describe(locate(str(folder), tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"a" * 5_000: {"bytes": 1}}},
        {"files": {"a\0b": {"bytes": 1}}},
        {"files": {}},
        {"files": {"m.gguf": {"bytes": "1"}}},
        {"name": ["x"]},
        {"name": None},
    ],
)
def test_a_bad_model_hides_no_other_and_is_named(change: dict[str, object], tmp_path: Path) -> None:
    install(tmp_path, "smollm2:135m", "smollm2-135m")
    bad = install(tmp_path, "hf:a/b", "hf--a--b").parent
    manifest = json.loads((bad / MANIFEST).read_text())
    (bad / MANIFEST).write_text(json.dumps(manifest | change))
    assert [model.name for model in installed(tmp_path)] == ["smollm2:135m"]
    (line,) = damaged(tmp_path)
    assert "hf--a--b" in line


def test_a_manifest_that_is_a_folder_hides_no_model(tmp_path: Path) -> None:
    install(tmp_path, "smollm2:135m", "smollm2-135m")
    (tmp_path / "hf--a--b" / MANIFEST).mkdir(parents=True)
    assert [model.name for model in installed(tmp_path)] == ["smollm2:135m"]
    (line,) = damaged(tmp_path)
    assert "hf--a--b" in line

"""The lock lists hold what pyproject.toml asks for, agree with one another, and name no address."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = {
    "run.txt": PROJECT["dependencies"],
    "train.txt": PROJECT["dependencies"] + EXTRAS["train"],
    "dev.txt": PROJECT["dependencies"] + EXTRAS["train"] + EXTRAS["dev"],
    "bench.txt": PROJECT["dependencies"] + EXTRAS["bench"],
}


def locked(name: str) -> dict[str, str]:
    lines = (REPOSITORY / "requirements" / name).read_text().splitlines()
    pins = [line.partition("==") for line in lines if not line.startswith("#")]
    return {package: version for package, _, version in pins}


@pytest.mark.parametrize("name", ASKED)
def test_every_direct_dependency_is_locked_within_its_range(name: str) -> None:
    versions = locked(name)
    for line in ASKED[name]:
        asked = Requirement(line)
        assert asked.specifier.contains(versions[canonicalize_name(asked.name)]), line


@pytest.mark.parametrize("name", ASKED)
def test_a_list_is_names_and_versions(name: str) -> None:
    lines = (REPOSITORY / "requirements" / name).read_text().splitlines()
    assert [
        line for line in lines if not re.fullmatch(r"#.*|[a-z0-9-]+==[0-9][0-9a-z.]*", line)
    ] == []
    packages = list(locked(name))
    assert packages == sorted(set(packages))
    assert not [package for package in packages if package.startswith(("nvidia-", "cuda-"))]


def test_one_version_per_package() -> None:
    run, train, dev, bench = (locked(name) for name in ASKED)
    assert run.items() <= train.items() <= dev.items()
    assert run.items() <= bench.items()
    assert {name: dev[name] for name in dev.keys() & bench.keys()} == {
        name: bench[name] for name in dev.keys() & bench.keys()
    }


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("tests/**/package-lock.json")), ids=str)
def test_npms_list_names_no_address(path: Path) -> None:
    assert "://" not in path.read_text(encoding="utf-8")

"""Reading Containerfiles, and what of a build is done again after a change."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from e2e import images
from e2e.containerfile import read_stages
from e2e.images import ROOT, stage_keys

FILE = """\
# A comment.
ARG BASE=debian:12-slim
ARG EPOCH=1

FROM ${BASE} AS first
ARG EPOCH
RUN one && \\
    two
# Between.
FROM first
ARG VERSION=3
ENV A=1 \\
    B="two words"
LABEL version="v${VERSION}" a="$A"
COPY --from=first /x /y
USER 1:2
WORKDIR /tmp
EXPOSE 1 2
ENTRYPOINT ["python", "-m", "it"]
"""


def test_stages_are_read_with_their_arguments(tmp_path: Path) -> None:
    path = tmp_path / "Containerfile"
    path.write_text(FILE)
    first, last = read_stages(path, {"EPOCH": "2"})
    assert (first.name, first.parent, first.arguments) == (
        "first",
        "debian:12-slim",
        {"EPOCH": "2"},
    )
    assert [tuple(step) for step in first.steps] == [("RUN", "one && two")]
    assert (last.name, last.parent) == ("1", "first")
    assert last.environment == {"A": "1", "B": "two words"}
    assert last.labels == {"version": "v3", "a": "1"}
    assert (last.user, last.folder, last.ports) == ("1:2", "/tmp", ["1", "2"])
    assert last.entrypoint == ["python", "-m", "it"]


def test_an_instruction_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "Containerfile"
    path.write_text("FROM a\nHEALTHCHECK none\n")
    with pytest.raises(ValueError, match="HEALTHCHECK none: not known here"):
        read_stages(path, {})


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small copy of all that an image is built from."""
    for name in ("containers", "operator/surelabel_operator", "tests/e2e"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "README.md", "workloads/surelabel_contract/store.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(images, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("containers/install.sh", {"base", "dependencies", "code"}),
        ("containers/operator.lock", {"dependencies", "code"}),
        ("operator/surelabel_operator/decide.py", {"code"}),
        ("workloads/surelabel_contract/store.py", {"code"}),
        ("containers/sbom.py", {"code"}),
        ("containers/workloads.lock", set()),
    ],
)
def test_a_change_makes_only_what_depends_on_it_again(
    checkout: Path, changed: str, again: set[str]
) -> None:
    before = stage_keys("operator")
    with (checkout / changed).open("a") as file:
        file.write("\n")
    after = stage_keys("operator")
    assert {name for name in before if before[name] != after[name]} == again


def test_what_is_ignored_changes_nothing(checkout: Path) -> None:
    before = stage_keys("operator")
    cache = checkout / "operator/surelabel_operator/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "x.pyc").write_text("x")
    assert stage_keys("operator") == before


def test_only_old_archives_beyond_the_newest_are_dropped(tmp_path: Path) -> None:
    for name in ("archives", "stages", "layers"):
        (tmp_path / name).mkdir()
    hour = 3600
    ages = {f"operator-{k}.tar": k * hour for k in range(8)} | {"workloads-0.tar": 99 * hour}
    for name, age in ages.items():
        used(tmp_path / "archives" / name, age)
    used(tmp_path / "layers" / "fresh.tar", 13 * 24 * hour)
    used(tmp_path / "layers" / "old.tar", 15 * 24 * hour)
    for name in ("operator-6.tar", "operator-7.tar"):
        used(tmp_path / "archives" / name, 0.5 * hour)
    images.prune(tmp_path, "operator")
    left = {path.name for path in tmp_path.glob("*/*")}
    # 6 and 7 were just used again, and with 0 and 1 they are the newest four.
    assert left == {
        *(f"operator-{k}.tar" for k in (0, 1, 6, 7)),
        *("workloads-0.tar", "fresh.tar"),
    }


def test_archives_that_were_just_built_stay_however_many(tmp_path: Path) -> None:
    for name in ("archives", "stages", "layers"):
        (tmp_path / name).mkdir()
    for k in range(8):
        used(tmp_path / "archives" / f"operator-{k}.tar", k)
    images.prune(tmp_path, "operator")
    assert len(list((tmp_path / "archives").iterdir())) == 8


def used(path: Path, seconds_ago: float) -> None:
    path.touch()
    when = time.time() - seconds_ago
    os.utime(path, (when, when))

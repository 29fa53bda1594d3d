"""Both images, built without an engine, unpacked, and run as a pod would run them."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from e2e.container import Container, Unpacked, unpack
from e2e.images import (
    ROOT,
    build_operator_image,
    build_workloads_image,
    default_cache,
)
from e2e.root import missing_parts
from surelabel.stages import runner
from surelabel_contract.stages import AutoLabeling, StageConfig
from surelabel_contract.store import Storage
from workloads.stages.digits import digits_driver
from workloads.stages.mini_driver import MiniDriver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
BUILDS = {"operator": build_operator_image, "workloads": build_workloads_image}
COMPRESSED_MB = {"operator": 150, "workloads": 500}
PROMISE = AutoLabeling(
    target_error_permille=100, risk_permille=200, seed_items=60, items_per_round=40
)
each_image = pytest.mark.parametrize("name", BUILDS)


@pytest.fixture(scope="session")
def archives() -> dict[str, Path]:
    """The archive of each image."""
    missing = missing_parts()
    if missing:
        pytest.skip(missing)
    return {name: build(default_cache()) for name, build in BUILDS.items()}


@pytest.fixture(scope="session")
def images(archives: dict[str, Path]) -> Iterator[dict[str, Unpacked]]:
    """What an engine would make of each archive; too large to be kept like other tests' files."""
    with tempfile.TemporaryDirectory(prefix="surelabel-images-") as folder:
        yield {name: unpack(archive, Path(folder, name)) for name, archive in archives.items()}


@pytest.fixture
def operator(images: dict[str, Unpacked]) -> Iterator[Container]:
    with Container(images["operator"]) as container:
        yield container


@pytest.fixture
def workloads(images: dict[str, Unpacked]) -> Iterator[Container]:
    with Container(images["workloads"]) as container:
        yield container


def python_files(image: Unpacked, pattern: str) -> list[Path]:
    folders = ("usr/lib/python3", "usr/lib/python3.11", "opt/surelabel/lib")
    return [path for name in folders for path in (image.root / name).rglob(pattern)]


def test_operator_starts_as_its_user_on_a_read_only_root(
    images: dict[str, Unpacked], operator: Container
) -> None:
    done = operator.run(*images["operator"].config["Entrypoint"], "--help")
    assert done.returncode == 0, done.stderr
    assert "The Surelabel operator." in done.stdout
    assert operator.run("id", "-u").stdout == "10001\n"


@each_image
def test_only_volumes_can_be_written(images: dict[str, Unpacked], name: str) -> None:
    with Container(images[name]) as container:
        assert container.run("touch", "/tmp/x", "/dev/shm/x").returncode == 0
        for folder in ("/", "/opt/surelabel", "/etc", "/var/tmp"):
            done = container.run("touch", f"{folder}/x")
            assert "Read-only file system" in done.stderr or "Permission denied" in done.stderr


@each_image
def test_nothing_in_the_image_can_install_or_gain_rights(
    images: dict[str, Unpacked], name: str
) -> None:
    root = images[name].root
    assert not list(root.rglob("site-packages/pip"))
    privileged = [
        path
        for path in root.rglob("*")
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000
    ]
    assert privileged == []


@each_image
def test_all_byte_code_is_there_and_believed_without_its_source(
    images: dict[str, Unpacked], name: str
) -> None:
    image = images[name]
    compiled = python_files(image, "*.cpython-311.pyc")
    # PEP 552: flags 0b01 say that a hash stands there, and that nobody need check it.
    checked = [path for path in compiled if path.read_bytes()[4:8] != b"\x01\0\0\0"]
    assert checked == []
    having = {path.parent.parent / f"{path.name.split('.cpython-311')[0]}.py" for path in compiled}
    assert [path for path in python_files(image, "*.py") if path not in having] == []


@each_image
def test_nothing_tells_on_which_machine_the_image_was_built(
    images: dict[str, Unpacked], name: str
) -> None:
    root = images[name].root
    for path in ("etc/hostname", "etc/machine-id", "etc/resolv.conf", "etc/apt/sources.list"):
        assert not (root / path).exists() or not (root / path).read_bytes(), path
    left = [
        path.relative_to(root)
        for folder in ("etc/apt/sources.list.d", "var/log", "var/cache", "run", "tmp")
        for path in (root / folder).rglob("*")
        if not path.is_dir()
    ]
    assert left == []


@each_image
def test_bill_of_materials_names_all_that_is_installed(
    images: dict[str, Unpacked], name: str
) -> None:
    root = images[name].root
    text = (root / "opt/surelabel/sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == f"surelabel/{name}"
    found = {component["purl"].partition("?")[0] for component in bill["components"]}
    status = (root / "var/lib/dpkg/status").read_text()
    names = re.findall(r"^Package: (\S+)$", status, re.MULTILINE)
    assert {address.split("/")[2].split("@")[0] for address in found if ":deb/" in address} == set(
        names
    )
    pinned = [
        Requirement(line.rstrip("\\ "))
        for line in (ROOT / "containers" / f"{name}.lock").read_text().splitlines()
        if re.match(r"[a-z0-9.-]+==", line)
    ]
    expected = {
        f"pkg:pypi/{wanted.name}@{str(wanted.specifier).removeprefix('==')}"
        for wanted in pinned
        if wanted.marker is None or wanted.marker.evaluate()
    }
    assert expected == {
        address
        for address in found
        if ":pypi/" in address and not address.startswith("pkg:pypi/surelabel@")
    }


@each_image
def test_image_is_small(
    archives: dict[str, Path], name: str, say_at_end: Callable[[str], None]
) -> None:
    compressed = plain = 0
    with tarfile.open(archives[name]) as file:
        for entry in file:
            if entry.name.endswith(".tar"):
                stream = file.extractfile(entry)
                assert stream is not None
                packer = zlib.compressobj(6)
                for block in iter(lambda: stream.read(1 << 20), b""):  # noqa: B023
                    compressed += len(packer.compress(block))
                compressed += len(packer.flush())
                plain += entry.size
    say_at_end(f"image {name}: {compressed / 1e6:.1f} MB compressed, {plain / 1e6:.1f} MB unpacked")
    assert compressed < COMPRESSED_MB[name] * 1e6


def test_a_whole_job_runs_as_ray_jobs_and_writes_the_same_bytes_as_here(
    workloads: Container, say_at_end: Callable[[str], None]
) -> None:
    # In processes of their own the stages use one thread, which the last digits depend on.
    folder = workloads.data / "job"
    driver = digits_driver(folder, 300, auto_labeling=PROMISE, in_process=False)
    driver.run_job()
    expected = driver.output_lines()
    assert driver.reports[-1].progressed.counters.machine_labeled > 0
    shutil.rmtree(driver.root / "out")
    driver.attempts.clear()

    start_ray(workloads)
    began = time.monotonic()
    driver.start = lambda config: submit(workloads, driver, config)  # type: ignore[method-assign]
    driver.run_job()
    say_at_end(f"a digits job as Ray jobs in the image: {time.monotonic() - began:.0f} s")
    assert driver.output_lines() == expected


def test_probes_of_kuberay_find_a_healthy_head(workloads: Container) -> None:
    start_ray(workloads)
    for port, path in ((52365, "local_raylet_healthz"), (8265, "gcs_healthz")):
        probe = f"wget --tries 1 -T 2 -q -O- http://localhost:{port}/api/{path} | grep success"
        assert workloads.wait_for(["bash", "-c", "--", probe], 60) == "success\n"
    # What a pod of KubeRay may be told to run instead.
    assert workloads.run("bash", "-lc", "--", "command -v ray").stdout == "/opt/surelabel/bin/ray\n"


def test_ray_runs_as_a_user_that_the_image_does_not_know(images: dict[str, Unpacked]) -> None:
    with Container(images["workloads"], user="1000680000:1000680000") as container:
        start_ray(container)
        answer = "print(ray.get(ray.remote(lambda: 6 * 7).remote()))"
        done = container.run("python", "-c", f"import ray; ray.init('auto'); {answer}")
        assert done.stdout == "42\n", done.stderr


def start_ray(container: Container) -> None:
    """A head whose Jobs API answers."""
    command = (
        "ray start --head --node-ip-address 127.0.0.1 --dashboard-host 127.0.0.1 --num-cpus 2"
        " >/tmp/ray-start.log 2>&1 || { cat /tmp/ray-start.log; exit 1; }"
    )
    done = container.run("bash", "-c", "--", f"ulimit -n 65536; {command}")
    assert done.returncode == 0, done.stdout
    container.wait_for(["wget", "-q", "-O-", "http://127.0.0.1:8265/api/jobs/"], 60)


def submit(container: Container, driver: MiniDriver, config: StageConfig) -> int:
    """Exit status of the Ray job that runs this attempt."""
    key = driver.keys.config(config.step, config.attempt)
    folder = Storage(driver.access).folder(driver.folder_uri)
    folder.create(key, config.to_json())
    container.own_data()
    access = {runner.ACCESS_VARIABLE: driver.access.to_json().decode()}
    done = container.run(
        *("ray", "job", "submit", "--address", "http://127.0.0.1:8265"),
        *("--runtime-env-json", json.dumps({"env_vars": access}), "--"),
        *("python", "-m", "surelabel.stages", folder.uri_of(key)),
        timeout=300,
    )
    # As for the operator, a commit counts: under load Ray's driver may abort on its way out.
    commit = driver.path / driver.keys.commit(config.step)
    assert done.returncode == 0 or commit.exists(), done.stdout + done.stderr
    return 0

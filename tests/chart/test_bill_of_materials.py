"""The bill of materials of an image, written here for this environment and two packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from chart.rendering import ROOT

STATUS = """\
Package: wget
Status: install ok installed
Architecture: amd64
Version: 1.21.3-1+deb12u1
Description: retrieves files
 from the web: by name

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: python3
Status: install ok installed
Architecture: amd64
Version: 3.11.2-1+b1
"""


def write_bill(folder: Path, epoch: int = 1767225600) -> str:
    (folder / "status").write_text(STATUS)
    script = ROOT / "containers" / "sbom.py"
    site = sysconfig.get_path("purelib")
    done = subprocess.run(
        [sys.executable, script, "surelabel/operator", folder / "status", site],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_bill(tmp_path_factory.mktemp("bill"))


@pytest.fixture(scope="module")
def components(text: str) -> dict[str, Any]:
    return {found["name"]: found for found in json.loads(text)["components"]}


def test_it_is_valid_cyclonedx(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = text.replace('"type": "library"', '"type": "thing"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_debian_packages_are_known_by_their_package_url(components: dict[str, Any]) -> None:
    address = components["wget"]["purl"]
    assert address.startswith("pkg:deb/")
    assert "/wget@1.21.3-1%2Bdeb12u1?arch=amd64&distro=" in address
    assert "python3" in components
    assert "gone" not in components


def test_python_packages_bring_their_version_and_licence(components: dict[str, Any]) -> None:
    numpy = components["numpy"]
    assert numpy["purl"] == f"pkg:pypi/numpy@{version('numpy')}"
    assert "BSD-3-Clause" in json.dumps(numpy["licenses"])
    assert components["aiohttp"]["licenses"]


def test_image_has_the_version_of_its_surelabel(text: str) -> None:
    found = json.loads(text)["metadata"]
    assert found["timestamp"] == "2026-01-01T00:00:00Z"
    assert found["component"] == {
        "type": "container",
        "name": "surelabel/operator",
        "version": version("surelabel"),
    }


def test_same_content_gives_the_same_bill(tmp_path: Path, text: str) -> None:
    assert write_bill(tmp_path) == text
    assert write_bill(tmp_path, epoch=0) != text

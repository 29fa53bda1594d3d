"""Prints the software bill of materials of an image, as CycloneDX 1.6:
``sbom.py IMAGE DPKG_STATUS SITE_PACKAGES...``

It reads what is installed, Debian's packages and Python's, so it cannot differ from the image. What
a wheel brings inside its own libraries is not told apart.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

# A fixed namespace of ours: the serial number of a bill follows from what stands in it.
NAMESPACE = uuid.UUID("6f3c1f0e-5d0b-5e0c-9f59-0b1f7c1f2a11")


def debian_packages(status: str, release: str) -> Iterator[dict[str, Any]]:
    """A component for each installed package of a dpkg status file."""
    for paragraph in status.strip().split("\n\n"):
        fields = dict(
            line.split(": ", 1)
            for line in paragraph.splitlines()
            if not line.startswith(" ") and ": " in line
        )
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version = fields["Package"], fields["Version"]
        address = f"pkg:deb/{release.partition('-')[0]}/{name}@{quote(version)}"
        qualifiers = f"arch={fields['Architecture']}&distro={release}"
        yield component(name, version, f"{address}?{qualifiers}")


def python_packages(folders: list[str]) -> Iterator[dict[str, Any]]:
    """A component for each distribution in these folders."""
    for found in distributions(path=folders):
        name = found.metadata["Name"]
        address = f"pkg:pypi/{name.lower().replace('_', '-')}@{quote(found.version)}"
        yield component(name, found.version, address) | licence(found)


def licence(found: Distribution) -> dict[str, Any]:
    """What a distribution says of its licence: an SPDX expression where it gives one."""
    expression = found.metadata.get("License-Expression")
    if expression:
        return {"licenses": [{"expression": expression}]}
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in found.metadata.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    # Some put the whole text of the licence into this field.
    (text, *_) = [*(found.metadata.get("License") or "").strip().splitlines(), ""]
    names = classifiers or ([text] if text else [])
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


def component(name: str, version: str, address: str) -> dict[str, Any]:
    """One library, known by its package URL."""
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
    }


def bill_of(image: str, components: list[dict[str, Any]], epoch: int) -> dict[str, Any]:
    """The whole document; the image has the version of the surelabel that it holds."""
    ordered = sorted(components, key=lambda found: str(found["purl"]))
    (version,) = [found["version"] for found in ordered if found["name"] == "surelabel"]
    serial = uuid.uuid5(NAMESPACE, json.dumps([image, epoch, ordered], sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "container", "name": image, "version": version},
        },
        "components": ordered,
    }


def main(image: str, status: str, *folders: str) -> None:
    """Print the bill."""
    system = platform.freedesktop_os_release()
    release = f"{system['ID']}-{system['VERSION_ID']}"
    components = [
        *debian_packages(Path(status).read_text(encoding="utf-8"), release),
        *python_packages(list(folders)),
    ]
    bill = bill_of(image, components, int(os.environ["SOURCE_DATE_EPOCH"]))
    json.dump(bill, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Images of one static program, as archives that containerd imports; no registry, no Docker."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

USER = 65532
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_program_image(folder: Path, name: str, program: Path, *command: str) -> Path:
    """Write an image that has ``program`` as ``/<its name>``, and runs it with ``command`` unless
    a pod says otherwise; the archive ``<program>-<digest>.tar`` in ``folder``."""
    layer = _tar({program.name: program.read_bytes()})
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    image = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Entrypoint": [f"/{program.name}"],
                "Cmd": command,
                "User": f"{USER}:{USER}",
            },
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        }
    )
    image_file = f"{hashlib.sha256(image).hexdigest()}.json"
    listed = [{"Config": image_file, "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {image_file: image, "layer.tar": layer, "manifest.json": _json(listed)}
    content = _tar(files)
    target = folder / f"{program.name}-{hashlib.sha256(content).hexdigest()[:24]}.tar"
    target.write_bytes(content)
    return target


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()

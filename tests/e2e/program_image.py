"""Images of one static program, as archives that containerd imports."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path

from e2e.archive import digest_of, write_archive, write_layer
from e2e.images import EPOCH

USER = 65532
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_program_image(folder: Path, name: str, program: Path, *command: str) -> Path:
    """Write an image that has ``program`` as ``/<its name>``, and runs it with ``command`` unless
    a pod says otherwise; the archive ``<program>-<digest>.tar`` in ``folder``."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
        tree, layer, archive = (Path(temporary, part) for part in ("tree", "layer", "archive"))
        tree.mkdir()
        shutil.copyfile(program, tree / program.name)
        (tree / program.name).chmod(0o755)
        write_layer(layer, tree, "", EPOCH)
        config = {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "Entrypoint": [f"/{program.name}"],
                "Cmd": command,
                "User": f"{USER}:{USER}",
            },
        }
        write_archive(archive, name, [layer], config, EPOCH)
        return archive.rename(folder / f"{program.name}-{digest_of(archive)[:24]}.tar")

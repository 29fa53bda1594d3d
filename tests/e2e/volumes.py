"""A folder of the node as a claim that pods mount."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def folder_volume(folder: Path, name: str) -> dict[str, Any]:
    """A PersistentVolume in a folder of the node, for the claim that names it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": str(folder)},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }


def claim(name: str, namespace: str, volume: str | None) -> dict[str, Any]:
    """A PersistentVolumeClaim of the volume; None: of the cluster's default StorageClass."""
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    if volume is not None:
        spec |= {"storageClassName": "", "volumeName": volume}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }

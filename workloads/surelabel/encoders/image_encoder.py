"""Pictures through an ONNX graph: scaled, cut to the graph's size, normalised, encoded.

What comes out may be a row an item, or one for each patch or cell of a grid, which are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from surelabel.encoders.base import EncoderError, EncoderFiles, checked_features
from surelabel.encoders.onnx_session import OnnxSession, open_onnx
from surelabel.tasks.base import BrokenSource, FeatureBatch
from surelabel.tasks.image_classification.features import BrokenImageError, decode

# Of ImageNet, as nearly all encoders of pictures have been trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_OUTPUTS = ("image_embeds", "pooler_output", "features", "embedding", "embeddings")
_BATCH = 16
_MAX_SIDE = 2_048


@dataclass(frozen=True)
class ImageEncoder:
    """See ``Encoder``. ``size``: (height, width) of what the graph is shown."""

    sha256: str
    session: OnnxSession
    input: str
    output: str
    size: tuple[int, int]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    channels_first: bool
    batch: int | None
    n_features: int = 0

    @classmethod
    def open(cls, files: EncoderFiles) -> ImageEncoder:
        """The encoder, tried on a grey picture; EncoderError if it does not fit."""
        session = open_onnx(files.model)
        if len(session.inputs) != 1:
            names = ", ".join(one.name for one in session.inputs)
            raise EncoderError(
                "EncoderUnfit", f"an encoder of pictures has one input; this one has: {names}."
            )
        (declared,) = session.inputs
        shape = declared.shape
        is_picture = len(shape) == 4 and (shape[1] in (1, 3) or shape[3] in (1, 3))
        if declared.type != "tensor(float)" or not is_picture:
            raise EncoderError(
                "EncoderUnfit",
                f"input {declared.name!r} must be float32 with the axes (items, channels, height, "
                "width) or (items, height, width, channels), of 1 or 3 channels; got "
                f"{declared.type} {_shown(shape)}.",
            )
        first = shape[1] in (1, 3)
        channels = (shape[1] if first else shape[3]) or 3
        encoder = cls(
            sha256=files.sha256,
            session=session,
            input=declared.name,
            output=session.output(_OUTPUTS),
            size=_size(session, files.preprocessor, shape[2:] if first else shape[1:3]),
            mean=_per_channel(session, files.preprocessor, "image_mean", IMAGENET_MEAN, channels),
            std=_per_channel(session, files.preprocessor, "image_std", IMAGENET_STD, channels),
            channels_first=first,
            batch=shape[0],
        )
        grey = Image.new("RGB", (encoder.size[1], encoder.size[0]), (127, 127, 127))
        found = encoder._encoded([grey], None)
        return cls(**{**encoder.__dict__, "n_features": int(found.shape[1])})

    def encode(self, sources: Sequence[bytes | str]) -> FeatureBatch:
        """See ``Encoder``; every source is the content of an image file."""
        rows: list[int] = []
        images: list[Image.Image] = []
        broken: list[BrokenSource] = []
        for row, source in enumerate(sources):
            data = source if isinstance(source, bytes) else source.encode()
            try:
                images.append(self._cut(decode(data, side=2 * max(self.size))))
                rows.append(row)
            except BrokenImageError as error:
                broken.append(BrokenSource(row, "BrokenMedia", str(error)))
        step = self.batch or _BATCH
        parts = [
            self._encoded(images[start : start + step], self.n_features)
            for start in range(0, len(images), step)
        ]
        features = np.concatenate(parts) if parts else np.empty((0, self.n_features), np.float32)
        return FeatureBatch(np.array(rows, np.int64), features, tuple(broken))

    def _cut(self, image: Image.Image) -> Image.Image:
        """The middle of the picture, as large as fits, in the graph's size."""
        height, width = self.size
        scale = min(image.width / width, image.height / height)
        left, top = image.width - width * scale, image.height - height * scale
        box = (left / 2, top / 2, image.width - left / 2, image.height - top / 2)
        mode = "L" if len(self.mean) == 1 else "RGB"
        return image.convert(mode).resize((width, height), Image.Resampling.BICUBIC, box)

    def _encoded(self, images: Sequence[Image.Image], n_features: int | None) -> Any:
        """(n_images, n_features), checked."""
        mode = "L" if len(self.mean) == 1 else "RGB"
        shown = [np.asarray(image.convert(mode), np.float32) for image in images]
        pixels: NDArray[Any] = np.stack(shown).reshape(len(images), *self.size, len(self.mean))
        pixels = (pixels / 255 - self.mean) / self.std
        if self.channels_first:
            pixels = pixels.transpose(0, 3, 1, 2)
        if self.batch is not None and len(pixels) < self.batch:
            # The graph takes no fewer; what is said of these is thrown away.
            more = np.repeat(pixels[-1:], self.batch - len(pixels), axis=0)
            pixels = np.concatenate([pixels, more])
        pixels = np.ascontiguousarray(pixels, np.float32)
        found = self.session.run(self.output, {self.input: pixels})
        if found.ndim == 3:
            found = found.mean(axis=1)
        elif found.ndim == 4:
            found = found.mean(axis=(2, 3) if self.channels_first else (1, 2))
        if self.batch is not None:
            found = found[: len(images)]
        return checked_features(found, len(images), n_features)


def _size(
    session: OnnxSession, config: Mapping[str, Any], declared: Sequence[int | None]
) -> tuple[int, int]:
    """Height and width: of the input where it has them, else of metadata or configuration."""
    height, width = declared
    side: Any = session.whole_number("image_size")
    if side is None:
        side = config.get("crop_size") or config.get("size")
    if isinstance(side, Mapping):
        shortest = side.get("shortest_edge")
        side = (side.get("height", shortest), side.get("width", shortest))
    wanted = side if isinstance(side, tuple) else (side, side)
    found = (height or wanted[0], width or wanted[1])
    if not all(type(one) is int and 1 <= one <= _MAX_SIDE for one in found):
        raise EncoderError(
            "EncoderUnfit",
            f"the pictures' size must be known, up to {_MAX_SIDE}; got {found}. Fix it in the "
            "input's shape, in the metadata image_size or in preprocessor_config.json (size).",
        )
    return found


def _per_channel(
    session: OnnxSession,
    config: Mapping[str, Any],
    key: str,
    default: Sequence[float],
    channels: int,
) -> NDArray[np.float32]:
    values: Any = session.numbers(key)
    if values is None:
        values = config.get(key)
    if values is None:
        values = default if channels == 3 else [float(np.mean(default))]
    is_list = isinstance(values, Sequence) and len(values) == channels
    numbers = values if is_list and all(type(v) in (int, float) for v in values) else [np.nan]
    found = np.array(numbers, np.float32)
    if not np.isfinite(found).all() or (key == "image_std" and not (found > 0).all()):
        rule = " above 0" if key == "image_std" else ""
        raise EncoderError(
            "EncoderUnfit", f"{key} must be {channels} numbers{rule}; got {str(values)[:50]}."
        )
    return found


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("?" if side is None else str(side) for side in shape) + ")"

"""An ONNX file opened for inference on one core; refuses what reaches outside the file.

ONNX Runtime runs the graph and nothing else: no libraries of custom operators are loaded, and a
file whose weights lie in other files is refused, since their names would be read on our disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.encoders.base import EncoderError

_SHOWN = 300
_INSTALL = "Install surelabel[encoders] where the stages run, or take the encoder Builtin."


@dataclass(frozen=True)
class Tensor:
    """An input or output as the file declares it; a free axis is None."""

    name: str
    type: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OnnxSession:
    """An opened file; ``run`` is the only way to use it."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    session: Any

    def run(self, output: str, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """One output of type float; EncoderError if the graph fails on these inputs."""
        try:
            (found,) = self.session.run([output], dict(inputs))
        except MemoryError:
            raise
        # ONNX Runtime raises a class of its own for each of a dozen causes.
        except Exception as error:
            raise EncoderError(
                "EncoderUnfit", f"fails on its inputs: {_short(error)} Correct the ONNX file."
            ) from error
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
            raise EncoderError(
                "EncoderUnfit",
                f"output {output!r} must be a tensor of floats; got "
                f"{getattr(found, 'dtype', type(found).__name__)}. Export an embedding.",
            )
        return found

    def output(self, preferred: Sequence[str]) -> str:
        """The first of these names that the file has, else its first output."""
        names = [output.name for output in self.outputs]
        return next((name for name in preferred if name in names), names[0])

    def whole_number(self, key: str) -> int | None:
        """A positive whole number of the file's metadata; EncoderError for anything else."""
        text = self.metadata.get(key)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**6):
            raise EncoderError(
                "EncoderUnfit", f"metadata {key} must be a whole number above 0; got {text[:50]!r}."
            )
        return int(text)

    def numbers(self, key: str) -> list[Any] | None:
        """A JSON list of the file's metadata; EncoderError for anything else."""
        text = self.metadata.get(key)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise EncoderError(
                "EncoderUnfit",
                f"metadata {key} must be a list such as [0.5, 0.5, 0.5]; got {text[:50]!r}.",
            )
        return found


def open_onnx(data: bytes) -> OnnxSession:
    """The file, ready to run; EncoderError if it is none, or needs what lies outside of it."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise EncoderError(
            "EncoderNotInstalled", f"needs the package {error.name or 'onnxruntime'}. {_INSTALL}"
        ) from error
    try:
        model = onnx.load_model_from_string(data)
    # protobuf has a class for every way to be broken.
    except Exception as error:
        raise EncoderError("EncoderUnfit", f"is no ONNX file: {_short(error)}") from error
    outside = [t.name for t in _tensors(model) if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise EncoderError(
            "EncoderUnfit",
            f"must hold its own weights; {outside[0]!r} lies in another file. Save the model "
            "with save_as_external_data=False.",
        )
    options = onnxruntime.SessionOptions()
    # Shards run side by side on Ray; one thread each also gives the same sums everywhere.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise EncoderError(
            "EncoderUnfit", f"cannot be opened by ONNX Runtime: {_short(error)}"
        ) from error
    inputs = tuple(_tensor(found) for found in session.get_inputs())
    outputs = tuple(_tensor(found) for found in session.get_outputs())
    if not outputs:
        raise EncoderError("EncoderUnfit", "must have an output.")
    metadata = dict(session.get_modelmeta().custom_metadata_map)
    return OnnxSession(inputs, outputs, metadata, session)


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor in a message, wherever it stands: initializers, attributes, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        # Of one message or many.
        for child in [value] if hasattr(value, "ListFields") else value:
            yield from _tensors(child)


def _tensor(found: Any) -> Tensor:
    shape = tuple(side if isinstance(side, int) else None for side in found.shape)
    return Tensor(found.name, found.type, shape)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

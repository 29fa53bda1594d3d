"""Weights that PyTorch saved, read without PyTorch and without executing what the file says.

A ``.pth`` file is a pickle, and a pickle may call anything. Here it may name an ordered dictionary,
tensors and their storages, and nothing else. Reads the format from before PyTorch 1.6 (a chain of
pickles with the numbers behind them), not the ZIP archive that came after.
"""

from __future__ import annotations

import collections
import io
import math
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
# What reading a broken or hostile pickle may raise; find_class has no say over these.
_BROKEN = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, AssertionError, ImportError, struct.error,
)  # fmt: skip


class WeightsError(ValueError):
    """A file of weights that cannot be read; the message says why."""


def read_torch_weights(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a saved ``state_dict`` by name; WeightsError for anything else.

    Arrays are read-only views of ``data``.
    """
    try:
        return _read(data)
    except _BROKEN as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"cannot be read: {type(error).__name__}: {error}") from error


def _read(data: bytes) -> dict[str, NDArray[Any]]:
    if data.startswith(b"PK"):
        raise WeightsError("is a ZIP archive, as PyTorch writes since version 1.6; not read here.")
    stream = io.BytesIO(data)
    if _load(stream) != _MAGIC:
        raise WeightsError("not a file of PyTorch weights in the format before version 1.6.")
    if _load(stream) != _PROTOCOL:
        raise WeightsError(f"must have protocol version {_PROTOCOL}.")
    _load(stream)  # Sizes of C types; the storages below say what they hold.
    tensors = _load(stream)
    keys = _load(stream)
    if not isinstance(tensors, dict) or not isinstance(keys, list):
        raise WeightsError("must hold a state_dict, names with tensors, and nothing else.")
    storages = _storages(data, stream.tell(), keys, _wanted(tensors))
    return {name: tensor.array(storages) for name, tensor in tensors.items()}


@dataclass(frozen=True)
class _Storage:
    """What a tensor lies in; the numbers come behind the pickles."""

    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
        numbers = storages[self.storage.key][self.offset :]
        steps = [step * numbers.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, steps, writeable=False)


def _tensor(
    storage: Any, offset: Any, shape: Any, stride: Any, requires_grad: Any, hooks: Any, *_: Any
) -> _Tensor:
    """Stands in for ``torch._utils._rebuild_tensor_v2``."""
    del requires_grad, hooks
    numbers = (offset, *shape, *stride)
    if not isinstance(storage, _Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise WeightsError("a tensor must have a storage and whole numbers as its shape.")
    if len(shape) != len(stride) or math.prod(shape) > storage.size:
        raise WeightsError(f"a tensor of shape {shape} does not fit into {storage.size} numbers.")
    # Any order of the axes will do, as long as all of it lies inside the storage.
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
    if math.prod(shape) and last >= storage.size:
        raise WeightsError(f"a tensor ends at number {last} of {storage.size}.")
    return _Tensor(storage, offset, tuple(shape), tuple(stride))


class _Unpickler(pickle._Unpickler):
    """Knows four kinds of names; every other one ends the reading.

    The one in Python: its twin in C makes room for as many references as a broken file claims.
    """

    dispatch = {
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        # It makes room before it reads, too.
        if code != pickle.BYTEARRAY8[0]
    }

    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch" and name in _STORAGES:
            # A name, not something to call.
            return name
        _refuse(module, name)

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(kind), str(key), str(), int(size), None) if size >= 0:
                return _Storage(key, _STORAGES[kind], size)
        raise WeightsError("a storage must have a kind, a key and a size, and be no view.")


def _refuse(module: str, name: str) -> NoReturn:
    raise WeightsError(
        f"names {module}.{name}, which is neither a tensor nor a dictionary; reading it might "
        "execute code. Save a plain state_dict."
    )


def _load(stream: io.BytesIO) -> Any:
    return _Unpickler(stream).load()


def _wanted(tensors: dict[Any, Any]) -> dict[str, _Storage]:
    """The storages of all tensors by key."""
    found: dict[str, _Storage] = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise WeightsError("must hold a state_dict, names with tensors, and nothing else.")
        storage = tensor.storage
        if found.setdefault(storage.key, storage) != storage:
            raise WeightsError(f"storage {storage.key!r} has two sizes or kinds.")
    return found


def _storages(
    data: bytes, start: int, keys: list[Any], wanted: dict[str, _Storage]
) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for key in keys:
        storage = wanted[key]
        (size,) = struct.unpack_from("<q", data, start)
        start += 8
        if size != storage.size or start + size * storage.dtype.itemsize > len(data):
            raise WeightsError(f"storage {key!r} must have {storage.size} numbers; the file ends.")
        found[key] = np.frombuffer(data, storage.dtype, size, start)
        start += size * storage.dtype.itemsize
    return found

"""Files of PyTorch weights, read without PyTorch: tensors come back, everything else is refused."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.encoders.torch_weights import WeightsError, read_torch_weights

MAGIC = 0x1950A86A20F9469CFC6C


class Named:
    """Pickles as a global of the given name, without the module being there."""

    def __init__(self, module: str, name: str) -> None:
        self.path = module, name


class Storage:
    """Pickles as a persistent id."""

    def __init__(self, kind: str, key: str, size: int, view: Any = None) -> None:
        self.kind, self.key, self.size, self.view = kind, key, size, view


class Writer(pickle._Pickler):  # type: ignore[misc]
    """Writes what PyTorch would, by the pure-Python pickler, whose names can be made up."""

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Storage):
            return ("storage", Named("torch", obj.kind), obj.key, "cpu", obj.size, obj.view)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> Any:
        if isinstance(obj, Named):
            module, name = obj.path
            return self.write(f"c{module}\n{name}\n".encode())
        return super().save(obj, save_persistent_id)


def pickled(value: Any) -> bytes:
    buffer = io.BytesIO()
    Writer(buffer, 2).dump(value)
    return buffer.getvalue()


def call(what: Named, *arguments: Any) -> bytes:
    """A pickle that calls ``what``, without PROTO and STOP."""
    body = io.BytesIO()
    writer = Writer(body, 2)
    writer.save(what)
    writer.save(arguments)
    writer.write(pickle.REDUCE)
    return body.getvalue()


def tensor(storage: Storage, offset: int, shape: Any, stride: Any) -> bytes:
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    hooks: Any = collections.OrderedDict()
    return call(rebuild, storage, offset, shape, stride, False, hooks)


def state_dict(values: dict[str, bytes]) -> bytes:
    """The pickle of a dictionary whose values are pickles already."""
    parts = [pickle.PROTO + b"\x02", pickle.EMPTY_DICT, pickle.MARK]
    for name, value in values.items():
        parts += [pickle.BINUNICODE + struct.pack("<I", len(name)) + name.encode(), value]
    return b"".join([*parts, pickle.SETITEMS, pickle.STOP])


def weights_file(
    values: dict[str, bytes] | bytes,
    storages: dict[str, np.ndarray[Any, Any]],
    magic: int = MAGIC,
    protocol: int = 1001,
) -> bytes:
    head = b"".join(pickled(value) for value in (magic, protocol, {"little_endian": True}))
    body = values if isinstance(values, bytes) else state_dict(values)
    numbers = b"".join(struct.pack("<q", one.size) + one.tobytes() for one in storages.values())
    return head + body + pickled(list(storages)) + numbers


FLOATS = np.arange(12, dtype="<f4")


def test_tensors_come_back_with_their_names_shapes_and_numbers():
    storage, counts = Storage("FloatStorage", "a", 12), Storage("LongStorage", "b", 1)
    data = weights_file(
        {
            "whole": tensor(storage, 0, (3, 4), (4, 1)),
            "part": tensor(storage, 4, (2, 2), (4, 1)),
            "turned": tensor(storage, 0, (4, 3), (1, 4)),
            "none": tensor(storage, 12, (0, 3), (3, 1)),
            "scalar": tensor(counts, 0, (), ()),
        },
        {"a": FLOATS, "b": np.array([7], "<i8")},
    )
    found = read_torch_weights(data)
    whole = FLOATS.reshape(3, 4)
    assert found["whole"].tolist() == whole.tolist()
    assert found["part"].tolist() == whole[1:, :2].tolist()
    assert found["turned"].tolist() == whole.T.tolist()
    assert found["none"].shape == (0, 3)
    assert found["scalar"] == 7
    assert found["scalar"].dtype == np.int64
    assert not found["whole"].flags.writeable


MALICIOUS: dict[str, Callable[[Path], bytes]] = {
    "os.system": lambda path: call(Named("os", "system"), f"touch {path}"),
    "posix.system": lambda path: call(Named("posix", "system"), f"touch {path}"),
    "builtins.eval": lambda path: call(Named("builtins", "eval"), f"open({str(path)!r}, 'w')"),
    "builtins.getattr": lambda path: call(Named("builtins", "getattr"), "", "join"),
    "subprocess.Popen": lambda path: call(Named("subprocess", "Popen"), ["touch", str(path)]),
    "torch.load": lambda path: call(Named("torch", "load"), str(path)),
    "torch.hub.load": lambda path: call(Named("torch.hub", "load"), str(path)),
    "torch._utils._rebuild_tensor": lambda path: call(Named("torch._utils", "_rebuild_tensor")),
    "numpy.load": lambda path: call(Named("numpy", "load"), str(path)),
    "collections.abc.Callable": lambda path: call(Named("collections.abc", "Callable")),
    "collections.OrderedDict.fromkeys": lambda path: call(
        Named("collections", "OrderedDict.fromkeys"), [1]
    ),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_file_that_would_call_something_is_refused_and_nothing_is_called(name, tmp_path):
    path = tmp_path / "executed"
    for place in ({"weight": MALICIOUS[name](path)}, b"\x80\x02" + MALICIOUS[name](path) + b"."):
        with pytest.raises(WeightsError, match=f"names {name}, which is neither"):
            read_torch_weights(weights_file(place, {}))
    # Also where only a number stands otherwise.
    with pytest.raises(WeightsError, match="which is neither a tensor"):
        read_torch_weights(b"\x80\x02" + MALICIOUS[name](path) + b".")
    assert not path.exists()


def test_no_module_is_imported(monkeypatch):
    before = set(sys.modules)
    with pytest.raises(WeightsError):
        read_torch_weights(weights_file({"w": call(Named("antigravity", "x"))}, {}))
    assert set(sys.modules) == before
    # Nor is one that is there asked for a name.
    module = types.ModuleType("torch")
    monkeypatch.setitem(sys.modules, "torch", module)
    module.load = lambda *_: os._exit(3)  # type: ignore[attr-defined]
    with pytest.raises(WeightsError, match=r"names torch.load"):
        read_torch_weights(weights_file({"w": call(Named("torch", "load"), "x")}, {}))


STORAGE = Storage("FloatStorage", "a", 12)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read: EOFError"),
        (b"PK\x03\x04 a ZIP archive, as newer PyTorch writes", "is a ZIP archive"),
        (weights_file({}, {}, magic=5), "in the format before version 1.6"),
        (weights_file({}, {}, protocol=1002), "protocol version 1001"),
        (weights_file(pickled([1, 2]), {}), "must hold a state_dict"),
        (weights_file(pickled({"a": 1}), {}), "must hold a state_dict"),
        (weights_file(pickled({3: STORAGE}), {"a": FLOATS}), "must hold a state_dict"),
        (weights_file({"w": tensor(STORAGE, 0, (13,), (1,))}, {"a": FLOATS}), "does not fit"),
        (weights_file({"w": tensor(STORAGE, 1, (12,), (1,))}, {"a": FLOATS}), "ends at number 12"),
        (
            weights_file({"w": tensor(STORAGE, 0, (3, 4), (5, 1))}, {"a": FLOATS}),
            "ends at number 13",
        ),
        (weights_file({"w": tensor(STORAGE, 0, (10**9,), (0,))}, {"a": FLOATS}), "does not fit"),
        (weights_file({"w": tensor(STORAGE, -1, (1,), (1,))}, {"a": FLOATS}), "whole numbers"),
        (weights_file({"w": tensor(STORAGE, 5, (2,), (-1,))}, {"a": FLOATS}), "whole numbers"),
        (weights_file({"w": tensor(STORAGE, 0, (2,), (1, 1))}, {"a": FLOATS}), "does not fit"),
        (weights_file({"w": tensor(STORAGE, 0, (12,), (1,))}, {}), "cannot be read: KeyError"),
        (
            weights_file({"w": tensor(STORAGE, 0, (12,), (1,))}, {"a": FLOATS[:5]}),
            "must have 12 numbers",
        ),
        (
            weights_file({"w": tensor(STORAGE, 0, (12,), (1,))}, {"a": FLOATS})[:-1],
            "must have 12 numbers; the file ends",
        ),
        (
            weights_file(
                {
                    "v": tensor(STORAGE, 0, (1,), (1,)),
                    "w": tensor(Storage("FloatStorage", "a", 13), 0, (1,), (1,)),
                },
                {"a": FLOATS},
            ),
            "two sizes or kinds",
        ),
        (
            weights_file(
                {"w": tensor(Storage("FloatStorage", "a", 12, ("b", 0, 3)), 0, (1,), (1,))},
                {"a": FLOATS},
            ),
            "be no view",
        ),
        (
            weights_file({"w": tensor(Storage("OddStorage", "a", 12), 0, (1,), (1,))}, {}),
            "names torch.OddStorage",
        ),
    ],
)
def test_a_broken_file_says_why(data, words):
    with pytest.raises(WeightsError, match=words):
        read_torch_weights(data)


def test_every_truncated_file_is_refused():
    data = weights_file({"w": tensor(STORAGE, 0, (12,), (1,))}, {"a": FLOATS})
    for end in range(len(data)):
        with pytest.raises(WeightsError):
            read_torch_weights(data[:end])


def test_a_file_with_a_changed_byte_gives_numbers_or_an_error():
    data = bytearray(weights_file({"w": tensor(STORAGE, 0, (12,), (1,))}, {"a": FLOATS}))
    rng = np.random.default_rng(3)
    for _ in range(3_000):
        place, before = int(rng.integers(len(data))), 0
        before, data[place] = data[place], int(rng.integers(256))
        try:
            found = read_torch_weights(bytes(data))
        except WeightsError:
            pass
        else:
            assert all(isinstance(one, np.ndarray) and one.size <= 12 for one in found.values())
        data[place] = before

"""Writes ONNX graphs node by node: the little that both encoders of ours need of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What ONNX Runtime has understood since 2021, so that older ones read our files as well.
_OPSET = 13
_IR_VERSION = 8


class Graph:
    """An ONNX graph that grows by a node at a time; every method returns its output's name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def weight(self, values: NDArray[Any] | np.generic) -> str:
        """A constant with these values."""
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def floats(self, *values: float) -> str:
        """A constant vector of float32."""
        return self.weight(np.array(values, np.float32))

    def integers(self, *values: int) -> str:
        """A constant vector of int64, as shapes and axes are."""
        return self.weight(np.array(values, np.int64))

    def node(
        self, operator: str, *inputs: str, output: str | None = None, **attributes: Any
    ) -> str:
        """A node of one output."""
        from onnx import helper

        name = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def dense(self, x: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """x W' + b; ``weight``: (n_outputs, n_inputs), as PyTorch keeps it."""
        return self.node("Add", self.node("MatMul", x, self.weight(weight.T)), self.weight(bias))

    def model(
        self,
        inputs: Mapping[str, tuple[str, Sequence[int | str]]],
        outputs: Mapping[str, Sequence[int | str]],
        metadata: Mapping[str, str],
    ) -> bytes:
        """The file. ``inputs``: type and shape by name; outputs are float32."""
        from onnx import TensorProto, helper

        types = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64}
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [
                helper.make_tensor_value_info(name, types[kind], shape)
                for name, (kind, shape) in inputs.items()
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in outputs.items()
            ],
            self._weights,
        )
        model = helper.make_model(
            graph,
            producer_name="surelabel",
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
        )
        helper.set_model_props(model, dict(metadata))
        data: bytes = model.SerializeToString(deterministic=True)
        return data

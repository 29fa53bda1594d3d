"""An ONNX graph that grows node by node, in double precision between a float input and output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What onnxruntime of the last years reads.
_OPSET, _ML_OPSET, _IR_VERSION = 17, 3, 8


class Graph:
    """``features``: the input as double, (n, n_features)."""

    def __init__(self, name: str, n_features: int) -> None:
        import onnx

        self._onnx: Any = onnx
        self._input, self._n_features = name, n_features
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []
        self.features = self.double(name)

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of its output."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        helper = self._onnx.helper
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values: NDArray[Any]) -> str:
        """The name of a constant of doubles."""
        return self._constant(np.asarray(values, np.float64))

    def integers(self, values: Any) -> str:
        """The name of a constant of whole numbers, such as axes."""
        return self._constant(np.asarray(values, np.int64))

    def converted(self, estimator: Any, *, raw_scores: bool) -> str:
        """The nodes by which skl2onnx writes an estimator; the name of its scores, as double."""
        import skl2onnx
        from skl2onnx.common.data_types import FloatTensorType

        last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
        options: dict[str, Any] = {"zipmap": False}
        if raw_scores:
            options["raw_scores"] = True
        given = [(self._input, FloatTensorType([None, self._n_features]))]
        converted = skl2onnx.to_onnx(
            estimator,
            initial_types=given,
            options={id(last): options},
            target_opset={"": _OPSET, "ai.onnx.ml": _ML_OPSET},
        )
        # Its names next to ours.
        renamed = self._onnx.compose.add_prefix(
            converted, "skl_", rename_inputs=False, inplace=True
        ).graph
        for node in renamed.node:
            node.input[:] = [
                self._input if name == f"skl_{self._input}" else name for name in node.input
            ]
        self._nodes += renamed.node
        self._constants += renamed.initializer
        return self.double(renamed.output[1].name)

    def double(self, name: str) -> str:
        """The values in double precision."""
        return self._cast(name, self._onnx.TensorProto.DOUBLE)

    def output(self, name: str, result: str, n_columns: int) -> None:
        """Give a result, as float, this name."""
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._nodes.append(helper.make_node("Cast", [result], [name], to=kind))
        self._outputs.append(helper.make_tensor_value_info(name, kind, ["n", n_columns]))

    def to_bytes(self, metadata: Mapping[str, str]) -> bytes:
        """The checked model; equal graphs give equal bytes."""
        onnx = self._onnx
        kind = onnx.TensorProto.FLOAT
        given = onnx.helper.make_tensor_value_info(self._input, kind, ["n", self._n_features])
        graph = onnx.helper.make_graph(
            self._nodes, "surelabel", [given], self._outputs, self._constants
        )
        model = onnx.helper.make_model(
            graph,
            producer_name="surelabel",
            ir_version=_IR_VERSION,
            opset_imports=[
                onnx.helper.make_opsetid("", _OPSET),
                onnx.helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
            ],
        )
        onnx.helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(values, name))
        return name

    def _cast(self, name: str, kind: int) -> str:
        return self.node("Cast", name, to=kind)

"""Tiny encoders as ONNX files, good ones and such as should be refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surelabel.encoders.base import EncoderFiles

onnx = pytest.importorskip("onnx", reason="onnx is not installed: run `make python`")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: run `make python`")
pytest.importorskip("tokenizers", reason="tokenizers is not installed: run `make python`")

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
Shape = Sequence["int | str | None"]


def onnx_file(
    nodes: Sequence[Any],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape | None]],
    weights: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A file of these nodes; ``nodes``: (operator, inputs, outputs, attributes)."""
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node(op, ins, outs, **attributes) for op, ins, outs, attributes in nodes],
        "test",
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in outputs.items()],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (weights or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def image_file(
    shape: Shape = ("n", 3, 32, 32), factor: float = 1.0, metadata: Mapping[str, str] | None = None
) -> bytes:
    """Mean colours of 4 x 4 cells: (n, 48), times ``factor``."""
    nodes = [
        ("AveragePool", ["pixels"], ["cells"], {"kernel_shape": [8, 8], "strides": [8, 8]}),
        ("Flatten", ["cells"], ["flat"], {}),
        ("Mul", ["flat", "factor"], ["features"], {}),
    ]
    return onnx_file(
        nodes,
        {"pixels": (FLOAT, shape)},
        {"features": (FLOAT, ["n", None])},
        {"factor": np.float32(factor)},
        metadata,
    )


WORDS = (
    "refund",
    "card",
    "pin",
    "lost",
    "late",
    "money",
    "top",
    "up",
    "rate",
    "change",
    "my",
    "is",
)


def text_file(width: int = 16, shape: Shape = ("n", "tokens"), factor: float = 1.0) -> bytes:
    """A random vector for each word, one row a token: (n, tokens, width)."""
    table = np.random.default_rng(0).normal(size=(len(WORDS) + 2, width)) * factor
    return onnx_file(
        [("Gather", ["table", "input_ids"], ["last_hidden_state"], {})],
        {"input_ids": (INT64, shape), "attention_mask": (INT64, shape)},
        {"last_hidden_state": (FLOAT, [None, None, width])},
        {"table": table.astype(np.float32)},
    )


def tokenizer_file() -> bytes:
    """A token for each of ``WORDS``, one for all others; padding is 0."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(("[PAD]", "[UNK]", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # type: ignore[arg-type]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    return tokenizer.to_str().encode()


def text_files(model: bytes | None = None) -> EncoderFiles:
    return EncoderFiles(model or text_file(), tokenizer_file())


def write_files(folder: Path, files: EncoderFiles) -> str:
    """The URI of the encoder, with all its files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.onnx").write_bytes(files.model)
    if files.tokenizer is not None:
        (folder / "tokenizer.json").write_bytes(files.tokenizer)
    if files.preprocessor:
        (folder / "preprocessor_config.json").write_text(json.dumps(files.preprocessor))
    return f"file://{folder}/encoder.onnx"

"""all-MiniLM-L6-v2 as an ONNX graph, from the weights that its package brings.

W. Wang et al., "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of
Pre-Trained Transformers", NeurIPS 2020, arXiv:2002.10957; trained on a billion pairs of sentences
by the authors of Sentence-BERT (N. Reimers and I. Gurevych, EMNLP 2019, arXiv:1908.10084).
22.7 M parameters; a BERT of 6 layers, whose token vectors are averaged and brought to length 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.encoders.graph import Graph

N_FEATURES = 384
# As its authors cut texts; the weights know positions up to 512.
MAX_TOKENS = 256
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12

Weights = Mapping[str, NDArray[Any]]


def build_minilm(weights: Weights) -> bytes:
    """The ONNX file: token ids and mask (n, n_tokens) to features (n, 384) of length 1.

    KeyError if a weight is missing.
    """
    graph = Graph()
    x = _embedding(graph, weights)
    mask = graph.node("Cast", "attention_mask", to=1)
    # (n, 1, 1, n_tokens): minus infinity, nearly, for what is only padding.
    ignored = graph.node("Sub", graph.floats(1), mask)
    ignored = graph.node("Unsqueeze", ignored, graph.integers(1, 2))
    ignored = graph.node("Mul", ignored, graph.floats(-1e9))
    for number in range(_LAYERS):
        x = _layer(graph, weights, x, ignored, f"encoder.layer.{number}")
    by_token = graph.node("Unsqueeze", mask, graph.integers(2))
    total = graph.node("ReduceSum", graph.node("Mul", x, by_token), graph.integers(1), keepdims=0)
    mean = graph.node(
        "Div", total, graph.node("ReduceSum", by_token, graph.integers(1), keepdims=0)
    )
    length = graph.node("ReduceL2", mean, axes=[1], keepdims=1)
    graph.node("Div", mean, graph.node("Max", length, graph.floats(1e-12)), output="features")
    tokens = ("int64", ["n", "tokens"])
    return graph.model(
        {"input_ids": tokens, "attention_mask": tokens},
        {"features": ["n", N_FEATURES]},
        {"max_tokens": str(MAX_TOKENS)},
    )


def _embedding(graph: Graph, weights: Weights) -> str:
    words = graph.node(
        "Gather", graph.weight(weights["embeddings.word_embeddings.weight"]), "input_ids"
    )
    # All tokens belong to the first sentence, since there is only one.
    kind = weights["embeddings.token_type_embeddings.weight"][0]
    positions = graph.weight(weights["embeddings.position_embeddings.weight"] + kind)
    end = graph.node("Shape", "input_ids")
    end = graph.node("Gather", end, graph.integers(1))
    positions = graph.node("Slice", positions, graph.integers(0), end, graph.integers(0))
    return _norm(graph, weights, graph.node("Add", words, positions), "embeddings.LayerNorm")


def _layer(graph: Graph, weights: Weights, x: str, ignored: str, name: str) -> str:
    """Attention and a hidden layer, each added to what came in and normalised."""
    attended = _attention(graph, weights, x, ignored, name)
    attended = _dense(graph, weights, attended, f"{name}.attention.output.dense")
    x = _norm(graph, weights, graph.node("Add", x, attended), f"{name}.attention.output.LayerNorm")
    hidden = _gelu(graph, _dense(graph, weights, x, f"{name}.intermediate.dense"))
    hidden = _dense(graph, weights, hidden, f"{name}.output.dense")
    return _norm(graph, weights, graph.node("Add", x, hidden), f"{name}.output.LayerNorm")


def _attention(graph: Graph, weights: Weights, x: str, ignored: str, name: str) -> str:
    width = N_FEATURES // _HEADS
    shape = graph.integers(0, 0, _HEADS, width)

    def heads(part: str, order: list[int]) -> str:
        values = _dense(graph, weights, x, f"{name}.attention.self.{part}")
        return graph.node("Transpose", graph.node("Reshape", values, shape), perm=order)

    query, key = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1])
    scores = graph.node("Mul", graph.node("MatMul", query, key), graph.floats(width**-0.5))
    share = graph.node("Softmax", graph.node("Add", scores, ignored), axis=-1)
    found = graph.node("MatMul", share, heads("value", [0, 2, 1, 3]))
    found = graph.node("Transpose", found, perm=[0, 2, 1, 3])
    return graph.node("Reshape", found, graph.integers(0, 0, N_FEATURES))


def _dense(graph: Graph, weights: Weights, x: str, name: str) -> str:
    return graph.dense(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(graph: Graph, weights: Weights, x: str, name: str) -> str:
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=[-1]))
    variance = graph.node("ReduceMean", graph.node("Mul", centred, centred), axes=[-1])
    spread = graph.node("Sqrt", graph.node("Add", variance, graph.floats(_EPSILON)))
    scaled = graph.node(
        "Mul", graph.node("Div", centred, spread), graph.weight(weights[f"{name}.weight"])
    )
    return graph.node("Add", scaled, graph.weight(weights[f"{name}.bias"]))


def _gelu(graph: Graph, x: str) -> str:
    """x P(Z <= x) for a standard normal Z (D. Hendrycks and K. Gimpel, arXiv:1606.08415)."""
    above = graph.node("Erf", graph.node("Mul", x, graph.floats(np.sqrt(0.5))))
    return graph.node(
        "Mul", graph.node("Mul", x, graph.floats(0.5)), graph.node("Add", above, graph.floats(1))
    )

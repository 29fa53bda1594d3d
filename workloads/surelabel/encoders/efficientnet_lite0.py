"""EfficientNet-Lite0 as an ONNX graph, from the weights that its package brings for PyTorch.

M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, arXiv:1905.11946; the Lite variants have ReLU6 for swish and no squeeze-and-excitation.
Trained on ImageNet. 4.7 M parameters; a picture takes 0.4 G multiplications.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surelabel.encoders.graph import Graph

SIZE = 224
N_FEATURES = 1_280
# Of the authors: pixels from 0 to 255 become (pixel - 127) / 128.
_MEAN, _STD = 127 / 255, 128 / 255
_EPSILON = 1e-3
# Blocks with stride 2; kernels and channels are what the weights have.
_HALVING = (1, 3, 5, 11)
_N_BLOCKS = 16

Weights = Mapping[str, NDArray[Any]]


def build_efficientnet_lite0(weights: Weights, *, with_classes: bool = False) -> bytes:
    """The ONNX file: pictures (n, 3, 224, 224) to features (n, 1280); KeyError without a weight.

    ``with_classes``: the output is the scores of ImageNet's 1,000 classes instead.
    """
    graph = Graph()
    x = _convolution(graph, weights, "pixels", "_conv_stem", "_bn0", stride=2)
    x = _relu6(graph, x)
    for number in range(_N_BLOCKS):
        x = _block(graph, weights, x, f"_blocks.{number}", 2 if number in _HALVING else 1)
    x = _relu6(graph, _convolution(graph, weights, x, "_conv_head", "_bn1"))
    x = graph.node("GlobalAveragePool", x)
    name = "classes" if with_classes else "features"
    size = 1_000 if with_classes else N_FEATURES
    if with_classes:
        x = graph.node("Flatten", x)
        x = graph.dense(x, weights["_fc.weight"], weights["_fc.bias"])
        graph.node("Identity", x, output=name)
    else:
        graph.node("Flatten", x, output=name)
    return graph.model(
        {"pixels": ("float", ["n", 3, SIZE, SIZE])},
        {name: ["n", size]},
        {"image_mean": str([_MEAN] * 3), "image_std": str([_STD] * 3)},
    )


def _block(graph: Graph, weights: Weights, x: str, name: str, stride: int) -> str:
    """An inverted residual: wide, filtered by channel, narrow again; added to what came in."""
    inner = x
    if f"{name}._expand_conv.weight" in weights:
        n_in = weights[f"{name}._expand_conv.weight"].shape[1]
        inner = _convolution(graph, weights, inner, f"{name}._expand_conv", f"{name}._bn0")
        inner = _relu6(graph, inner)
    else:
        n_in = weights[f"{name}._depthwise_conv.weight"].shape[0]
    inner = _convolution(
        graph, weights, inner, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride
    )
    inner = _relu6(graph, inner)
    inner = _convolution(graph, weights, inner, f"{name}._project_conv", f"{name}._bn2")
    n_out = weights[f"{name}._project_conv.weight"].shape[0]
    return graph.node("Add", inner, x) if stride == 1 and n_in == n_out else inner


def _convolution(
    graph: Graph, weights: Weights, x: str, name: str, norm: str, stride: int = 1
) -> str:
    """A convolution with its batch normalisation, which at rest is a factor and a shift."""
    kernel = weights[f"{name}.weight"].astype(np.float64)
    factor = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * factor
    side = int(kernel.shape[-1])
    return graph.node(
        "Conv",
        x,
        graph.weight((kernel * factor[:, None, None, None]).astype(np.float32)),
        graph.weight(shift.astype(np.float32)),
        kernel_shape=[side, side],
        strides=[stride, stride],
        # As TensorFlow pads, where these weights come from: one more at the lower right.
        auto_pad="SAME_UPPER",
        group=int(kernel.shape[0]) if kernel.shape[1] == 1 else 1,
    )


def _relu6(graph: Graph, x: str) -> str:
    return graph.node("Clip", x, graph.weight(np.float32(0)), graph.weight(np.float32(6)))

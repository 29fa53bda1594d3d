"""ONNX files as encoders: numbers worked out by hand, and what does not fit says why."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from surelabel.encoders.base import EncoderError, EncoderFiles
from surelabel.encoders.image_encoder import IMAGENET_MEAN, IMAGENET_STD, ImageEncoder
from surelabel.encoders.text_encoder import TextEncoder
from workloads.encoders.onnx_files import (
    FLOAT,
    INT64,
    WORDS,
    image_file,
    onnx,
    onnx_file,
    text_file,
    text_files,
    tokenizer_file,
)

PLAIN = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}


def png(*colour: int, size: tuple[int, int] = (32, 32)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def table(width: int = 16) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(WORDS) + 2, width)).astype(np.float32)


def vector(*words: str) -> np.ndarray:
    return table()[[WORDS.index(word) + 2 for word in words]].mean(axis=0)


# -- pictures


def test_pixels_are_normalized_as_imagenet_unless_something_else_is_said():
    encoder = ImageEncoder.open(EncoderFiles(image_file()))
    (row,) = encoder.encode([png(255, 0, 51)]).features
    expected = (np.array([1, 0, 0.2]) - IMAGENET_MEAN) / IMAGENET_STD
    assert np.allclose(row.reshape(3, 16), expected[:, None], atol=1e-5)


@pytest.mark.parametrize("where", ["metadata", "preprocessor_config.json"])
def test_the_file_or_the_configuration_beside_it_says_how_pixels_are_normalized(where):
    config = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1]}
    if where == "metadata":
        metadata = {key: str(value) for key, value in config.items()}
        files = EncoderFiles(image_file(metadata=metadata), preprocessor=PLAIN)
    else:
        files = EncoderFiles(image_file(), preprocessor=config)
    (row,) = ImageEncoder.open(files).encode([png(255, 0, 255)]).features
    assert np.allclose(row.reshape(3, 16), np.array([2, -1, 0.5])[:, None], atol=1e-5)


def test_the_middle_of_a_picture_counts_in_the_graphs_size():
    wide = Image.new("RGB", (96, 32), (0, 0, 255))
    wide.paste((255, 0, 0), (32, 0, 64, 32))
    buffer = io.BytesIO()
    wide.save(buffer, "PNG")
    encoder = ImageEncoder.open(EncoderFiles(image_file(), preprocessor=PLAIN))
    (row,) = encoder.encode([buffer.getvalue()]).features
    assert np.allclose(row.reshape(3, 16), np.array([1, 0, 0])[:, None], atol=1e-5)


def test_a_large_jpeg_is_not_decoded_below_the_graphs_size():
    stripes = np.zeros((1024, 1024, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    buffer = io.BytesIO()
    Image.fromarray(stripes).save(buffer, "JPEG", quality=95)
    shape = ("n", 3, 256, 256)
    nodes = [
        ("Flatten", ["pixels"], ["flat"], {}),
        ("ReduceMax", ["flat"], ["features"], {"axes": [1]}),
    ]
    data = onnx_file(nodes, {"pixels": (FLOAT, shape)}, {"features": (FLOAT, ["n", 1])})
    encoder = ImageEncoder.open(EncoderFiles(data, preprocessor=PLAIN))
    # Two pixels white, two black: at a quarter of the size a half of each is left, not grey.
    assert encoder.encode([buffer.getvalue()]).features[0, 0] > 0.4
    assert encoder.size == (256, 256)


@pytest.mark.parametrize(
    ("shape", "axes", "output"),
    [
        (("n", 32, 32, 3), [1, 2], "rows"),
        (("n", 3, 32, 32), [2, 3], "rows"),
        (("n", 3, 32, 32), [], "grid"),
        (("n", 32, 32, 3), [], "grid"),
    ],
)
def test_channels_may_stand_first_or_last_and_a_grid_of_cells_is_averaged(shape, axes, output):
    nodes = (
        [("ReduceMean", ["pixels"], [output], {"axes": axes, "keepdims": 0})]
        if axes
        else [("Identity", ["pixels"], [output], {})]
    )
    data = onnx_file(nodes, {"pixels": (FLOAT, shape)}, {output: (FLOAT, None)})
    encoder = ImageEncoder.open(EncoderFiles(data, preprocessor=PLAIN))
    assert encoder.n_features == 3
    batch = encoder.encode([png(255, 0, 51), png(0, 102, 0)])
    assert np.allclose(batch.features, [[1, 0, 0.2], [0, 0.4, 0]], atol=1e-5)


def test_patch_embeddings_are_averaged():
    nodes = [("Reshape", ["pixels", "shape"], ["patches"], {})]
    data = onnx_file(
        nodes,
        {"pixels": (FLOAT, ("n", 4, 4, 3))},
        {"patches": (FLOAT, None)},
        {"shape": np.array([0, 16, 3])},
    )
    encoder = ImageEncoder.open(EncoderFiles(data, preprocessor=PLAIN))
    assert np.allclose(encoder.encode([png(255, 0, 51)]).features, [[1, 0, 0.2]], atol=1e-5)


def test_a_grey_encoder_sees_one_channel():
    nodes = [("ReduceMean", ["pixels"], ["features"], {"axes": [2, 3], "keepdims": 0})]
    data = onnx_file(nodes, {"pixels": (FLOAT, ("n", 1, 8, 8))}, {"features": (FLOAT, None)})
    config = {"image_mean": [0], "image_std": [1]}
    encoder = ImageEncoder.open(EncoderFiles(data, preprocessor=config))
    assert np.allclose(encoder.encode([png(51, 51, 51)]).features, [[0.2]], atol=1e-5)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_graph_with_a_fixed_batch_gives_the_same(batch):
    pictures = [png(k * 9, 255 - k * 9, 7) for k in range(7)]
    free = ImageEncoder.open(EncoderFiles(image_file())).encode(pictures)
    fixed = ImageEncoder.open(EncoderFiles(image_file((batch, 3, 32, 32)))).encode(pictures)
    assert np.allclose(free.features, fixed.features, atol=1e-6)
    assert fixed.row.tolist() == list(range(7))


@pytest.mark.parametrize(
    "config",
    [{"size": 32}, {"size": {"shortest_edge": 32}}, {"crop_size": {"height": 32, "width": 32}}],
)
def test_the_size_of_pictures_may_stand_beside_the_file(config):
    files = EncoderFiles(image_file(("n", 3, "h", "w")), preprocessor=config)
    assert ImageEncoder.open(files).size == (32, 32)


def test_a_broken_picture_fails_alone():
    encoder = ImageEncoder.open(EncoderFiles(image_file()))
    batch = encoder.encode([png(1, 2, 3), b"no picture", png(4, 5, 6)])
    assert batch.row.tolist() == [0, 2]
    assert [(one.row, one.reason) for one in batch.broken] == [(1, "BrokenMedia")]
    nothing = encoder.encode([b"x"])
    assert nothing.features.shape == (0, 48)


# -- texts


def test_a_text_is_the_mean_of_its_tokens_and_padding_does_not_count():
    encoder = TextEncoder.open(text_files())
    batch = encoder.encode(["card lost", b"\xef\xbb\xbfmy money is late", "refund"])
    expected = [vector("card", "lost"), vector("my", "money", "is", "late"), vector("refund")]
    assert np.allclose(batch.features, expected, atol=1e-6)
    assert encoder.n_features == 16


def test_texts_keep_their_order_whatever_their_length():
    encoder = TextEncoder.open(text_files())
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 30))) for _ in range(100)]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]).features for text in texts])
    assert np.allclose(together.features, alone, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, "t"), ("n", 8), (4, 8)])
def test_a_graph_of_fixed_size_gives_the_same_for_short_texts(shape):
    texts = ["card lost", "my money is late", "refund", "top up", "rate"]
    fixed = TextEncoder.open(text_files(text_file(shape=shape))).encode(texts)
    assert np.allclose(
        fixed.features, TextEncoder.open(text_files()).encode(texts).features, atol=1e-6
    )


def test_what_is_longer_than_the_encoder_reads_is_cut_off():
    encoder = TextEncoder.open(text_files(text_file(shape=("n", 4))))
    batch = encoder.encode(["card lost card lost" + " money" * 50_000])
    assert np.allclose(batch.features, [vector("card", "lost", "card", "lost")], atol=1e-6)


def test_a_text_without_a_token_has_features_as_well():
    encoder = TextEncoder.open(text_files())
    assert np.isfinite(encoder.encode(["\u200b"]).features).all()


def test_an_empty_text_fails_alone():
    batch = TextEncoder.open(text_files()).encode(["card", " ", b"\xff", "pin"])
    assert batch.row.tolist() == [0, 3]
    assert [one.row for one in batch.broken] == [1, 2]


def test_a_graph_may_ask_for_int32_and_kinds_of_tokens():
    names = ("input_ids", "attention_mask", "token_type_ids")
    nodes = [
        ("Cast", ["token_type_ids"], ["kinds"], {"to": FLOAT}),
        ("Cast", ["input_ids"], ["ids"], {"to": FLOAT}),
        ("Add", ["ids", "kinds"], ["sum"], {}),
        ("Cast", ["attention_mask"], ["mask"], {"to": FLOAT}),
        ("Mul", ["sum", "mask"], ["kept"], {}),
        ("ReduceSum", ["kept", "one"], ["sentence_embedding"], {}),
    ]
    data = onnx_file(
        nodes,
        dict.fromkeys(names, (onnx.TensorProto.INT32, ("n", "t"))),
        {"kept": (FLOAT, None), "sentence_embedding": (FLOAT, None)},
        {"one": np.array([1])},
    )
    batch = TextEncoder.open(EncoderFiles(data, tokenizer_file())).encode(["refund card", "pin"])
    assert batch.features.tolist() == [[2 + 3], [4]]


# -- what does not fit


def failing(kind: type, files: EncoderFiles) -> EncoderError:
    with pytest.raises(EncoderError) as caught:
        kind.open(files)
    return caught.value


def constant(value: float, width: int = 4) -> bytes:
    """An encoder of pictures that always says ``value``."""
    nodes = [
        ("ReduceMean", ["pixels"], ["mean"], {"axes": [1, 2, 3], "keepdims": 0}),
        ("Mul", ["mean", "zero"], ["nothing"], {}),
        ("Unsqueeze", ["nothing", "one"], ["column"], {}),
        ("Add", ["column", "row"], ["features"], {}),
    ]
    return onnx_file(
        nodes,
        {"pixels": (FLOAT, ("n", 3, 8, 8))},
        {"features": (FLOAT, None)},
        {
            "zero": np.float32(0),
            "one": np.array([1]),
            "row": np.full((1, width), value, np.float32),
        },
    )


def one_input(type_: int, shape: tuple[object, ...]) -> bytes:
    nodes = [("Identity", ["x"], ["y"], {})]
    return onnx_file(nodes, {"x": (type_, shape)}, {"y": (type_, shape)})


def identity_of_pictures(*nodes: tuple[str, list[str], list[str], dict[str, object]]) -> bytes:
    return onnx_file(nodes, {"pixels": (FLOAT, ("n", 3, 8, 8))}, {"features": (FLOAT, None)})


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", "EncoderUnfit", "cannot be opened|must have|is no ONNX"),
        (b"no model at all", "EncoderUnfit", "is no ONNX file"),
        (image_file()[:-200], "EncoderUnfit", "is no ONNX file|cannot be opened"),
        (one_input(INT64, ("n", 3, 8, 8)), "EncoderUnfit", "must be float32 .* got tensor.int64"),
        (one_input(FLOAT, ("n", 3, 8)), "EncoderUnfit", r"must be float32 .* \(\?, 3, 8\)"),
        (one_input(FLOAT, ("n", 5, 8, 8)), "EncoderUnfit", "of 1 or 3 channels"),
        (text_file(), "EncoderUnfit", "has one input; this one has: input_ids, attention_mask"),
        (image_file(("n", 3, "h", "w")), "EncoderUnfit", "size must be known"),
        (image_file(("n", 3, 9_000, 9_000)), "EncoderUnfit", "up to 2048; got .9000"),
        (constant(float("nan")), "EncoderOutputInvalid", "gave nan as feature 0"),
        (constant(float("-inf")), "EncoderOutputInvalid", "gave -inf as feature 0"),
        (constant(3e9), "EncoderOutputInvalid", r"size 3e\+09"),
        (constant(1.0, 9_000), "EncoderUnfit", "1 to 8192 features an item; got 9000"),
        (
            identity_of_pictures(("ReduceMean", ["pixels"], ["features"], {"keepdims": 0})),
            "EncoderUnfit",
            r"a row for each item, .* got shape \(\)",
        ),
        (
            onnx_file(
                [("Shape", ["pixels"], ["features"], {})],
                {"pixels": (FLOAT, ("n", 3, 8, 8))},
                {"features": (INT64, None)},
            ),
            "EncoderUnfit",
            "'features' must be a tensor of floats; got int64",
        ),
        (
            onnx_file(
                [("Reshape", ["pixels", "shape"], ["features"], {})],
                {"pixels": (FLOAT, ("n", 3, 8, 8))},
                {"features": (FLOAT, None)},
                {"shape": np.array([7, 7])},
            ),
            "EncoderUnfit",
            "fails on its inputs",
        ),
        (image_file(metadata={"image_std": "[1, 0, 1]"}), "EncoderUnfit", "3 numbers above 0"),
        (image_file(metadata={"image_mean": "a half"}), "EncoderUnfit", "must be a list"),
        (image_file(metadata={"image_mean": "[1]"}), "EncoderUnfit", "must be 3 numbers"),
        (image_file(metadata={"image_size": "-3"}), "EncoderUnfit", "a whole number above 0"),
    ],
)
def test_an_encoder_of_pictures_that_does_not_fit_says_why(data, reason, words):
    error = failing(ImageEncoder, EncoderFiles(data))
    assert error.reason == reason
    with pytest.raises(EncoderError, match=words):
        raise error


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (EncoderFiles(text_file()), "needs its tokenizer.json in the same folder"),
        (EncoderFiles(text_file(), b"{}"), "tokenizer.json cannot be read"),
        (EncoderFiles(text_file(), b"\xff\xfe"), "tokenizer.json cannot be read"),
        (text_files(image_file()), "has the input input_ids, .* this one has: pixels"),
        (
            text_files(
                onnx_file(
                    [("Cast", ["input_ids"], ["y"], {"to": FLOAT})],
                    {"input_ids": (FLOAT, ("n", "t"))},
                    {"y": (FLOAT, None)},
                )
            ),
            "must be int64 or int32 .* got tensor.float",
        ),
        (text_files(text_file(width=9_000)), "1 to 8192 features an item; got 9000"),
        (text_files(text_file(factor=1e9)), "at most 1e.06 is sane"),
        (text_files(text_file(factor=float("nan"))), "features must be finite"),
    ],
)
def test_an_encoder_of_texts_that_does_not_fit_says_why(files, words):
    with pytest.raises(EncoderError, match=words):
        raise failing(TextEncoder, files)


def test_a_tokenizer_of_another_encoder_is_noticed_where_its_tokens_are_unknown():
    small = onnx_file(
        [("Gather", ["table", "input_ids"], ["last_hidden_state"], {})],
        {"input_ids": (INT64, ("n", "t"))},
        {"last_hidden_state": (FLOAT, None)},
        {"table": np.ones((3, 4), np.float32)},
    )
    encoder = TextEncoder.open(text_files(small))
    with pytest.raises(EncoderError, match=r"fails on its inputs: .*idx=5"):
        encoder.encode(["lost"])


def test_weights_in_other_files_are_refused_wherever_they_stand():
    secret = onnx.helper.make_tensor(
        "secret", FLOAT, [4], np.ones(4, np.float32).tobytes(), raw=True
    )
    secret.ClearField("raw_data")
    secret.data_location = onnx.TensorProto.EXTERNAL
    secret.external_data.add(key="location", value="/etc/hostname")
    model = onnx.load_model_from_string(constant(1.0))
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["leak"], value=secret))
    error = failing(ImageEncoder, EncoderFiles(model.SerializeToString()))
    assert error.reason == "EncoderUnfit"
    assert "'secret' lies in another file" in str(error)


def test_the_digest_tells_files_apart():
    first = text_files()
    others = [
        text_files(text_file(width=17)),
        EncoderFiles(first.model, first.tokenizer, {"size": 3}),
        EncoderFiles(first.model, tokenizer_file() + b" "),
        EncoderFiles(first.model),
    ]
    assert first.sha256 == text_files().sha256
    assert len({first.sha256, *(other.sha256 for other in others)}) == 5

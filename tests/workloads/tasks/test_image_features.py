"""Images: every format and orientation, and broken ones that fail alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from surelabel.tasks import TASK_TYPES
from surelabel.tasks.image_classification import features as module
from surelabel.tasks.image_classification.features import N_FEATURES, decode, image_features

SIZE = (40, 24)


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Bright at the left and dark at the bottom, so that orientation shows."""
    width, height = size
    x, y = np.meshgrid(np.linspace(255, 0, width), np.linspace(0, 100, height))
    return Image.fromarray(np.clip(x - y, 0, 255).astype(np.uint8)).convert(mode)


def saved(image: Image.Image, format_: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def features(data: bytes) -> np.ndarray:
    batch = image_features([data])
    assert batch.broken == ()
    return batch.features[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_png_mode_gives_features_of_the_same_length(mode):
    image = picture("L").convert("I;16") if mode == "I;16" else picture(mode)
    assert features(saved(image)).shape == (N_FEATURES,)
    assert np.isfinite(features(saved(image))).all()


@pytest.mark.parametrize(
    ("format_", "options"), [("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})]
)
def test_formats_agree_on_the_same_picture(format_, options):
    png, other = features(saved(picture())), features(saved(picture(), format_, **options))
    assert np.corrcoef(png, other)[0, 1] > 0.98


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_seen_upright_whatever_its_exif_orientation(orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = picture("L")
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, "JPEG", quality=100, exif=exif)
    seen = np.asarray(decode(data), dtype=float)
    np.testing.assert_allclose(seen, np.asarray(upright, dtype=float), atol=8)
    assert np.corrcoef(features(data), features(saved(upright)))[0, 1] > 0.98


def test_a_broken_image_fails_alone():
    good = saved(picture())
    batch = image_features([good, b"", good[:60], b"GIF89a.....", good])
    assert batch.row.tolist() == [0, 4]
    assert [b.row for b in batch.broken] == [1, 2, 3]
    assert {b.reason for b in batch.broken} == {"BrokenMedia"}
    np.testing.assert_array_equal(batch.features[0], batch.features[1])


def test_a_format_that_is_not_listed_is_refused():
    batch = image_features([saved(picture(), "BMP")])
    assert "not a PNG, JPEG, WEBP image" in batch.broken[0].message


def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 500)
    batch = image_features([saved(picture())])
    assert batch.broken[0].message == "an image may have 500 pixels; got 40 x 24."


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (28, 28), (1, 500), (600, 400)])
def test_any_size_will_do(size):
    found = features(saved(picture(size=size)))
    assert found.shape == (N_FEATURES,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_an_image_has_the_same_features_in_any_shard():
    images = [saved(picture(size=(10 + i, 20))) for i in range(5)]
    together = image_features(images).features
    for row, image in enumerate(images):
        np.testing.assert_array_equal(features(image), together[row])


def test_no_images_have_no_features():
    batch = TASK_TYPES["ImageClassification"].features([])
    assert batch.features.shape == (0, N_FEATURES)


def test_colour_counts():
    red, green = (Image.new("RGB", (30, 30), colour) for colour in ("#c00000", "#006400"))
    assert np.abs(features(saved(red)) - features(saved(green))).max() > 0.1


def test_transparent_parts_are_white():
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    np.testing.assert_allclose(
        features(saved(clear)), features(saved(Image.new("RGB", (20, 20), "white")))
    )

"""Images of answers as objects of their own."""

from __future__ import annotations

import base64

import pytest

from surelabel.blobs import ForeignRefError, blob_name, brought_in, check_name, moved_out, refs_of

PNG = b"\x89PNG not really"
TEXT = base64.b64encode(PNG).decode()


def answer(image: object) -> dict[str, object]:
    return {"x": {"labelMappings": {"ref": {"color": "#fff"}}, "labeledImage": image}}


@pytest.mark.parametrize("text", [TEXT, f"data:image/png;base64,{TEXT}"], ids=["plain", "url"])
def test_an_image_goes_out_and_comes_in_again(text: str) -> None:
    stored: dict[str, bytes] = {}

    def write(data: bytes) -> str:
        return stored.setdefault(blob_name(data), data) and blob_name(data)

    out = moved_out(answer({"pngImageData": text}), write)
    assert out == answer({"ref": blob_name(PNG)})
    assert refs_of(out) == [check_name(blob_name(PNG))]
    assert brought_in(out, stored.__getitem__) == answer({"pngImageData": TEXT})


def test_what_is_no_image_stays_as_it_is() -> None:
    # A label may be called "ref", and a form of one's own may have such a field.
    for content in (
        {"crowd-form": {"ref": "abc", "pngImageData": "abc"}},
        answer({"pngImageData": "no base64!"}),
        answer({"pngImageData": 3}),
        answer(None),
        None,
        ["labeledImage"],
    ):
        assert moved_out(content, lambda data: "never") == content
        assert refs_of(content) == []


@pytest.mark.parametrize(
    "name", ["blobs/../../OWNER.json", "blobs/abc.png", f"{blob_name(PNG)}/x", "", None, 7], ids=str
)
def test_only_blobs_can_be_named(name: object) -> None:
    with pytest.raises(ForeignRefError, match=r"must be blobs/<sha256>\.png"):
        check_name(name)

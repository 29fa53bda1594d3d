"""spaCy's binary form, read back by spaCy itself and by us."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from surelabel.exports import EXPORTS, ExportError
from surelabel.tasks.values import Span, Spans
from workloads.exports.examples import DATA, TEXT, texts
from workloads.exports.sameness import assert_same

FORMAT = EXPORTS["spacy-docbin"]
# Words, runs of spaces, signs that spaCy cuts off, emoji of several code points, combining accents.
pieces = st.sampled_from(
    ["Ann", "don't", " ", "  ", "\n", "\t", "(x)", "👩‍👩‍👧", "e\u0301", "São", ".", "東京"]
)


@st.composite
def labeled_texts(draw):
    text = "".join(draw(st.lists(pieces, min_size=1, max_size=12)))
    place = st.integers(0, len(text) - 1)
    spans = []
    for _ in range(draw(st.integers(0, 5))):
        start = draw(place)
        end = draw(st.integers(start + 1, len(text)))
        spans.append(Span(draw(st.integers(0, 2)), start, end))
    return text, tuple(spans)


def documents(folder: Path) -> list[Doc]:
    return list(DocBin().from_disk(folder / "spans.spacy").get_docs(spacy.blank("xx").vocab))


def test_spacy_reads_texts_entities_and_overlapping_spans(tmp_path):
    assert FORMAT.write(DATA["NamedEntityRecognition"], tmp_path) == []
    first, second = documents(tmp_path)
    assert (first.text, second.text) == (TEXT, TEXT)
    assert [(each.text, each.label_) for each in first.spans["sc"]] == [
        ("Ann", "Ärger 🐦"),
        ("Bob-Lee", "Big cat"),
        ("New York", "Dog"),
        ("York", "Dog"),
    ]
    assert [each.text for each in first.ents] == ["Ann", "Bob-Lee", "New York"]
    assert [token.text for token in first[:3]] == ["Ann", "\t", "met"]
    assert len(second.spans["sc"]) == 0


def test_confidences_are_the_scores_of_the_spans(tmp_path):
    data = DATA["NamedEntityRecognition"]
    sure = replace(data.examples[0].label, confidences=(0.9, 0.25, 0.5, 1.0))
    data = replace(data, examples=(replace(data.examples[0], label=sure), data.examples[1]))
    assert FORMAT.write(data, tmp_path) == []
    assert documents(tmp_path)[0].spans["sc"].attrs["scores"] == [0.9, 0.25, 0.5, 1.0]
    first, second = FORMAT.read(tmp_path, None).examples
    assert (first.label.confidences, second.label.confidences) == ((0.9, 0.25, 0.5, 1.0), ())


@settings(deadline=None, max_examples=150)
@given(labeled=labeled_texts())
def test_any_text_and_any_spans_come_back(tmp_path_factory, labeled):
    text, spans = labeled
    data = texts("NamedEntityRecognition", Spans(spans))
    data = replace(data, examples=(replace(data.examples[0], source=text),))
    folder = tmp_path_factory.mktemp("docbin")
    FORMAT.write(data, folder)
    back = FORMAT.read(folder, "NamedEntityRecognition")
    assert back.examples[0].source == text
    assert_same(data, back)


def test_entities_are_read_where_somebody_else_wrote_no_spans(tmp_path):
    nlp = spacy.blank("en")
    document = nlp("Ann met Bob.")
    document.ents = [document.char_span(8, 11, label="Person")]
    DocBin(docs=[document]).to_disk(tmp_path / "dev.spacy")
    data = FORMAT.read(tmp_path / "dev.spacy", None)
    assert data.classes.names == ("Person",)
    assert data.examples[0].label.value == Spans((Span(0, 8, 11),))


def test_a_span_behind_the_text_is_told(tmp_path):
    data = texts("NamedEntityRecognition", Spans((Span(0, 3, len(TEXT) + 1),)))
    with pytest.raises(
        ExportError, match=r"0.txt: a span must lie within its text, 0 \.\. 30; got"
    ):
        FORMAT.write(data, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no DocBin", b"\x78\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_is_no_docbin_is_told(tmp_path, content):
    (tmp_path / "spans.spacy").write_bytes(content)
    with pytest.raises(ExportError, match="must be a DocBin of spaCy"):
        FORMAT.read(tmp_path, None)


def test_without_spacy_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(
        ExportError, match=r"needs spaCy, which is not installed\. Install it \(the extra spacy\)"
    ):
        FORMAT.write(DATA["NamedEntityRecognition"], tmp_path)

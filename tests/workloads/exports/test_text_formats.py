"""Spans of text: CoNLL, and spaCy's JSON Lines as spaCy reads them."""

from __future__ import annotations

import json

import spacy
from spacy.training import Example

from surelabel.exports import EXPORTS
from surelabel.exports.text_spans import flat
from surelabel.tasks.values import Span, Spans
from workloads.exports.examples import (
    DATA,
    TEXT,
    texts,
)


def test_conll_tags_lead_back_to_the_spans(tmp_path):
    notes = EXPORTS["conll"].write(DATA["NamedEntityRecognition"], tmp_path)
    assert notes == ["1 span: left out, since longer ones overlap."]
    blocks = (tmp_path / "spans.conll").read_text(encoding="utf-8").split("\n\n")
    assert len(blocks) == 2
    found, place = [], 0
    for line in blocks[0].splitlines():
        token, tag = line.split("\t")
        place = TEXT.index(token, place)
        if tag.startswith("B-"):
            found.append([tag[2:], place, place + len(token)])
        elif tag.startswith("I-"):
            assert found[-1][0] == tag[2:]
            found[-1][2] = place + len(token)
        place += len(token)
    assert found == [["Ärger 🐦", 0, 3], ["Big cat", 8, 15], ["Dog", 21, 29]]


def test_a_span_inside_a_word_splits_it(tmp_path):
    data = texts("NamedEntityRecognition", Spans((Span(0, 1, 2), Span(1, 2, 3))))
    EXPORTS["conll"].write(data, tmp_path)
    lines = (tmp_path / "spans.conll").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["A\tO", "n\tB-Dog", "n\tB-Big cat"]


def test_spacy_reads_our_entities_and_all_spans_where_some_overlap(tmp_path):
    EXPORTS["spacy"].write(DATA["NamedEntityRecognition"], tmp_path / "overlapping")
    apart = texts("NamedEntityRecognition", Spans((Span(2, 0, 3), Span(1, 8, 15))))
    EXPORTS["spacy"].write(apart, tmp_path / "apart")
    overlapping, empty = read_by_spacy(tmp_path / "overlapping")
    (two,) = read_by_spacy(tmp_path / "apart")
    found = [("Ann", "Ärger 🐦"), ("Bob-Lee", "Big cat"), ("New York", "Dog")]
    assert [said(doc.ents) for doc in (overlapping, empty, two)] == [found, [], found[:2]]
    assert said(overlapping.spans["sc"]) == [*found, ("York", "Dog")]
    # Nothing but entities where these are all that there is.
    assert not (empty.spans or two.spans)


def read_by_spacy(folder):
    lines = (folder / "spans.jsonl").read_text(encoding="utf-8").split("\n")
    for line in lines[:-1]:
        given = json.loads(line)
        document = spacy.blank("xx").make_doc(given.pop("text"))
        yield Example.from_dict(document, given).reference


def said(spans):
    return [(each.text, each.label_) for each in spans]


def test_longer_spans_win_and_equal_ones_count_once():
    spans = (Span(0, 0, 2), Span(1, 1, 5), Span(0, 5, 6), Span(1, 5, 6))
    assert flat(spans) == [Span(1, 1, 5), Span(0, 5, 6)]

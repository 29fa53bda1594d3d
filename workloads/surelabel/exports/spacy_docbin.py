"""spaCy's binary form, a ``DocBin``: what ``spacy train`` reads. Needs the extra ``spacy``.

Every span stands in ``doc.spans["sc"]`` (spaCy's default key for overlapping ones), its confidence
in the group's ``scores`` as spaCy's own span categorizer has it; ``doc.ents`` has those that do not
overlap. Tokens are those of spaCy's language-neutral tokenizer, split where a span begins or ends
within one, since spaCy's spans are of whole tokens. All classes lie beside it in ``labels.json``.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surelabel.exports import notes
from surelabel.exports.class_list import read_classes, write_class_list
from surelabel.exports.dataset import Example, ExportError, LabeledData
from surelabel.exports.text_spans import SPANS_KEY, flat
from surelabel.tasks.classes import Classes
from surelabel.tasks.label_format import Label
from surelabel.tasks.values import Span, Spans

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

FILE = "spans.spacy"


def write(data: LabeledData, folder: Path) -> list[str]:
    """Write the file; notes say what was left out."""
    language = _blank("--to")
    from spacy.tokens import DocBin

    lost: list[str] = []
    documents = DocBin()
    for name, example in data.named():
        if not example.is_text:
            lost.append(notes.no_text(name))
            continue
        documents.add(_document(name, example, data.classes, language))
    folder.mkdir(parents=True, exist_ok=True)
    documents.to_disk(folder / FILE)
    write_class_list(data.classes, folder)
    return lost


def read(path: Path, task_type: str | None) -> LabeledData:
    """The file, or the folder that it lies in; the classes as `read_classes` has them.

    Of a document without the group ``sc`` the entities are read.
    """
    if task_type not in (None, "NamedEntityRecognition"):
        raise ExportError(f"--task-type: a DocBin has no {task_type}.")
    language = _blank("--from")
    from spacy.tokens import DocBin

    file = path / FILE if path.is_dir() else path
    data = file.read_bytes()
    try:
        documents = list(DocBin().from_bytes(data).get_docs(language.vocab))
    # Behind it are zlib, msgpack and NumPy, which raise what they like.
    except Exception as error:
        raise ExportError(f"{file}: must be a DocBin of spaCy; got {error!r:.200}.") from error
    found = [_of_document(each) for each in documents]
    classes = read_classes(path, (name for spans, _ in found for name, _, _ in spans))
    examples = []
    for document, (listed, scores) in zip(documents, found, strict=True):
        spans = (Span(classes.code(name) or 0, start, end) for name, start, end in listed)
        examples.append(Example(document.text, Label(Spans(tuple(spans)), scores), is_text=True))
    return LabeledData("NamedEntityRecognition", classes, tuple(examples))


def _blank(option: str) -> Language:
    try:
        import spacy
    except ImportError:
        raise ExportError(
            f"{option}: spacy-docbin needs spaCy, which is not installed. Install it (the extra "
            "spacy), or use the format spacy, its JSON Lines."
        ) from None
    return spacy.blank("xx")


def _document(name: str, example: Example, classes: Classes, language: Language) -> Doc:
    from spacy.tokens import Doc, SpanGroup

    text, spans = example.source, example.label.value.spans
    words, spaces = _tokens(language.tokenizer(text), spans)
    document = Doc(language.vocab, words=words, spaces=spaces)
    of: dict[Span, Any] = {}
    for each in spans:
        of[each] = document.char_span(each.start, each.end, label=classes.names[each.label])
        if of[each] is None:
            raise ExportError(
                f"{name}: a span must lie within its text, 0 .. {len(text)}; got "
                f"{each.start} .. {each.end}. Correct the offsets, in code points."
            )
    document.ents = tuple(of[each] for each in flat(spans))
    scores = example.label.confidences
    group = SpanGroup(
        document,
        name=SPANS_KEY,
        spans=[of[each] for each in spans],
        attrs={"scores": list(scores)} if scores else {},
    )
    document.spans[SPANS_KEY] = group
    return document


def _tokens(document: Doc, spans: tuple[Span, ...]) -> tuple[list[str], list[bool]]:
    """Words, and whether a space follows each; cut where a span begins or ends."""
    starts, ends = {each.start for each in spans}, {each.end for each in spans}
    words: list[str] = []
    spaces: list[bool] = []
    for token in document:
        end = token.idx + len(token.text)
        inside = (edge for edge in starts | ends if token.idx < edge < end)
        cuts = [token.idx, *sorted(inside), end]
        words += [document.text[start:stop] for start, stop in pairwise(cuts)]
        spaces += [False] * (len(cuts) - 1)
        if token.whitespace_ and (end in starts or end + 1 in ends):
            # A span that has the space in it needs it as a token.
            words.append(token.whitespace_)
            spaces.append(False)
        elif token.whitespace_:
            spaces[-1] = True
    return words, spaces


def _of_document(document: Doc) -> tuple[list[tuple[str, int, int]], tuple[float, ...]]:
    group: Any = document.spans.get(SPANS_KEY, document.ents)
    listed = [(each.label_, each.start_char, each.end_char) for each in group]
    scores = tuple(map(float, group.attrs.get("scores", ()))) if SPANS_KEY in document.spans else ()
    return listed, scores if len(scores) == len(listed) else ()

"""The check of a manifest line, and the line with its label."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surelabel.manifest import (
    MAX_LINE,
    MAX_LINE_BYTES,
    Earlier,
    InvalidLabelError,
    LineCheck,
    ManifestItem,
    Rejected,
    with_label,
)
from surelabel_contract.errors import ImpossibleUriError
from surelabel_contract.stages import StorageAccess
from surelabel_contract.store import Storage


def read_label(value: Any, metadata: Any) -> int:
    if isinstance(value, int) and value < 2:
        return value
    raise InvalidLabelError(f"a class must be in 0 .. 1; got {value!r}.")


check = LineCheck("birds", read_label)


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (b"", "EmptyLine", "Remove it"),
        (b"  \r", "EmptyLine", "Remove it"),
        (b'{"source":"a"', "InvalidJson", "truncated"),
        (b"hello", "InvalidJson", "'hello'"),
        (b"hello", "InvalidJson", "a line must be one JSON object"),
        (
            b"hello",
            "InvalidJson",
            'Write it like {"source": "a text"} or {"source-ref": "s3://bucket/a.png"}.',
        ),
        (b'{"source":"a"} x', "InvalidJson", "trailing"),
        (b'{"source":"\xff"}', "NotUtf8", "byte 11 is 0xff"),
        (b'\xef\xbb\xbf\xef\xbb\xbf{"source":"a"}', "InvalidJson", "malformed"),
        (b"\xef\xbb\xbf" * 10_000, "InvalidJson", "malformed"),
        (b"[1]", "NotAnObject", "an array"),
        (b'"a"', "NotAnObject", "a string"),
        (b"3.5", "NotAnObject", "a number"),
        (b"null", "NotAnObject", "null"),
        (b"{}", "NoSource", "got neither"),
        (b'{"sauce":"a"}', "NoSource", "keys: sauce"),
        (b'{"source":"a","source-ref":"s3://b/c"}', "SourceAndSourceRef", "got both"),
        (b'{"source":""}', "InvalidSource", "''. Write the item there."),
        (b'{"source-ref":7}', "InvalidSource", "got 7"),
        (b'{"source-ref":null}', "InvalidSource", "None"),
        (
            b'{"source-ref":"a.png"}',
            "InvalidSource",
            "got 'a.png'. Write it like s3://bucket/a.png",
        ),
        (b'{"source-ref":"/data/a.png"}', "InvalidSource", "one of s3, gs, az, file before '://'"),
        (b'{"source-ref":"ftp://host/a"}', "InvalidSource", "got 'ftp://host/a'"),
        (b'{"source-ref":"S3://b/c"}', "InvalidSource", "got 'S3://b/c'"),
        (b'{"source-ref":"s3:///c"}', "InvalidSource", "got 's3:///c'"),
        (b'{"source-ref":"s3://bucket"}', "InvalidSource", "got 's3://bucket'"),
        (b'{"source-ref":"file://"}', "InvalidSource", "got 'file://'"),
        (
            b'{"source-ref":"file://./img/0.png"}',
            "InvalidSource",
            "'source-ref' 'file://./img/0.png': file://./ is understood in the job file of "
            "`surelabel run` alone, where it means the folder of the run. Write "
            "file:///absolute/path where local files are allowed, else s3://bucket/path.",
        ),
        (b'{"source-ref":"file://img/0.png"}', "InvalidSource", "got 'img'. Write file:///abs"),
        (b'{"source-ref":"s3://b/../c"}', "InvalidSource", "'..' is not allowed in a URI. Leave"),
        (b'{"source-ref":"s3://b/a//c"}', "InvalidSource", "no part of a path may be empty or"),
        (b'{"source-ref":"s3://my bucket/c"}', "InvalidSource", "got 'my bucket'. Write it like"),
        (b'{"source-ref":"gs://b/a\\nc"}', "InvalidSource", "no control characters. Rename it."),
        (b'{"source-ref":"file:///a%00"}', "InvalidSource", "no control characters. Rename it."),
        (b'{"source":"a","$x":1}', "ReservedKey", "'$x'"),
        (b'{"source":"a","birds":5}', "InvalidLabel", "got 5"),
        (b'{"source":"a","birds-metadata":{}}', "InvalidLabel", "without 'birds'"),
        (b'{"source":"a","dataset-objectid-attribute-name":"k"}', "InvalidId", "got None. Write"),
        (b'{"source":"a","dataset-objectid-attribute-name":1}', "InvalidId", "got 1. Name one"),
        (b'{"source":"a","dataset-objectid-attribute-name":"k","k":""}', "InvalidId", "''"),
        (b'{"source":"' + b"a" * MAX_LINE + b'"}', "TooLong", "100013"),
        (b"[" * (MAX_LINE_BYTES + 1), "TooLong", "got more than 400000 bytes"),
        (b"\xff" * (MAX_LINE_BYTES + 1), "TooLong", "may have 100000 characters"),
    ],
)
def test_a_bad_line_has_reason_value_and_next_step(line: bytes, reason: str, said: str) -> None:
    found = check(line)
    assert isinstance(found, Rejected)
    assert found.reason == reason
    assert said in found.message


def test_a_file_where_the_task_type_wants_text_is_told_with_its_value() -> None:
    found = LineCheck("birds", read_label, takes_media=False)(b'{"source-ref":"s3://b/c"}')
    assert isinstance(found, Rejected)
    assert found.reason == "SourceRefNotSupported"
    assert "give it as 'source' (got 's3://b/c')" in found.message


def test_a_line_of_multibyte_characters_may_have_as_many_characters() -> None:
    line = json.dumps({"source": "ü" * (MAX_LINE - 20)}, ensure_ascii=False).encode()
    assert len(line) > MAX_LINE
    assert isinstance(check(line), ManifestItem)


def test_a_line_of_the_longest_characters_may_have_as_many() -> None:
    line = b'{"source":"' + "\U0001f426".encode() * (MAX_LINE - 13) + b'"}'
    assert MAX_LINE_BYTES - 100 < len(line) <= MAX_LINE_BYTES
    assert isinstance(check(line), ManifestItem)


@pytest.mark.parametrize("uri", ["s3://b/c", "gs://b/c d", "az://b/ü", "file:///a", "s3://b/c?x#y"])
def test_every_uri_that_the_store_client_reads_is_a_source(uri: str) -> None:
    found = check(json.dumps({"source-ref": uri}).encode())
    assert found == ManifestItem(None, None, uri)


@given(
    st.sampled_from(["s3://", "gs://b", "az://b/", "file://", "file:///a/"]),
    st.text(st.characters(codec="utf-8"), max_size=8)
    | st.text(st.sampled_from("./%02eaA\n"), max_size=8),
)
def test_a_source_is_refused_here_where_no_rights_could_make_the_store_client_read_it(
    start: str, rest: str
) -> None:
    storage = Storage(StorageAccess(prefixes=None, local_files=True))
    uri = start + rest
    try:
        storage.check(uri)
        allowed = True
    except ImpossibleUriError:
        allowed = False
    found = check(json.dumps({"source-ref": uri}).encode())
    if isinstance(found, ManifestItem):
        assert allowed
    else:
        # A bucket alone can be written to, but it is no file.
        assert not allowed or uri.partition("://")[2].partition("/")[2] == ""


def test_a_good_line_is_an_item() -> None:
    assert check(b'{"source-ref":"s3://b/c","n":1}') == ManifestItem(None, None, "s3://b/c")
    assert check(b'\xef\xbb\xbf{"source":"a"}') == ManifestItem(None, "a", None)
    line = b'{"source":"a","dataset-objectid-attribute-name":"k","k":"7"}'
    assert check(line) == ManifestItem("7", "a", None)


@pytest.mark.parametrize(("said", "is_human"), [("yes", True), ("no", False), (None, True)])
def test_a_line_may_bring_its_label(said: str | None, is_human: bool) -> None:
    record = {"source": "a", "birds": 1, "birds-metadata": {"human-annotated": said}}
    found = check(json.dumps(record).encode())
    assert isinstance(found, ManifestItem)
    assert found.earlier == Earlier(1, is_human)


def test_a_task_type_on_files_refuses_inline_text() -> None:
    found = LineCheck("birds", read_label, takes_text=False)(b'{"source":"a"}')
    assert isinstance(found, Rejected)
    assert found.reason == "SourceNotSupported"


@given(st.binary(max_size=200))
def test_no_bytes_make_the_check_fail(line: bytes) -> None:
    assert isinstance(check(line), ManifestItem | Rejected)


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda key: not key.startswith(("$", "birds", "dataset"))),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    ),
    st.sampled_from(["", " ", "\r"]),
)
def test_a_label_is_added_and_nothing_else_changes(fields: dict[str, Any], end: str) -> None:
    fields.pop("source-ref", None)
    raw = (json.dumps({**fields, "source": "text"}, ensure_ascii=True) + end).encode()
    assert isinstance(check(raw), ManifestItem)
    out = with_label(raw, {"birds": 1, "birds-metadata": {"class-name": "Heron"}})
    assert out.startswith(raw[: raw.rindex(b"}")])
    record = json.loads(out)
    assert record.pop("birds") == 1
    assert record.pop("birds-metadata") == {"class-name": "Heron"}
    assert record == json.loads(raw)

"""Every record of the contract is the same after its way through JSON."""

from __future__ import annotations

import importlib
import pkgutil
import types
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, ValidationError

import surelabel_contract
from job_factories import config_of, step
from surelabel_contract.errors import StorageNotAllowedError
from surelabel_contract.model import Record
from surelabel_contract.stages import StageConfig, StorageAccess
from surelabel_contract.store import Storage

for _module in pkgutil.iter_modules(surelabel_contract.__path__, "surelabel_contract."):
    importlib.import_module(_module.name)


def subclasses(record: type[Record]) -> Iterator[type[Record]]:
    for found in record.__subclasses__():
        yield found
        yield from subclasses(found)


RECORDS = sorted(
    {found for found in subclasses(Record) if found.__module__.startswith("surelabel_contract.")},
    key=lambda record: record.__name__,
)


def instances(record: type[Record]) -> st.SearchStrategy[Any]:
    """Records with any value in every field, the defaults among them."""
    fields = {name: values(field.annotation) for name, field in record.model_fields.items()}
    return st.fixed_dictionaries(fields).map(lambda found: record(**found))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=4), values(arguments[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Record):
        return instances(kind)
    if kind is float:
        # JSON has neither NaN nor infinity.
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind is int:
        # Rounds and attempts begin at 1.
        return st.integers(1, 2**53)
    if kind is AwareDatetime:
        return st.datetimes(timezones=st.just(UTC))
    return st.none() if kind is type(None) else st.from_type(kind)


def test_there_are_records_to_try() -> None:
    assert {StageConfig, StorageAccess} < set(RECORDS)
    assert len(RECORDS) > 20


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_record_survives_its_way_through_json(record: type[Record], data: st.DataObject) -> None:
    value = data.draw(instances(record))
    assert record.from_json(value.to_json()) == value


def test_an_access_without_prefixes_reaches_the_stage_inside_its_config() -> None:
    free = StorageAccess(prefixes=None, endpoint="https://minio.example")
    config = config_of(step("tra")).model_copy(update={"storage": free})
    read = StageConfig.from_json(config.to_json())
    assert read.storage == free
    assert read.digest() == config.digest()
    Storage(read.storage).check("s3://anywhere/x")


@pytest.mark.parametrize("text", ["{}", '{"endpoint": "https://x"}', '{"Prefixes": null}'])
def test_an_access_that_does_not_name_its_prefixes_allows_nothing(text: str) -> None:
    access = StorageAccess.from_json(text.encode())
    with pytest.raises(StorageNotAllowedError, match="none of the allowed prefixes"):
        Storage(access).check("s3://anywhere/x")


@pytest.mark.parametrize(
    "text", ['{"prefixes": "*"}', '{"prefixes": true}', '{"prefixes": [null]}']
)
def test_an_access_whose_prefixes_are_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="prefixes"):
        StorageAccess.from_json(text.encode())

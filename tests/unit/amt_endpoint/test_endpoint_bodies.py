"""Bodies of the wire protocol: what is read as a request, what is refused, how answers are written."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from components.amt.endpoint_bodies import NotReadable, read_request, write_answer
from components.amt.service_model import input_shape

CREATE = "CreateHyperParameterTuningJob"
LIST = "ListHyperParameterTuningJobs"


def read(text: str, operation: str = LIST) -> dict[str, Any]:
    return read_request(text.encode("utf-8", "surrogatepass"), input_shape(operation))


def test_a_request_is_read_with_the_models_types() -> None:
    """Integral numbers become int, null members are not there, timestamps stay numbers or ISO text."""
    body = '{"MaxResults": 5.0, "NameContains": null, "CreationTimeAfter": 1.5, "CreationTimeBefore": "2024-01-01"}'
    request = read(body)
    assert request == {"MaxResults": 5, "CreationTimeAfter": 1.5, "CreationTimeBefore": "2024-01-01"}
    assert isinstance(request["MaxResults"], int)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "not valid JSON"),
        ("[]", "found a list"),
        ('"x"', "found STRING_VALUE"),
        ("null", "found NULL_VALUE"),
        ('{"MaxResults": 1, "MaxResults": 2}', "given twice"),
        ('{"MaxResults": NaN}', "NaN"),
        ('{"MaxResults": -Infinity}', "Infinity"),
        ('{"MaxResults": 1e999}', "too large"),
        ('{"MaxResults": 99999999999999999999}', "64 bits"),
        ('{"MaxResults": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"NameContains": "\\ud800"}', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('{"x": ' * 100 + "1" + "}" * 100, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"MaxResults": "1"}', "STRING_VALUE can not be converted to an Integer at MaxResults"),
        ('{"MaxResults": true}', "BOOLEAN_VALUE can not be converted"),
        ('{"MaxResults": 1.5}', "NUMBER_VALUE can not be converted"),
        ('{"NameContains": 1}', "NUMBER_VALUE can not be converted to a String at NameContains"),
        ('{"NameContains": {}}', "a structure or map can not be converted"),
        ('{"CreationTimeAfter": true}', "BOOLEAN_VALUE can not be converted to a Timestamp"),
        ("\ufeff{}", "not valid JSON"),
    ],
)
def test_what_is_no_request_is_told_apart(body: str, told: str) -> None:
    """Malformed JSON, extensions of it, impossible values and wrong types are named, never raised as our fault."""
    with pytest.raises(NotReadable, match=told):
        read(body)


def test_bytes_that_are_no_utf8_are_refused() -> None:
    """A body is UTF-8."""
    with pytest.raises(NotReadable, match="UTF-8"):
        read_request(b'{"a": "\xff"}', input_shape(LIST))


def test_a_wrong_type_deep_inside_is_named_with_its_place() -> None:
    """Lists, structures and maps are told apart, with the path to the value."""
    wrong = {"TrainingJobDefinition": {"InputDataConfig": [{}, {"DataSource": []}], "StaticHyperParameters": {}}}
    with pytest.raises(NotReadable, match=r"at TrainingJobDefinition.InputDataConfig\[1\].DataSource, found a list"):
        read(json.dumps(wrong), CREATE)
    with pytest.raises(NotReadable, match=r"at TrainingJobDefinition\.StaticHyperParameters\.a"):
        read('{"TrainingJobDefinition": {"StaticHyperParameters": {"a": 1}}}', CREATE)


def test_unknown_members_are_left_for_the_model_to_refuse() -> None:
    """What this version of the model does not know is kept, so that it is refused by name and never ignored."""
    assert read('{"Unknown": {"a": [1]}}') == {"Unknown": {"a": [1]}}


def test_answers_have_timestamps_with_milliseconds() -> None:
    """Times are epoch seconds with three decimals, as SageMaker sends them."""
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678912, tzinfo=dt.UTC)
    assert write_answer({"CreationTime": moment}) == b'{"CreationTime":1767323045.679}'


def test_an_answer_holds_nothing_json_does_not_have() -> None:
    """NaN or a foreign object in an answer is a fault of ours and not written."""
    for content in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises((ValueError, TypeError)):
            write_answer(content)

from __future__ import annotations

import pytest
from pydantic import ValidationError

from loadproof.suites.async_requests.target.contract import ALPHABET, ID_LENGTH, NewRequest, short_id


def test_an_id_has_22_digits_of_57_that_nobody_confuses():
    assert (len(ALPHABET), len(set(ALPHABET)), ID_LENGTH) == (57, 57, 22)
    assert not set("01IOl") & set(ALPHABET)
    assert short_id(0) == ALPHABET[0] * 22
    assert short_id(58) == ALPHABET[0] * 20 + ALPHABET[1] * 2


def test_every_number_of_128_bits_has_an_id_of_its_own():
    assert 57**ID_LENGTH >= 2**128
    ids = {short_id(number) for number in (*range(500), *range(2**128 - 500, 2**128))}
    assert len(ids) == 1000


@pytest.mark.parametrize(
    "params",
    [
        {"type": "check_everything"},
        {},
        {"type": "check_file", "collection": "a", "dataset": "b"},
        {"type": "check_url", "collection": "a", "dataset": "b", "url": "not an address"},
    ],
)
def test_parameters_of_another_kind_are_refused(params):
    with pytest.raises(ValidationError):
        NewRequest.model_validate({"params": params})

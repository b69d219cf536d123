"""The bytes of values, against Oracle's published examples and against themselves."""

# ruff: noqa: DTZ001 - DATE and TIMESTAMP have no zone

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.database.interface import OracleError
from simulator.database.net import buffers
from simulator.database.net.buffers import Incomplete, ProtocolError, Reader
from simulator.database.net.datetimes import (
    decode_datetime,
    decode_double,
    encode_date,
    encode_double,
    encode_timestamp,
    encode_timestamp_tz,
)
from simulator.database.net.numbers import decode_number, encode_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "80"),
        (1, "c102"),
        (-1, "3e6466"),
        (100, "c202"),
        (123, "c20218"),
        (-123, "3d644e66"),
        (Decimal("0.01"), "c002"),
        (Decimal("1234567.89"), "c402182e445a"),
        (0.1, "c00b"),
        (1e125, "ff0b"),
    ],
)
def test_numbers_as_oracle_stores_them(value: float | Decimal, expected: str) -> None:
    assert encode_number(value).hex() == expected


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-128, 80))
def test_numbers_come_back(digits: int, exponent: int) -> None:
    value = Decimal(f"{digits}E{exponent}")
    encoded = encode_number(value)
    assert len(encoded) <= 21
    assert decode_number(encoded) == value


@given(st.integers(-(10**60), 10**60))
def test_more_digits_than_a_number_has_are_rounded(value: int) -> None:
    encoded = encode_number(value)
    assert len(encoded) <= 21
    assert abs(decode_number(encoded) - value) * 10**38 <= abs(value)


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_the_order_of_the_bytes_is_the_order_of_the_numbers(one: int, two: int) -> None:
    assert (encode_number(one) < encode_number(two)) == (one < two)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), Decimal("Infinity"), 10**126, 1e300])
def test_what_a_number_cannot_hold(value: float | Decimal) -> None:
    with pytest.raises(OracleError, match="ORA-01426"):
        encode_number(value)


def test_too_small_is_zero() -> None:
    assert encode_number(Decimal("1e-140")) == b"\x80"


@given(st.datetimes())
def test_dates_and_timestamps_come_back(moment: datetime) -> None:
    assert decode_datetime(encode_date(moment)) == moment.replace(microsecond=0)
    assert decode_datetime(encode_timestamp(moment)) == moment


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), st.integers(-12 * 60 - 59, 14 * 60))
def test_zoned_timestamps_come_back_with_their_offset(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    decoded = decode_datetime(encode_timestamp_tz(zoned))
    assert decoded == zoned
    assert decoded.utcoffset() == zoned.utcoffset()


def test_a_moment_without_a_zone_counts_as_utc() -> None:
    moment = datetime(2024, 1, 1, 12)
    assert decode_datetime(encode_timestamp_tz(moment)) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize("data", ["787c0d01010101", "00000000000000", "787c0120010101"])
def test_fields_that_are_no_date(data: str) -> None:
    with pytest.raises(OracleError, match="ORA-01858"):
        decode_datetime(bytes.fromhex(data))


def test_a_named_time_zone_is_refused() -> None:
    with pytest.raises(OracleError, match="ORA-01805"):
        decode_datetime(bytes.fromhex("787c01010101010000000091cd"))


@given(st.floats(allow_nan=False))
def test_doubles_come_back(value: float) -> None:
    assert decode_double(encode_double(value)) == value


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_order_of_the_bytes_is_the_order_of_the_doubles(one: float, two: float) -> None:
    if one < two:
        assert encode_double(one) < encode_double(two)


@given(st.integers(0, (1 << 64) - 1))
def test_lengths_and_counts_come_back(value: int) -> None:
    assert Reader(buffers.ub(value)).ub() == value
    assert Reader(buffers.sb(-(value >> 1))).ub() == -(value >> 1)


@given(st.binary(max_size=600), st.integers(1, 5))
def test_byte_strings_come_back_whole_or_not_at_all(data: bytes, times: int) -> None:
    data *= times**6
    encoded = buffers.lb(data)
    assert (Reader(encoded).lb() or b"") == data
    assert (Reader(buffers.lb2(data)).lb2() or b"") == data
    for cut in {0, 1, len(encoded) // 2, len(encoded) - 1} - {len(encoded)}:
        with pytest.raises(Incomplete):
            Reader(encoded[:cut]).lb()


@pytest.mark.parametrize("data", ["89010203040506070809", "09010203040506070809"])
def test_impossible_integers(data: str) -> None:
    with pytest.raises(ProtocolError):
        Reader(bytes.fromhex(data)).ub()


def test_a_negative_length_is_no_length() -> None:
    with pytest.raises(ProtocolError):
        Reader(b"x").raw(-1)
    with pytest.raises(ProtocolError):
        Reader(b"x").skip(-1)

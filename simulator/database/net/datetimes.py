"""DATE, TIMESTAMP and TIMESTAMP WITH TIME ZONE, and the IEEE doubles that sort as bytes."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta, timezone

from simulator.database.interface import OracleError

_ZONE_HOUR = 20
_ZONE_MINUTE = 60
_ZONE_REGION = 0x80


def encode_date(value: date) -> bytes:
    """Seven bytes; a plain date is its midnight."""
    hour = minute = second = 0
    if isinstance(value, datetime):
        hour, minute, second = value.hour, value.minute, value.second
    century, year = divmod(value.year, 100)
    return bytes((century + 100, year + 100, value.month, value.day, hour + 1, minute + 1, second + 1))


def encode_timestamp(value: date) -> bytes:
    """Seven bytes, or eleven when there is a fraction of a second."""
    fraction = value.microsecond if isinstance(value, datetime) else 0
    seconds = encode_date(value)
    return seconds + (fraction * 1000).to_bytes(4, "big") if fraction else seconds


def encode_timestamp_tz(value: date) -> bytes:
    """Thirteen bytes: the UTC fields, then the offset. A value without a zone counts as UTC."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    offset = moment.utcoffset() or timedelta()
    utc = moment.replace(tzinfo=None) - offset
    minutes = int(offset.total_seconds() // 60)
    sign = -1 if minutes < 0 else 1
    hours, rest = divmod(abs(minutes), 60)
    zone = bytes((sign * hours + _ZONE_HOUR, sign * rest + _ZONE_MINUTE))
    return encode_date(utc) + (utc.microsecond * 1000).to_bytes(4, "big") + zone


def decode_datetime(data: bytes) -> datetime:
    """A naive datetime, or an aware one from the form with a time zone.

    Raises OracleError 1858 for fields that are no date, 1805 for a named time zone.
    """
    fraction = int.from_bytes(data[7:11], "big") // 1000 if len(data) >= 11 else 0
    year = (data[0] - 100) * 100 + data[1] - 100
    try:
        value = datetime(year, data[2], data[3], data[4] - 1, data[5] - 1, data[6] - 1, fraction)  # noqa: DTZ001 - a DATE has no zone
    except ValueError as error:
        raise OracleError(1858, f"not a date: {error}") from error
    if len(data) < 13:
        return value
    if data[11] & _ZONE_REGION:
        raise OracleError(1805, "possible error in date/time operation: named time zone")
    offset = timedelta(hours=data[11] - _ZONE_HOUR, minutes=data[12] - _ZONE_MINUTE)
    return value.replace(tzinfo=UTC).astimezone(timezone(offset))


def encode_double(value: float) -> bytes:
    """Eight bytes whose order as bytes is the order of the numbers."""
    bits = int.from_bytes(struct.pack(">d", value), "big")
    bits = bits ^ (1 << 63) if not bits >> 63 else bits ^ ((1 << 64) - 1)
    return bits.to_bytes(8, "big")


def decode_double(data: bytes) -> float:
    """A BINARY_DOUBLE, or the four bytes of a BINARY_FLOAT."""
    width = len(data) * 8
    bits = int.from_bytes(data, "big")
    bits = bits ^ (1 << (width - 1)) if bits >> (width - 1) else bits ^ ((1 << width) - 1)
    return float(struct.unpack(">d" if width == 64 else ">f", bits.to_bytes(len(data), "big"))[0])

"""Field types of the policy: each turns what a person wrote into a value, or says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from types import MappingProxyType
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError

from fittrack_dr.recovery.quantities import parse_duration, parse_time_of_day

T = TypeVar("T")


class Section(BaseModel):
    """A mapping of the policy: frozen, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse(text: str, *, key: str = "") -> PydanticCustomError:
    """An error whose text reaches the person unchanged, placed at ``key`` of the section that is being checked."""
    return PydanticCustomError("policy", "{text}", {"text": text, "key": key})


def _parsed(parse: Callable[[str], T], kind: type[T], example: str) -> BeforeValidator:
    def convert(value: object) -> object:
        if isinstance(value, kind):
            return value
        if value is None:
            raise refuse(f"is empty; write it like {example}")
        if not isinstance(value, str):
            raise refuse(f"{value!r} has no unit; write it like {example}")
        try:
            return parse(value)
        except ValueError as error:
            raise refuse(str(error)) from error

    return BeforeValidator(convert)


def _matching(pattern: str, what: str) -> AfterValidator:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise refuse(f"{value!r} is not {what}")
        return value

    return AfterValidator(check)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise refuse("is blank; write something")
    return value


Duration = Annotated[timedelta, _parsed(parse_duration, timedelta, "90s, 30m, 4h, 60 days or 7 years")]
UtcTime = Annotated[time, _parsed(parse_time_of_day, time, "02:30Z")]
Flag = Annotated[bool, Field(strict=True)]
Ratio = Annotated[float, Field(strict=True, ge=0, le=1)]
Text = Annotated[str, AfterValidator(_not_blank)]

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
Name = Annotated[str, _matching(r"[a-z][a-z0-9-]{0,62}", "a name; use small letters, digits and hyphens")]
RegionName = Annotated[str, _matching(r"[a-z]{2}-[a-z]+-\d+", "an OCI region; write one like us-phoenix-1")]
BucketName = Annotated[str, _matching(r"[A-Za-z0-9._-]{1,256}", "a bucket name; use letters, digits, . _ and -")]
Namespace = Annotated[str, _matching(r"[a-z0-9_-]{1,64}", "an Object Storage namespace; see 'oci os ns get'")]
DnsName = Annotated[
    str, _matching(rf"({_LABEL}\.)+{_LABEL}", "a DNS name; write it in small letters with no final dot")
]
UrlPath = Annotated[str, _matching(r"/[A-Za-z0-9._~/-]*", "a path; start it with / and give no host or query")]
SchemaName = Annotated[str, _matching(r"[A-Z][A-Z0-9_$#]{0,127}", "a schema name; write it in capitals")]
TableName = Annotated[str, _matching(r"[a-z][a-z0-9_]{0,127}", "a table name; write it in small letters")]
GroupName = Annotated[str, _matching(r"[A-Za-z0-9._-]{1,100}", "an IAM group name; use letters, digits, . _ and -")]

Table = Annotated[
    Mapping[Name, T],
    AfterValidator(lambda rows: MappingProxyType(dict(rows))),
    PlainSerializer(dict, return_type=dict),
]
"""A mapping from names, read-only once parsed."""

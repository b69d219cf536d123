"""SQL/JSON: JSON_VALUE, JSON_QUERY, JSON_EXISTS over Oracle's path language (steps, subscripts, wildcards)."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from simulator.database.interface import OracleError
from simulator.database.sql.types import Cell

_STEP = re.compile(r'\s*(?:\.\s*(?:"([^"]+)"|([\w$]+)|(\*))|\[\s*(\*|\d+(?:\s*(?:,|to)\s*\d+)*)\s*\])')


def scalar_functions() -> dict[str, tuple[Callable[..., Cell], int]]:
    """Name → (function, number of arguments)."""
    return {
        "ora_json_value": (_value, 3),
        "ora_json_query": (_query, 4),
        "ora_json_exists": (_exists, 2),
    }


@functools.lru_cache(maxsize=256)
def _path(text: str) -> tuple[str | tuple[int, ...] | None, ...]:
    """The steps: a key, subscripts, or None for every element. Raises OracleError 40442."""
    body = text.strip().removeprefix("strict").removeprefix("lax").strip()
    if not body.startswith("$"):
        raise OracleError(40442, "JSON path expression syntax error")
    steps: list[str | tuple[int, ...] | None] = []
    position = 1
    while position < len(body):
        match = _STEP.match(body, position)
        if match is None:
            raise OracleError(40442, "JSON path expression syntax error")
        quoted, key, star, subscripts = match.groups()
        if star or subscripts == "*":
            steps.append(None)
        elif subscripts:
            steps.append(_subscripts(subscripts))
        else:
            steps.append(quoted or key)
        position = match.end()
    return tuple(steps)


def _subscripts(text: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("to")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers)


def _select(document: Cell, path: Cell) -> list[Any] | None:
    """What the path selects, or None when the text is not JSON."""
    try:
        found: list[Any] = [json.loads(document if isinstance(document, bytes) else str(document))]
    except ValueError:
        return None
    for step in _path(str(path)):
        found = [child for item in found for child in _children(item, step)]
    return found


def _children(item: Any, step: str | tuple[int, ...] | None) -> list[Any]:
    if isinstance(step, str):
        items = item if isinstance(item, list) else [item]  # lax: a key reaches into an array's members
        return [each[step] for each in items if isinstance(each, dict) and step in each]
    if step is None:
        return list(item.values()) if isinstance(item, dict) else list(item) if isinstance(item, list) else [item]
    members = item if isinstance(item, list) else [item]
    return [members[index] for index in step if index < len(members)]


def _scalar(value: Any) -> Cell:
    if value is True or value is False:
        return str(value).lower()
    return value


def _value(document: Cell, path: Cell, mode: Cell) -> Cell:
    if document is None or path is None:
        return None
    found = _select(document, path)
    if found is not None and len(found) == 1 and not isinstance(found[0], (dict, list)):
        return _scalar(found[0])
    if mode == "DOT" and found:
        return json.dumps(found[0] if len(found) == 1 else found)
    if mode == "ERROR":
        if found is None:
            raise OracleError(40441, "JSON syntax error")
        if not found:
            raise OracleError(40462, "JSON_VALUE evaluated to no value")
        raise OracleError(40456, "JSON_VALUE evaluated to non-scalar value")
    return None


def _query(document: Cell, path: Cell, wrapper: Cell, strict: Cell) -> Cell:
    if document is None or path is None:
        return None
    found = _select(document, path)
    if found and wrapper:
        return json.dumps(found)
    if found and len(found) == 1 and isinstance(found[0], (dict, list)):
        return json.dumps(found[0])
    if strict:
        raise OracleError(40480 if found else 40462, "JSON_QUERY result cannot be returned without array wrapper")
    return None


def _exists(document: Cell, path: Cell) -> Cell:
    return None if document is None or path is None else int(bool(_select(document, path)))

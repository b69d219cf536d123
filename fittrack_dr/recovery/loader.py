"""The one reader of recovery.yaml: every problem at once, each with its line, or a policy without any."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fittrack_dr.errors import ConfigError
from fittrack_dr.recovery.checks import CHECKS
from fittrack_dr.recovery.located import Document, Path, Plain, Problem, read_document
from fittrack_dr.recovery.policy import RecoveryPolicy

#: Far more than any policy needs; what is larger is some other file.
LARGEST = 256 * 1024

_FIELDS = RecoveryPolicy.model_fields
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(info.rebuild_annotation()) for name, info in _FIELDS.items()
}


def load_policy(path: FilePath) -> RecoveryPolicy:
    """Read and check the policy in ``path``.

    Raises ConfigError whose ``problems`` are lines ``FILE:LINE: path: problem; what to do``, in the file's order.
    """
    document = read_document(_text(path))
    sections, problems = _sections(document)
    problems += [Problem(document.line(where), where, text) for where, text in _contradictions(sections)]
    if problems or document.problems:
        raise _error(path, [*document.problems, *problems])
    return RecoveryPolicy(**sections)


def _text(path: FilePath) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; name the recovery policy, or run where it is") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{path}: cannot be read ({reason}); name the recovery policy") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: is larger than {LARGEST // 1024} KiB; name the recovery policy")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(path, [Problem(line, (), "is not UTF-8; save it as UTF-8")]) from None


def _error(path: FilePath, problems: list[Problem]) -> ConfigError:
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.line)
    lines = tuple(f"{path}:{problem.line}: {problem}" for problem in ordered)
    return ConfigError("\n".join(lines), problems=lines)


def _sections(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    """Each section that could be read, and what is wrong with the others."""
    if document.problems and document.value is None:
        return {}, []
    if not isinstance(document.value, dict):
        return {}, [Problem(document.line(()), (), "is not a mapping; write sections like 'objectives:'")]
    # A key that the reader complained about has no value worth a second complaint.
    unread = {problem.path for problem in document.problems}
    problems = [_unknown(document, (name,), _FIELDS) for name in document.value if name not in _FIELDS]
    sections: dict[str, Any] = {}
    for name in _FIELDS:
        if name not in document.value:
            problems.append(Problem(1, (name,), "is missing; add the section"))
            continue
        try:
            sections[name] = _ADAPTERS[name].validate_python(document.value[name])
        except ValidationError as error:
            found = [_problem(document, name, detail) for detail in error.errors(include_url=False)]
            problems += [problem for problem in found if problem.path not in unread]
    return sections, problems


def _contradictions(sections: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for check in CHECKS:
        names = inspect.signature(check).parameters
        if names.keys() <= sections.keys():
            yield from check(**{name: sections[name] for name in names})


def _problem(document: Document, section: str, detail: Any) -> Problem:
    path: Path = (section, *(part for part in detail["loc"] if part != "[key]"))
    kind: str = detail["type"]
    given: Plain = detail["input"]
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "policy":
        path = (*path, context["key"]) if context["key"] else path
        return Problem(document.line(path), path, context["text"])
    if kind == "extra_forbidden":
        return _unknown(document, path, _siblings(section, path))
    return Problem(document.line(path), path, _wording(kind, given, context))


_WORDING = {
    "model_type": "is not a mapping; write its keys below it, indented",
    "mapping_type": "is not a mapping; write its keys below it, indented",
    "dict_type": "is not a mapping; write its keys below it, indented",
    "tuple_type": "is not a list; write its items below it, each after a hyphen",
    "enum": "is {given}; use one of {expected}",
    "literal_error": "is {given}; use one of {expected}",
    "bool_type": "is {given}; write true or false",
    "int_type": "is {given}; write a whole number",
    "float_type": "is {given}; write a number",
    "greater_than_equal": "is {given}; it must be at least {ge}",
    "less_than_equal": "is {given}; it must be at most {le}",
    "string_type": "is {given}; write a text",
}


def _wording(kind: str, given: Plain, context: Mapping[str, Any]) -> str:
    if kind == "missing":
        return "is missing; add it"
    if given is None:
        return "is empty; give it a value"
    shown = repr(given) if isinstance(given, str | int | float) else "a list or mapping"
    return _WORDING[kind].format(given=shown, **context)


def _siblings(section: str, path: Path) -> list[str]:
    """The keys that are known where ``path`` has an unknown one, read from the type that refused it."""
    schema: Any = _ADAPTERS[section].json_schema(mode="validation")
    definitions: dict[str, Any] = schema.get("$defs", {})
    for part in path[1:-1]:
        schema = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
        if isinstance(part, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(part) or schema.get("additionalProperties", {})
    schema = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return list(schema.get("properties", {}))


def _unknown(document: Document, path: Path, known: Mapping[str, object] | list[str]) -> Problem:
    free = [key for key in known if (*path[:-1], key) not in document.lines]
    near = difflib.get_close_matches(str(path[-1]), free, n=1)
    hint = f"did you mean {near[0]}?" if near else "remove it"
    return Problem(document.line(path), path, f"is not a key of the recovery policy; {hint}")

"""YAML read into plain values that still know their lines.

Stricter than YAML 1.1 on purpose: ``no`` is a word and ``02:30`` a text, a key given twice is a problem instead of a
silent loss, and anchors and tags are refused because an alias has no line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

_WORDS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?\d{1,17}\.\d{1,17}", re.ASCII)


@dataclass(frozen=True)
class Problem:
    """One thing wrong: its line (1-based), its path in the document, and what is wrong and what to do."""

    line: int
    path: Path
    text: str

    def __str__(self) -> str:
        where = describe_path(self.path)
        return f"{where}: {self.text}" if where else self.text


def describe_path(path: Path) -> str:
    """``retention[2].keep`` for ("retention", 2, "keep"); empty for the whole document."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class Document:
    """The plain value, the line of each path, and what could not be read."""

    value: Plain
    lines: dict[Path, int]
    problems: list[Problem]

    def line(self, path: Path) -> int:
        """The line of ``path``, or of the nearest thing around it that the file has."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass
class _Reader:
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    problems: list[Problem] = field(default_factory=list[Problem])
    seen: set[int] = field(default_factory=set[int])

    def read(self, node: yaml.Node, path: Path) -> Plain:
        line = self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            self.problems.append(Problem(line, path, "uses a YAML alias; write the value out"))
            return None
        self.seen.add(id(node))
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
            self.problems.append(Problem(line, path, "uses a YAML tag; write a plain value"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, number)) for number, item in enumerate(node.value)]
        return _scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Plain]:
        result: dict[str, Plain] = {}
        for key, value in node.value:
            line: int = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(line, path, "has a key that is no plain word; name it"))
                continue
            name: str = key.value
            if name in result:
                first = self.lines[(*path, name)]
                text = f"is given twice, first on line {first}; keep one"
                self.problems.append(Problem(line, (*path, name), text))
                continue
            self.lines[(*path, name)] = line
            result[name] = self.read(value, (*path, name))
        return result


def _scalar(node: yaml.ScalarNode) -> Plain:
    text: str = node.value
    if node.style is not None:  # quoted, or a block: a text whatever it looks like
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_document(text: str) -> Document:
    """Read one YAML document; a syntax error is a problem like any other, and then the value is None."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        return Document(None, {}, [Problem(line, (), f"is not YAML: {what}; mend the syntax")])
    except yaml.YAMLError as error:
        what = str(error).splitlines()[0]
        return Document(None, {}, [Problem(1, (), f"is not YAML: {what}; mend the syntax")])
    except RecursionError:
        return Document(None, {}, [Problem(1, (), "is nested too deeply; a policy has four levels")])
    if node is None:
        return Document(None, {}, [Problem(1, (), "is empty; start from the recovery.yaml of the repository")])
    reader = _Reader()
    try:
        value = reader.read(node, ())
    except RecursionError:
        return Document(None, {}, [Problem(1, (), "is nested too deeply; a policy has four levels")])
    return Document(value, reader.lines, reader.problems)

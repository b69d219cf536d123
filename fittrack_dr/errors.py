"""Every way in which a command ends badly, and the exit code of each.

One root, caught in ``cli.main`` only. A message says what is wrong, where, with the numbers, and what to do next;
it never carries a secret.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What a command's exit status means to a script; the only place where the numbers stand."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNKNOWN = 4
    OBJECTIVE_MISSED = 5
    ABORTED = 130


class FittrackError(Exception):
    """Root of all errors of the operator package: one line for a person, one exit code for a script."""

    exit_code = ExitCode.FAILED


class ConfigError(FittrackError):
    """The caller's input (arguments, recovery.yaml, profile, credentials) cannot be used.

    ``problems`` has a line for each thing wrong, with its file and line number, when there may be several.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class RefusedError(FittrackError):
    """Acting now would be unsafe: a gate, an invariant, a missing approval, another run. Nothing was changed."""

    exit_code = ExitCode.REFUSED


class RetryableError(FittrackError):
    """The far side said "not now"; worth asking again after ``delay`` world seconds."""

    def __init__(self, message: str, *, delay: float) -> None:
        super().__init__(message)
        self.delay = delay


class UnreachableError(RetryableError):
    """Nothing answered: refused, timed out, or cut off. The request changed nothing."""


class PermanentError(FittrackError):
    """The far side said no, and asking again would change nothing."""


class NotFoundError(PermanentError):
    """What was asked for is not there, or we may not see it: OCI tells the two not apart.

    ``code`` is the service's own word for what is missing, such as ``ObjectNotFound``.
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ChangedError(PermanentError):
    """Somebody else was first: the entity tag no longer matches, or the name is taken. Nothing was changed."""


class OutcomeUnknownError(FittrackError):
    """A request was sent and its answer was lost: only an observation can tell what became of it."""

    exit_code = ExitCode.UNKNOWN

"""What the ``oci`` SDK raises, as errors of ours: what happened, whether anything was changed, what to do next.

A read that fails changed nothing, so it can be asked again. A write that fails before it was sent, or that the service
refused, changed nothing either. Any other failed write may have been carried out: only an observation can tell.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from fittrack_dr.errors import (
    ChangedError,
    ConfigError,
    FittrackError,
    NotFoundError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
    UnreachableError,
)

#: World seconds before it is worth asking again.
DELAY = 5.0
BUSY_DELAY = 15.0
_SHOWN = 200
_BUSY = frozenset({"IncorrectState", "ExternalServerIncorrectState", "Conflict", "ConcurrentObjectUpdate"})
_NOT_SENT = frozenset({"ConnectTimeout", "NewConnectionError", "NameResolutionError", "ConnectTimeoutError"})


@contextmanager
def reading(what: str, who: object) -> Generator[None]:
    """Wrap one read: ``what`` completes "could not …", ``who`` is the profile whose credentials sign it."""
    with _wrapped(what, who, write=False):
        yield


@contextmanager
def writing(what: str, who: object) -> Generator[None]:
    """Wrap one write; raises OutcomeUnknownError when it may have been carried out."""
    with _wrapped(what, who, write=True):
        yield


@contextmanager
def _wrapped(what: str, who: object, *, write: bool) -> Generator[None]:
    from oci.exceptions import BaseRequestException, ServiceError

    try:
        yield
    except ServiceError as error:
        raise _of_answer(error, what, who, write=write) from error
    except BaseRequestException as error:
        raise _of_silence(error, what, write=write) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # How the SDK's models, and the conversion of what they hold, fail on an answer of the wrong shape.
        text = f"could not {what}: the answer is malformed ({shortened(str(error))})"
        raise _unsettled(text, write=write, delay=DELAY) from error
    except Exception as error:
        if type(error) is not Exception:  # the SDK raises the class itself for a date that it cannot read
            raise
        text = f"could not {what}: the answer is malformed ({shortened(str(error))})"
        raise _unsettled(text, write=write, delay=DELAY) from error


def _of_answer(error: Any, what: str, who: object, *, write: bool) -> FittrackError:
    status = int(error.status)
    answer = f"{status} {error.code}: {error.message}" if error.code else f"{status}: {error.message}"
    text = f"could not {what}: {shortened(answer)}{_request_id(error)}"
    if status == 429 or (status == 409 and error.code in _BUSY):
        return RetryableError(text, delay=_retry_after(error.headers))
    if status == 409 and error.code == "InvalidatedRetryToken" and write:
        return OutcomeUnknownError(f"{text}; an earlier request with this token went through: look what became of it")
    if status >= 500 and status != 501:
        return _unsettled(text, write=write, delay=_retry_after(error.headers))
    return _of_refusal(status, str(error.code), text, who)


def _of_refusal(status: int, code: str, text: str, who: object) -> FittrackError:
    if status == 401:
        return ConfigError(f"{text}; check user, fingerprint and key_file of the profile {who}")
    if status == 404:
        return NotFoundError(f"{text}; it does not exist, or the user of the profile {who} may not see it", code=code)
    return ChangedError(text) if status == 412 else PermanentError(text)


def _of_silence(error: BaseException, what: str, *, write: bool) -> FittrackError:
    reason, sent = _reason(error)
    text = f"could not {what}: {reason}"
    if write and sent:
        return OutcomeUnknownError(f"{text}; look whether it was carried out before doing it again")
    return UnreachableError(text, delay=DELAY)


def _unsettled(text: str, *, write: bool, delay: float) -> FittrackError:
    if write:
        return OutcomeUnknownError(f"{text}; look whether it was carried out before doing it again")
    return RetryableError(text, delay=delay)


def _reason(error: BaseException) -> tuple[str, bool]:
    """What went wrong on the way, in words, and whether the request may have reached the service."""
    names: list[str] = []
    texts: list[str] = []
    for cause in _causes(error):
        names.append(type(cause).__name__)
        if isinstance(cause, OSError) and cause.strerror:
            texts.append(cause.strerror.lower())
    sent = not _NOT_SENT.intersection(names)
    if any("Timeout" in name for name in names):
        return ("no answer in time" if sent else "no connection in time"), sent
    if texts:
        return texts[0], sent
    return ("the connection was cut off" if sent else "no connection"), sent


def _causes(error: BaseException) -> list[BaseException]:
    """The error and everything it stands for: what it was raised from, and what the HTTP library wrapped in it."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and not any(cause is known for known in found):
            found.append(cause)
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
    return found


def _retry_after(headers: Any) -> float:
    try:
        return max(1.0, float(headers.get("retry-after", BUSY_DELAY)))
    except (TypeError, ValueError):
        return BUSY_DELAY


def _request_id(error: Any) -> str:
    return f" (opc-request-id {str(error.request_id)[:32]})" if error.request_id else ""


def stated(value: object) -> str:
    """A text that an answer always has. Raises ValueError, which the wrappers call malformed."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text that always has a value has none")
    return value


def shortened(text: str) -> str:
    """One line of at most 200 printable characters: answers may be long, and may be anything."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"

"""What the Database service accepts from a caller, and how it says no.

A field that the service knows and this world does not act on is refused with 501: nothing is accepted and then
ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from simulator.cloud.http import require_compartment
from simulator.cloud.service import Region, Request, ServiceError, not_found

WORKLOADS: Final = ("OLTP", "DW", "AJD", "APEX", "LH")
CREATE_SOURCES: Final = ("NONE", "CROSS_REGION_DATAGUARD", "CROSS_REGION_DISASTER_RECOVERY")

_DB_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,29}\Z")
_SPECIAL_FIELDS: Final = frozenset(
    {
        "compartmentId",
        "dbName",
        "source",
        "sourceId",
        "adminPassword",
        "secretId",
        "secretVersionNumber",
        "remoteDisasterRecoveryType",
        "isReplicateAutomaticBackups",
    }
)


def invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameter", message)


def conflict(message: str) -> ServiceError:
    return ServiceError(409, "IncorrectState", message)


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: value in allowed


def _number(lowest: float, highest: float, *, whole: bool = True) -> Callable[[Any], bool]:
    kinds = int if whole else (int, float)
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool) and lowest <= value <= highest


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(longest: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and 0 < len(value) <= longest


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _tags(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _defined_tags(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())


def _contacts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "email" in item for item in value)


SETTINGS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "displayName": (_text(255), "1 to 255 characters"),
    "dbWorkload": (_one_of(*WORKLOADS), f"one of {', '.join(WORKLOADS)}"),
    "computeModel": (_one_of("ECPU", "OCPU"), "ECPU or OCPU"),
    "computeCount": (_number(1, 512, whole=False), "a number from 1 to 512"),
    "cpuCoreCount": (_number(1, 128), "a whole number from 1 to 128"),
    "dataStorageSizeInTBs": (_number(1, 384), "a whole number from 1 to 384"),
    "dataStorageSizeInGBs": (_number(20, 393216), "a whole number from 20 to 393216"),
    "backupRetentionPeriodInDays": (_number(1, 60), "a whole number from 1 to 60"),
    "isBackupRetentionLocked": (_flag, "true or false"),
    "licenseModel": (_one_of("LICENSE_INCLUDED", "BRING_YOUR_OWN_LICENSE"), "a licence model"),
    "isAutoScalingEnabled": (_flag, "true or false"),
    "isAutoScalingForStorageEnabled": (_flag, "true or false"),
    "isMtlsConnectionRequired": (_flag, "true or false"),
    "isFreeTier": (_one_of_flag := lambda value: value is False, "false: Always Free has no Data Guard"),
    "isDedicated": (_one_of_flag, "false: only serverless databases are offered"),
    "isDataGuardEnabled": (_one_of_flag, "false: no local standby is offered"),
    "isLocalDataGuardEnabled": (_one_of_flag, "false: no local standby is offered"),
    "dbVersion": (_one_of("19c", "23ai", "26ai"), "19c, 23ai or 26ai"),
    "characterSet": (_one_of("AL32UTF8"), "AL32UTF8"),
    "ncharacterSet": (_one_of("AL16UTF16"), "AL16UTF16"),
    "whitelistedIps": (_texts, "a list of addresses"),
    "customerContacts": (_contacts, "a list of contacts with an email"),
    "freeformTags": (_tags, "an object of texts"),
    "definedTags": (_defined_tags, "an object of objects"),
}
"""The fields that a caller may set and later read, with what each takes."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "dbWorkload": "OLTP",
    "computeModel": "ECPU",
    "computeCount": 2,
    "dataStorageSizeInTBs": 1,
    "backupRetentionPeriodInDays": 60,
    "isBackupRetentionLocked": False,
    "licenseModel": "LICENSE_INCLUDED",
    "isAutoScalingEnabled": False,
    "isAutoScalingForStorageEnabled": False,
    "isMtlsConnectionRequired": True,
    "isFreeTier": False,
    "isDedicated": False,
    "dbVersion": "19c",
    "characterSet": "AL32UTF8",
    "ncharacterSet": "AL16UTF16",
    "whitelistedIps": None,
    "customerContacts": None,
    "freeformTags": {},
    "definedTags": {},
}


def settings_of(
    body: Mapping[str, Any], operation: str, *, special: frozenset[str] = _SPECIAL_FIELDS
) -> dict[str, Any]:
    """The settings that a body gives, each checked. Raises 400, or 501 naming the field that is not acted on."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in special or value is None:
            continue
        if name not in SETTINGS:
            raise ServiceError(501, "NotImplemented", f"{operation}: {name}")
        accepts, what = SETTINGS[name]
        if not accepts(value):
            raise invalid(f"{name} must be {what}")
        found[name] = value
    _check_compute(found)
    if "dataStorageSizeInTBs" in found and "dataStorageSizeInGBs" in found:
        raise invalid("dataStorageSizeInTBs and dataStorageSizeInGBs cannot both be given")
    return found


def _check_compute(settings: Mapping[str, Any]) -> None:
    if "cpuCoreCount" in settings:
        if "computeModel" in settings or "computeCount" in settings:
            raise invalid("cpuCoreCount cannot be given together with computeModel or computeCount")
        raise ServiceError(501, "NotImplemented", "cpuCoreCount: give computeModel and computeCount")
    if "computeModel" in settings and "computeCount" not in settings:
        raise invalid("computeCount is required with computeModel")
    if settings.get("computeModel", "ECPU") == "ECPU" and settings.get("computeCount", 2) < 2:
        raise invalid("computeCount must be at least 2 in the compute model ECPU")


def check_db_name(name: Any) -> str:
    """A name that a database may have. Raises 400."""
    if not isinstance(name, str) or not _DB_NAME.match(name):
        raise invalid("dbName must begin with a letter and have at most 30 letters and digits")
    return name


def password_of(body: Mapping[str, Any]) -> str:
    """The ADMIN password, given or by secret. Raises 400, or 404 for a secret that cannot be read here."""
    password, secret = body.get("adminPassword"), body.get("secretId")
    if password is not None and secret is not None:
        raise invalid("adminPassword and secretId cannot both be given")
    if secret is not None:
        raise not_found(f"secret {secret}")
    if password is None:
        raise invalid("adminPassword or secretId is required")
    return check_password(password)


def check_password(password: Any) -> str:
    """Autonomous Database's rules for ADMIN. Raises 400; the password is not in the message."""
    kinds = (str.isupper, str.islower, str.isdigit)
    if (
        not isinstance(password, str)
        or not 12 <= len(password) <= 30
        or not all(any(map(kind, password)) for kind in kinds)
        or '"' in password
        or "admin" in password.lower()
    ):
        raise invalid(
            "adminPassword must have 12 to 30 characters with an upper-case and a lower-case letter and a digit, "
            "and neither a double quote nor the name admin"
        )
    return password


def compartment_of(region: Region, request: Request) -> str:
    """The compartment in which a database is to be."""
    return require_compartment(region, request.need("compartmentId"))


def dry_run(request: Request) -> bool:
    """Whether the caller wants the checks only."""
    return request.headers.get("opc-dry-run", "false").lower() == "true"

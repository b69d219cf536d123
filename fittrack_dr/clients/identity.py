"""IAM: who people are, which groups they are in, and the public keys their signatures are checked against. Reads only.

Any region answers reads of IAM, so a recovery asks the region that is up.
"""

from __future__ import annotations

from typing import Any

from fittrack_dr.clients.failures import reading, stated
from fittrack_dr.clients.session import Session, pages
from fittrack_dr.domain.cloud import ApiKey
from fittrack_dr.errors import NotFoundError


class IdentityClient:
    """The tenancy's users and groups (an ``Identities`` of the runner)."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self.region = region

    def api_keys(self, user: str) -> tuple[ApiKey, ...]:
        """The API keys of a user (OCID). Raises NotFoundError for an unknown user."""
        with self._reading(f"list the API keys of {user}"):
            found = self._iam().list_api_keys(user).data
            return tuple(
                ApiKey(stated(key.fingerprint), stated(key.key_value), key.lifecycle_state == "ACTIVE") for key in found
            )

    def public_key(self, user: str, fingerprint: str) -> str | None:
        """The PEM public key of the active API key that ``user`` (OCID) holds under ``fingerprint``, or None."""
        try:
            keys = self.api_keys(user)
        except NotFoundError:
            return None
        return next((key.public_key for key in keys if key.active and key.fingerprint == fingerprint), None)

    def groups(self, user: str) -> frozenset[str]:
        """The names of the groups that ``user`` (OCID) is an active member of; none for an unknown user."""
        tenancy = self._session.profile.tenancy
        with self._reading(f"list the groups of {user}"):
            iam = self._iam()
            memberships = list(pages(iam.list_user_group_memberships, tenancy, user_id=user))
            joined = {each.group_id for each in memberships if each.lifecycle_state == "ACTIVE"}
            groups = list(pages(iam.list_groups, tenancy)) if joined else []
            return frozenset(stated(each.name) for each in groups if each.id in joined)

    def name(self, user: str) -> str:
        """The name of ``user`` (OCID); the OCID itself when IAM knows no such user."""
        try:
            with self._reading(f"read user {user}"):
                return stated(self._iam().get_user(user).data.name)
        except NotFoundError:
            return user

    def _iam(self) -> Any:
        from oci.identity import IdentityClient as Sdk

        return self._session.client(Sdk, self.region)

    def _reading(self, what: str) -> Any:
        return reading(f"{what} in {self.region}", self._session.profile)

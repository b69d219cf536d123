"""Does a region's control plane answer at all? One cheap signed read, whose refusal is an answer too."""

from __future__ import annotations

import time

from fittrack_dr.clients.failures import reading, shortened
from fittrack_dr.clients.session import Session
from fittrack_dr.domain.cloud import Contact
from fittrack_dr.errors import FittrackError, UnreachableError


def contact_api(session: Session, region: str) -> Contact:
    """One attempt to reach the OCI APIs of a region; never raises for what the far side does.

    ``seconds`` are of wall time. Raises ConfigError only when the profile has no such endpoint or no usable key.
    """
    from oci.object_storage import ObjectStorageClient as Sdk

    client = session.client(Sdk, region)
    target = session.profile.endpoint(region) or f"the OCI APIs of {region}"
    start = time.monotonic()
    try:
        with reading(f"reach the APIs of {region}", session.profile):
            client.get_namespace()
        answered, detail = True, "answers"
    except UnreachableError as error:
        answered, detail = False, str(error)
    except FittrackError as error:
        answered, detail = True, f"answers, with an error: {error}"
    return Contact(target, answered, shortened(detail), time.monotonic() - start)

"""The Health Checks service as each region's API offers it: authenticated there, done at the edge."""

from __future__ import annotations

from simulator.cloud.service import Service
from simulator.edge.forward import declare

SERVICE = Service("healthchecks", "/20180501")
SERVICES = (SERVICE,)

declare(
    SERVICE,
    {
        "CreateHttpMonitor": ("POST", "/httpMonitors"),
        "ListHttpMonitors": ("GET", "/httpMonitors"),
        "GetHttpMonitor": ("GET", "/httpMonitors/{monitorId}"),
        "UpdateHttpMonitor": ("PUT", "/httpMonitors/{monitorId}"),
        "DeleteHttpMonitor": ("DELETE", "/httpMonitors/{monitorId}"),
        "ListHttpProbeResults": ("GET", "/httpProbeResults/{probeConfigurationId}"),
        "CreateOnDemandHttpProbe": ("POST", "/httpProbeResults"),
        "ListHealthChecksVantagePoints": ("GET", "/vantagePoints"),
    },
)

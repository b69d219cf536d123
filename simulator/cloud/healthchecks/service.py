"""The Health Checks service as each region's API offers it: authenticated there, done at the edge."""

from __future__ import annotations

from simulator.cloud.service import Service
from simulator.edge.forward import declare

SERVICE = Service("healthchecks", "/20180501")
SERVICES = (SERVICE,)

declare(
    SERVICE,
    {
        "create_http_monitor": ("POST", "/httpMonitors"),
        "list_http_monitors": ("GET", "/httpMonitors"),
        "get_http_monitor": ("GET", "/httpMonitors/{monitorId}"),
        "update_http_monitor": ("PUT", "/httpMonitors/{monitorId}"),
        "delete_http_monitor": ("DELETE", "/httpMonitors/{monitorId}"),
        "list_http_probe_results": ("GET", "/httpProbeResults/{probeConfigurationId}"),
        "create_on_demand_http_probe": ("POST", "/httpProbeResults"),
        "list_health_checks_vantage_points": ("GET", "/vantagePoints"),
    },
)

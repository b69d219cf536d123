"""OCI's Health Checks service: HTTP monitors, on-demand probes and their results.

The probes are made by the edge process, which belongs to no region; a region's API authenticates and forwards
(``service``). ``operations`` is what the calls do, ``results`` is what the probes left.
"""

"""What belongs to no region: public DNS, two caching resolvers, a neutral web target, the health checks' probes.

One process of its own, so that losing a region never takes it along.
"""

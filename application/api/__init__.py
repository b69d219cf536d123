"""The HTTP API: what users and load balancers talk to."""

"""OCI's DNS service: public zones and their records.

The zones belong to no region: the edge process keeps and serves them. A region's API only authenticates a request
(``service``) and forwards it; what the operation does to the zones is in ``operations`` and ``zones``.
"""

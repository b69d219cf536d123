"""Reports of runs: what was planned, decided, done and measured, for people (HTML) and for programs (JSON).

A report says what was measured; what was not measured says so. It holds no secret, because no journal does.
"""

"""The boundaries: one thin module each, the only place that imports an SDK or opens a socket.

A client sends one request per call, never retries, and returns the domain's frozen types. What goes wrong becomes one
of ours: RetryableError (nothing happened, ask again later), OutcomeUnknownError (a write whose answer was lost),
PermanentError or ConfigError. SDKs are imported where they are used.
"""

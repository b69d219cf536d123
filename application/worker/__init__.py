"""The background worker: heartbeats, the leaderboard's cache, the drawings. It writes only where the primary is."""

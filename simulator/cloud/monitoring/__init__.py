"""The Monitoring service: what this region has measured, queried by MQL."""

"""OCI's HTTP APIs: one room per service, one server per region."""

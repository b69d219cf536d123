"""Data definition: Oracle's CREATE, ALTER, DROP and their kin, as changes of the catalog and of the SQLite schema."""

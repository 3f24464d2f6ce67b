"""Formats of records, one per file; ``attest.record`` knows them by name."""

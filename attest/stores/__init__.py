"""Kinds of store, one per file; ``attest.store`` holds the protocol and the table."""

"""Rules, one per file; ``attest.rule`` holds the table."""

"""Ways of signing, one per file; ``attest.signer`` holds the table."""

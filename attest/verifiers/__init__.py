"""Ways of checking a signature, one per file; ``attest.trust`` calls them."""

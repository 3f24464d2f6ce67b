"""Sources of digests that others already know, one per file (``attest.adopter``)."""

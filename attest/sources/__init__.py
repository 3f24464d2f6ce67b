"""What reads inputs that are not on this disk: one kind of URL per file, reached by ``attest.source``."""

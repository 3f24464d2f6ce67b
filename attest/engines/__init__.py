"""What has work done on other machines: one kind of cluster per file, reached by ``attest.engine``."""

"""Independent software that checks what attest signs and signs what attest checks.

Nothing here is installed on the system and nothing lands in the checkout: programs are downloaded once into
``$ATTEST_TEST_CACHE`` (default ``~/.cache/attest-tests``); ``python tests/clients`` does it ahead of time.
"""

"""A Sigstore of our own on loopback, out of the real servers: nothing of ours stands in their place.

Fulcio and its certificate log, Rekor v1, Rekor v2, a timestamp authority and an OpenID provider. The servers
are built once per machine from Debian's Go source packages (minutes, 160 MB of downloads, 150 MB kept in
``$ATTEST_TEST_CACHE``); ``python tests/stack`` does it ahead of time and runs them. The fixture ``stack`` of
``stack.fixture`` starts them for a test session.
"""

"""How a step's files are digested."""

from __future__ import annotations

from attest.digest_cache import DigestCache
from attest.manner import Manner


def test_nothing_is_remembered_inside_of_what_is_read_or_written(tmp_path):
    cache = DigestCache(tmp_path / "project" / ".attest" / "digests")
    manner = Manner(cache=cache)
    assert manner.without_cache_in([str(tmp_path / "project" / "data"), str(tmp_path / "data")]) is manner
    assert manner.without_cache_in([str(tmp_path / "data"), str(tmp_path / "project")]).cache is None
    assert Manner().without_cache_in([str(tmp_path)]) == Manner()

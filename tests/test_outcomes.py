"""What came of reading files, packed."""

from __future__ import annotations

import pytest

from attest.listing import Found, Listing
from attest.outcomes import SECOND, SETTLED_NS, FileDigest, Outcomes

READ = 1_000_000 * SECOND
OLD = READ - SETTLED_NS - 1


@pytest.mark.parametrize(
    ("mtime_ns", "ctime_ns", "lasts"),
    [
        (5, OLD, True),
        (OLD + 1, OLD, False),
        (5, OLD + 1, False),
        (READ * 2, OLD, False),
        (5, OLD // SECOND * SECOND, False),
        (OLD // SECOND * SECOND, OLD, True),
        (5, -1, True),
        (5, 0, False),
    ],
)
def test_what_lasts_is_settled_and_has_a_ctime_that_tells(mtime_ns, ctime_ns, lasts):
    status = (1, 2, 3, mtime_ns, ctime_ns)
    other = (1, 3, 3, 5, OLD)
    outcomes = Outcomes(Listing.of([Found("a", "a", 3, status), Found("b", "b", 3, other)]), READ)
    assert outcomes.lasting(range(2)) == [lasts, True]
    assert outcomes.lasting([1, 0]) == [True, lasts]
    assert outcomes.lasting([]) == []
    given = FileDigest("b", "0" * 64, 3, mtime_ns, ctime_ns, 3, 1, READ)
    outcomes.add([given])
    assert outcomes.lasting(range(2)) == [lasts, lasts]
    assert not lasts or given.still(given.status)

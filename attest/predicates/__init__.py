"""The predicates: what statements can say, one type per file (``attest.predicate`` holds the table)."""

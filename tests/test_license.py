from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_license_index

from attest.errors import FormatError
from attest.license import MAX_DEPTH, MAX_LENGTH, demands, parse, permits, unknown_ids, use_class
from attest.vocabulary import load

CLASSES = load("licence-classes").tokens
NEWER_THAN_THE_BUNDLED_INDEX = {"CC-BY-NC-3.0-IGO"}
INDEX = {entry["spdx_license_key"]: entry for entry in get_license_index() if entry.get("spdx_license_key")}


# the table


def test_every_id_of_the_table_is_a_licence_of_the_spdx_list():
    for name in CLASSES.keys() - NEWER_THAN_THE_BUNDLED_INDEX:
        assert name in INDEX, name
        assert not INDEX[name]["is_deprecated"], name
        # the bundled index takes this licence for an exception because of its name
        assert not INDEX[name]["is_exception"] or name == "MPL-2.0-no-copyleft-exception", name


def test_every_non_commercial_id_of_the_spdx_list_is_in_the_table():
    listed = {name for name in INDEX if "-NC-" in name and not name.startswith("LicenseRef-")}
    assert len(listed) == 23
    for name in listed | NEWER_THAN_THE_BUNDLED_INDEX:
        assert CLASSES[name]["use"] == "noncommercial", name


def test_every_creative_commons_licence_is_classed_by_its_name():
    for name in INDEX:
        if name.startswith("CC-BY"):
            parts = name.split("-")
            facts = CLASSES[name]
            assert facts["use"] == ("noncommercial" if "NC" in parts else "commercial"), name
            assert facts["shareAlike"] is ("SA" in parts), name
            assert facts["attribution"] is True, name
            assert ("adapted material" in facts.get("condition", "")) is ("ND" in parts), name


def test_the_table_is_larger_than_the_one_it_grew_from():
    assert len(CLASSES) > 200


def test_classes_use_the_words_of_the_formats():
    for name, facts in CLASSES.items():
        assert facts["use"] in {"commercial", "noncommercial", "academic", "unspecified"}, name
        assert isinstance(facts["attribution"], bool), name
        assert isinstance(facts["shareAlike"], bool), name
        assert facts.get("training", "permitted") in {"permitted", "prohibited"}, name
        assert set(facts) <= {"label", "use", "attribution", "shareAlike", "training", "condition"}, name
        assert (facts["use"] != "unspecified") or facts["condition"], name


# the answers


@pytest.mark.parametrize(
    ("expression", "use", "answer", "reason"),
    [
        ("MIT", "commercial", True, "MIT permits commercial use"),
        ("mit", "commercial", True, "MIT permits commercial use"),
        ("CC-BY-NC-4.0", "commercial", False, "CC-BY-NC-4.0 permits noncommercial use only"),
        ("cc-by-nc-4.0", "commercial", False, "CC-BY-NC-4.0 permits noncommercial use only"),
        ("CC-BY-NC-4.0", "noncommercial", True, "CC-BY-NC-4.0 permits noncommercial use"),
        ("MIT OR CC-BY-NC-4.0", "commercial", True, "MIT permits commercial use"),
        ("MIT AND CC-BY-NC-4.0", "commercial", False, "CC-BY-NC-4.0 permits noncommercial use only"),
        ("MIT AND (CC-BY-NC-4.0 OR Apache-2.0)", "commercial", True, "Apache-2.0 permits commercial use"),
        ("MIT OR Nobody-1.0", "commercial", True, "MIT permits commercial use"),
        ("MIT AND Nobody-1.0", "commercial", None, "what Nobody-1.0 permits cannot be told"),
        ("CC-BY-NC-4.0 OR Nobody-1.0", "commercial", None, "what Nobody-1.0 permits cannot be told"),
        ("CC-BY-NC-4.0 AND Nobody-1.0", "commercial", False, "CC-BY-NC-4.0 permits noncommercial use only"),
        ("Nobody-1.0", "noncommercial", None, "what Nobody-1.0 permits cannot be told"),
        ("NOASSERTION", "commercial", None, "cannot be told"),
        ("NONE", "commercial", None, "cannot be told"),
        ("BUSL-1.1", "commercial", None, "additional use grant"),
        ("LicenseRef-scancode-llama-2-license-2023", "commercial", True, "700 million"),
        ("GPL-2.0+", "commercial", True, "GPL-2.0-or-later permits commercial use"),
        ("Apache-2.0+", "commercial", True, "Apache-2.0 permits commercial use"),
        ("CC-BY-NC-4.0+", "commercial", False, "CC-BY-NC-4.0 permits noncommercial use only"),
    ],
)
def test_permits(expression, use, answer, reason):
    got, why = permits(expression, use=use)
    assert got is answer
    assert reason in why


@pytest.mark.parametrize("exception", ["LLVM-exception", "Classpath-exception-2.0", "Nobody-exception"])
def test_an_exception_never_widens_a_non_commercial_licence(exception):
    answer, why = permits(f"CC-BY-NC-4.0 WITH {exception}", use="commercial")
    assert answer is False
    assert why == f"CC-BY-NC-4.0 WITH {exception} permits noncommercial use only"


def test_an_exception_of_the_list_leaves_a_licence_as_it_is_and_another_may_restrict_it():
    assert permits("Apache-2.0 WITH LLVM-exception", use="commercial")[0] is True
    assert permits("MIT WITH Commons-Clause", use="commercial")[0] is None
    assert permits("MIT WITH AdditionRef-no-sale", use="commercial")[0] is None


def test_a_denied_id_makes_a_branch_that_cannot_be_chosen():
    assert permits("MIT OR Apache-2.0", use="commercial", deny=["MIT"]) == (
        True,
        "Apache-2.0 permits commercial use",
    )
    assert permits("MIT AND Apache-2.0", use="commercial", deny=["MIT"])[0] is False
    assert permits("(MIT AND Apache-2.0) OR CC-BY-NC-4.0", use="commercial", deny=["Apache-2.0"])[0] is False
    assert permits("(MIT AND ISC) OR Zlib", use="commercial", deny=["ISC"])[0] is True
    assert permits("MIT OR Nobody-1.0", use="commercial", deny=["MIT"])[0] is None


@pytest.mark.parametrize(
    ("expression", "denied"),
    [
        ("gpl-3.0-only", "GPL-3.0-only"),
        ("GPL-3.0", "GPL-3.0-only"),  # the deprecated spelling of the same licence
        ("GPL-3.0-only", "GPL-3.0"),
        ("GPL-3.0+", "GPL-3.0-or-later"),
        ("GPL-3.0-only WITH GCC-exception-3.1", "GPL-3.0-only"),
        ("LicenseRef-Acme", "LicenseRef-Acme"),
        ("Nobody-1.0", "nobody-1.0"),
    ],
)
def test_another_spelling_does_not_slip_past_a_denial(expression, denied):
    answer, why = permits(expression, use="noncommercial", deny=[denied])
    assert answer is False
    assert "is denied" in why


def test_a_denial_of_everything_denies_even_what_is_not_known():
    assert permits("Nobody-1.0 OR MIT", use="academic", deny=["MIT", "Nobody-1.0"])[0] is False


@pytest.mark.parametrize(
    ("expression", "declared", "answer"),
    [
        ("LicenseRef-Acme", None, None),
        ("LicenseRef-Acme", "commercial", True),
        ("LicenseRef-Acme", "noncommercial", False),
        ("LicenseRef-Acme", "academic", False),
        ("LicenseRef-Acme", "unspecified", None),
        ("LicenseRef-Acme", "unknown", None),
        ("LicenseRef-Acme", "a word of the future", None),
        ("DocumentRef-x:LicenseRef-Acme", "commercial", True),
        ("MIT", "noncommercial", False),  # narrowing counts
        ("MIT", "unknown", True),
        ("CC-BY-NC-4.0", "commercial", False),  # widening does not
        ("BUSL-1.1", "commercial", None),
        ("Nobody-1.0", "commercial", None),  # only a LicenseRef- goes by what is declared
        ("MIT AND LicenseRef-Acme", "commercial", True),
        ("CC-BY-NC-4.0 AND LicenseRef-Acme", "commercial", False),
    ],
)
def test_a_declared_class_narrows_the_table_and_stands_for_references_alone(expression, declared, answer):
    assert permits(expression, use="commercial", declared=declared)[0] is answer


@pytest.mark.parametrize(
    "name", ["LicenseRef-MIT", "LicenseRef-MIT-Discord", "LicenseRef-Apache-2.0", "Expat"]
)
def test_a_name_that_only_looks_like_a_licence_is_not_that_licence(name):
    assert permits(name, use="commercial")[0] is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", "commercial"),
        ("CC-BY-NC-SA-4.0", "noncommercial"),
        ("MIT OR CC-BY-NC-4.0", "commercial"),
        ("MIT AND CC-BY-NC-4.0", "noncommercial"),
        ("Nobody-1.0", "unknown"),
        ("MIT AND Nobody-1.0", "unknown"),
        ("MIT OR Nobody-1.0", "commercial"),
        ("BUSL-1.1", "unknown"),
    ],
)
def test_use_class(expression, expected):
    assert use_class(expression) == expected


def test_use_class_goes_by_the_declaration_where_it_may():
    assert use_class("LicenseRef-Acme", "academic") == "academic"
    assert use_class("MIT", "academic") == "academic"
    assert use_class("CC-BY-NC-4.0", "commercial") == "noncommercial"


@pytest.mark.parametrize(
    ("expression", "attribution", "share_alike"),
    [
        ("CC0-1.0", False, False),
        ("CC-BY-4.0", True, False),
        ("CC-BY-SA-4.0", True, True),
        ("CC0-1.0 AND CC-BY-SA-4.0", True, True),
        ("CC0-1.0 OR CC-BY-SA-4.0", False, False),
        ("Nobody-1.0", None, None),
        ("Nobody-1.0 AND CC-BY-SA-4.0", True, True),
        ("Nobody-1.0 OR CC0-1.0", False, False),
    ],
)
def test_demands(expression, attribution, share_alike):
    assert demands(expression, "attribution") is attribution
    assert demands(expression, "shareAlike") is share_alike


def test_a_declared_demand_stands_for_references():
    assert demands("LicenseRef-Acme", "shareAlike", declared=True) is True
    assert demands("MIT", "shareAlike", declared=True) is False


def test_unknown_ids():
    assert unknown_ids("MIT AND Nobody-1.0 AND LicenseRef-Acme AND GPL-2.0") == ["Nobody-1.0"]
    assert unknown_ids("MIT WITH Nobody-exception") == ["Nobody-exception"]
    assert unknown_ids("MIT WITH LLVM-exception") == []


# what is no expression


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "an id is missing"),
        ("  ", "an id is missing"),
        ("MIT AND", "an id is missing"),
        ("AND MIT", "misplaced 'AND'"),
        ("MIT Apache-2.0", "misplaced 'Apache-2.0'"),
        ("NOT MIT", "misplaced 'MIT'"),
        ("()", "misplaced ')'"),
        ("(MIT", "a ')' is missing"),
        ("MIT)", "unbalanced ')'"),
        ("MIT/Apache-2.0", "is no id"),
        ("MIT, Apache-2.0", "is no id"),
        ("MIT\u202eOR", "is no id"),
        ("été", "is no id"),
        ("a:b:c", "is no id"),
        ("A WITH B WITH C", "a WITH that joins no licence"),
        ("MIT WITH (LLVM-exception)", "a WITH that joins no licence"),
        ("(" * (MAX_DEPTH + 1) + "MIT" + ")" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} '('"),
        ("(" * 2000, f"more than {MAX_DEPTH} '('"),
    ],
)
def test_what_is_no_expression_is_a_format_error(expression, why):
    for ask in (parse, use_class, unknown_ids):
        with pytest.raises(FormatError) as caught:
            ask(expression)
        assert why in caught.value.what


def test_an_expression_beyond_the_limit_is_refused_before_it_is_parsed():
    with pytest.raises(FormatError, match=f"4097 bytes is above the limit of {MAX_LENGTH}"):
        parse("x" * 4097)
    with pytest.raises(FormatError, match="above the limit"):
        parse("é" * 3000)
    assert parse("x" * 4096)


@pytest.mark.parametrize("joint", [" or ", " and ", " and b or ", " or b and ", " with b or "])
def test_the_longest_expressions_are_answered(joint):
    expression = joint.join(["a"] * ((MAX_LENGTH - 8) // (len(joint) + 1)))
    if "with" in joint:
        expression += " with b"
    assert permits(expression, use="commercial")[0] is None


IDS = st.sampled_from(["MIT", "CC-BY-NC-4.0", "Nobody-1.0", "GPL-2.0+", "LicenseRef-A", "BUSL-1.1"])
TREES = st.recursive(
    IDS,
    lambda inner: st.builds(
        lambda operator, parts: f"({f' {operator} '.join(parts)})",
        st.sampled_from(["AND", "OR"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=12,
)


@given(TREES)
def test_an_expression_reads_back_what_it_prints(expression):
    tree = parse(expression)
    assert parse(str(tree)) == tree
    assert use_class(str(tree)) == use_class(expression)


@given(TREES, IDS)
def test_and_never_widens_or_never_narrows(expression, other):
    order = {False: 0, None: 1, True: 2}
    alone = order[permits(expression, use="commercial")[0]]
    assert order[permits(f"({expression}) AND {other}", use="commercial")[0]] <= alone
    assert order[permits(f"({expression}) OR {other}", use="commercial")[0]] >= alone


@given(TREES, st.sets(IDS), st.sampled_from([None, "commercial", "noncommercial", "unspecified"]))
def test_denying_more_never_permits_more(expression, deny, declared):
    order = {False: 0, None: 1, True: 2}
    free, _ = permits(expression, use="commercial", declared=declared)
    bound, why = permits(expression, use="commercial", deny=deny, declared=declared)
    assert order[bound] <= order[free]
    assert why


@given(st.text(alphabet="aM()+.-: \nORANDWITH\x00é", max_size=200))
def test_hostile_text_is_answered_or_refused(text):
    with contextlib.suppress(FormatError):
        assert permits(text, use="commercial")[0] in (True, False, None)


def test_importing_the_module_does_not_load_the_parser():
    code = "import sys, attest.license; print('license_expression' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]

"""Orders and the certificates that answer them: what passes, what is refused, what stays open."""

from __future__ import annotations

from typing import Any

import pytest
from test_closure import DECLARATION, HOLD
from world import DEFAULT_ROLES, REGISTER, World, codes, descriptor, make_trust

from attest.manifest import Manifest
from attest.resource import Artifact
from attest.verdict import Outcome, Result

RULE = f"orders-answered: {{register: {REGISTER}, maxAge: 7 days}}"
STRICT = RULE.replace("}", ", allow: []}")
LENIENT = RULE.replace("}", ", allow: [retention, late]}")
TERMS = {
    "deadlines": [{"due": "2026-11-19T23:59:59Z"}],
    "permittedExceptions": [{"kind": "legal-retention"}],
}
DONE = {"disposition": "destroyed", "method": "erased", "finished": "2026-11-18T00:00:00Z"}


class Case:
    """A model of faces and songs, an order about the faces, and a model that was made without them."""

    def __init__(self) -> None:
        self.world = World(make_trust({**DEFAULT_ROLES, "officer": [{"principal": "desk"}]}))
        world = self.world
        self.faces, self.songs = world.dataset("faces"), world.dataset("songs")
        self.old, self.adapter, self.new = (world.file(name) for name in ("old", "adapter", "new"))
        world.step("train", [(self.faces, "dataset"), (self.songs, "dataset")], [self.old])
        inputs = [(self.old, "base-model"), (self.songs, "dataset")]
        world.step("finetune", inputs, [self.adapter], method="lora")
        self.order = world.order(self.faces, **TERMS)
        self.digest = self.order.statement_digest
        entry = {"artifact": str(self.old), "order": f"sha256:{self.digest}"}
        world.step("train", [(self.songs, "dataset")], [self.new], replaces=[entry])
        self.items: dict[str, dict[str, Any]] = {
            name: {"artifact": descriptor(getattr(self, name), name), **DONE}
            for name in ("faces", "old", "adapter")
        }

    def register(self, status: str = "active") -> None:
        self.world.register(self.world.listed(self.order, status))

    def certify(self, by: str = "desk", **more: Any):
        predicate = {
            "items": list(self.items.values()),
            "declaration": DECLARATION,
            "ceasedAt": "2026-11-12T00:00:00Z",
            **more,
        }
        subject = {"name": "order", "digest": {"sha256": self.digest}}
        return self.world.sign("deletion-certificate", [subject], predicate, by)

    def judged(self, model: Artifact, rule: str = RULE, **more: Any) -> tuple[Outcome, set[str]]:
        policy = f"policy: one\nversion: 1\nrules: [{{{rule}}}]"
        judgement = self.world.judge(model, policy, **more)
        return judgement.judged[0].outcome, {each.partition("/")[2] for each in codes(judgement)}

    def said(self, model: Artifact, rule: str = RULE) -> tuple[Result, set[str]]:
        outcome, found = self.judged(model, rule)
        return outcome.result, found


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.mark.parametrize("name", ["faces", "old", "adapter", "new"])
def test_a_complete_certificate_answers_for_everything_the_order_concerns(case, name):
    """What it names, what it reaches, and what was made anew because of it."""
    case.register()
    case.certify()
    outcome, found = case.judged(getattr(case, name))
    assert (outcome.result, found, outcome.examined) == (Result.PASS, set(), 1)


@pytest.mark.parametrize("name", ["old", "new"])
def test_no_certificate_leaves_it_open(case, name):
    case.register()
    assert case.said(getattr(case, name)) == (Result.UNKNOWN, {"answer-missing"})


def test_a_certificate_that_leaves_something_out_is_refused_with_its_digest(case):
    case.register()
    del case.items["adapter"]
    case.certify()
    outcome, found = case.judged(case.new)
    assert (outcome.result, found) == (Result.FAIL, {"answer-incomplete"})
    (finding,) = outcome.findings
    assert (finding.subject, finding.actual) == (str(case.adapter), "item-missing")
    assert case.digest in finding.evidence
    assert "C-" in finding.summary


def test_the_path_shows_how_what_was_left_out_got_into_the_model(case):
    case.register()
    del case.items["faces"]
    case.certify()
    (finding,) = case.judged(case.adapter)[0].findings
    assert finding.path == ("adapter", "finetune", "train", "faces")


def test_a_certificate_without_a_declaration_is_incomplete(case):
    case.register()
    bundle = case.certify(declaration={"text": "I declare"})
    (finding,) = case.judged(case.new)[0].findings
    assert (finding.code, finding.actual) == ("answer-incomplete", "declaration-missing")
    assert finding.subject == f"sha256:{bundle.statement_digest}"


def test_late_is_refused_unless_it_is_allowed(case):
    case.register()
    case.items["old"]["finished"] = "2026-11-20T00:00:00Z"
    case.certify()
    assert case.said(case.new) == (Result.FAIL, {"answer-late"})
    assert case.said(case.new, LENIENT) == (Result.PASS, set())


def test_what_stays_as_the_order_permits_is_allowed_unless_it_is_not(case):
    case.register()
    item = {"artifact": descriptor(case.old, "old"), "disposition": "retained", "retention": HOLD}
    case.items["old"] = item
    case.certify()
    assert case.said(case.new) == (Result.PASS, set())
    assert case.said(case.new, STRICT) == (Result.FAIL, {"answer-retains"})


def test_only_an_officer_of_the_trust_file_certifies(case):
    case.register()
    bundle = case.certify(by="ci")
    outcome, found = case.judged(case.new)
    assert (outcome.result, found) == (Result.UNKNOWN, {"answer-missing"})
    assert "officer" in outcome.findings[0].summary
    assert bundle.statement_digest in outcome.findings[0].evidence


def test_a_withdrawn_certificate_answers_nothing(case):
    case.register()
    case.world.withdraw(case.certify().statement_digest, by="desk")
    assert case.said(case.new) == (Result.UNKNOWN, {"answer-missing"})


def test_a_certificate_for_another_order_answers_nothing(case):
    case.register()
    case.digest = case.world.order(case.world.dataset("elsewhere")).statement_digest
    case.certify()
    assert case.said(case.new) == (Result.UNKNOWN, {"answer-missing"})


def test_the_certificate_that_supersedes_counts_and_of_two_that_do_not_each_does(case):
    case.register()
    adapter = case.items.pop("adapter")
    interim = case.certify()
    case.items["adapter"] = adapter
    final = case.certify(supersedes=interim.statement_digest)
    assert case.said(case.new) == (Result.PASS, set())
    case.world.withdraw(final.statement_digest, by="desk")
    case.certify(note="says nothing of the interim one")
    assert case.said(case.new) == (Result.FAIL, {"answer-incomplete"})


def test_a_stranger_to_the_office_supersedes_nothing(case):
    case.register()
    del case.items["adapter"]
    first = case.certify()
    case.certify(by="ci", supersedes=first.statement_digest)
    assert case.said(case.new) == (Result.FAIL, {"answer-incomplete"})


def test_something_unexplained_is_open_and_not_refused(case):
    world = case.world
    odd = world.file("odd")
    world.step("train", [(world.file("nobody knows"), "dataset")], [odd])
    case.register()
    case.certify()
    assert case.said(case.new) == (Result.UNKNOWN, {"answer-open"})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", Result.UNKNOWN),
        ("satisfied", Result.UNKNOWN),
        ("suspended", Result.NOT_APPLICABLE),
        ("vacated", Result.NOT_APPLICABLE),
    ],
)
def test_orders_that_are_lifted_need_no_answer(case, status, expected):
    case.register(status)
    assert case.judged(case.old)[0].result is expected


def test_no_order_that_reaches_it_over_a_complete_lineage_does_not_apply(case):
    case.register()
    other = case.world.file("other")
    case.world.step("train", [(case.songs, "dataset")], [other])
    outcome, found = case.judged(other)
    assert (outcome.result, found) == (Result.NOT_APPLICABLE, set())


def test_a_gap_hides_what_an_order_could_reach(case):
    case.register()
    other = case.world.file("other")
    case.world.step("train", [(case.world.file("nobody knows"), "dataset")], [other])
    assert case.said(other) == (Result.UNKNOWN, {"lineage-hidden"})


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("orders-answered: {}", "orders-unproven"),
        (RULE.replace(REGISTER, "https://nobody.example"), "register-missing"),
        (RULE.replace("7 days", "30 minutes"), "register-stale"),
    ],
)
def test_which_orders_there_are_is_only_shown_by_a_fresh_register(case, rule, code):
    case.register()
    case.certify()
    assert case.said(case.new, rule) == (Result.UNKNOWN, {code})
    other = case.world.file("other")
    case.world.step("train", [(case.songs, "dataset")], [other])
    assert case.said(other, rule) == (Result.UNKNOWN, {code})


def test_the_register_may_have_to_be_independent(case):
    case.world.trust = make_trust(
        {
            **DEFAULT_ROLES,
            "officer": [{"principal": "desk"}],
            "keeper": [{"principal": "ci", "register": REGISTER}],
        }
    )
    case.world.register(case.world.listed(case.order), by="ci")
    case.certify()
    assert case.said(case.new) == (Result.PASS, set())
    rule = RULE.replace("}", ", independent: true}")
    assert case.said(case.new, rule) == (Result.UNKNOWN, {"register-self-kept"})


def test_an_order_that_a_step_acts_on_has_to_be_in_hand(case):
    case.register()
    other = case.world.file("other")
    entry = {"artifact": str(case.old), "order": "9" * 64}
    case.world.step("train", [(case.songs, "dataset")], [other], replaces=[entry, "no entry", {"order": 3}])
    assert case.said(other) == (Result.UNKNOWN, {"answered-order-missing"})


def test_a_step_that_took_records_out_asks_for_the_certificate(case):
    world = case.world
    tapes = world.dataset("tapes")
    records = {"records": [{"dataset": descriptor(tapes, "tapes"), "space": "subject", "keys": ["1" * 64]}]}
    order = world.order(targets=records)
    clean, model = world.file("clean"), world.file("model")
    world.step("transform", [(tapes, "dataset")], [clean], order=order.statement_digest)
    world.step("train", [(clean, "dataset")], [model])
    world.register(world.listed(order))
    assert case.said(model) == (Result.UNKNOWN, {"answer-missing"})
    case.digest = order.statement_digest
    case.items = {
        "tapes": {
            "artifact": descriptor(tapes, "tapes"),
            "disposition": "records-removed",
            "method": "attest records remove",
            "finished": "2026-11-18T00:00:00Z",
        }
    }
    case.certify()
    assert case.said(model) == (Result.UNKNOWN, {"answer-open"})  # the proofs are missing: test_absence.py


def test_an_order_only_a_register_tells_of_may_name_anything(case):
    entry = {"kind": "order", "statement": {"sha256": "9" * 64}, "status": "active"}
    case.world.register(entry, case.world.listed(case.order))
    case.certify()
    assert case.said(case.new) == (Result.UNKNOWN, {"answer-open", "answer-missing"})


def test_a_file_inside_a_directory_of_which_only_the_list_is_in_hand(case):
    world = case.world
    manifest = Manifest.of([("a" * 64, "one.txt"), ("b" * 64, "two.txt")])
    tree = Artifact(manifest.digest, tree=True)
    model = world.file("model")
    world.describe(tree, "tree")
    world.step("train", [(tree, "dataset")], [model])
    order = world.order(Artifact("a" * 64))
    world.register(world.listed(order))
    world.manifests[manifest.digest] = manifest.data
    assert "answer-open" in case.judged(model)[1]


def test_leaving_out_a_statement_never_makes_an_incomplete_answer_complete():
    """But for the one step that shows what was left out: nobody can miss what nobody shows."""
    case = Case()
    case.register()
    del case.items["adapter"]
    case.certify()
    bundles = case.world.bundles
    shows = next(
        each for each in bundles if [case.adapter] == [item.artifact for item in each.statement().subjects]
    )
    for out in bundles:
        rest = [each for each in bundles if each is not out]
        for model in (case.old, case.new):
            outcome, _ = case.judged(model, lines=rest)
            assert outcome.result in (Result.FAIL, Result.UNKNOWN) or out is shows


def test_leaving_out_the_answer_or_the_order_leaves_it_open():
    case = Case()
    case.register()
    certificate = case.certify()
    for out in (case.order, certificate, case.world.registers[-1][1]):
        rest = [each for each in case.world.bundles if each is not out]
        for model in (case.old, case.new):
            assert case.judged(model, lines=rest)[0].result is Result.UNKNOWN

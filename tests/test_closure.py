"""A certificate held against what its order reaches: each way to fall short, and its reason."""

from __future__ import annotations

import json

import pytest
from test_impact import order, trained
from world import DEFAULT_ROLES, NOW, World, descriptor, make_trust, write_world

from attest.bundle import write_lines
from attest.cli import main
from attest.closure import Closure, Outcome
from attest.impact import Impact, snapshot_digest
from attest.matching import Delivery
from attest.resource import Artifact
from attest.review import review
from attest.toll import impact_report

NOTHING = Delivery("nothing", Artifact("0" * 64), 0, {})
DECLARATION = {
    "text": "I declare under penalty of perjury that the foregoing is true and correct.",
    "signatory": "Jane Doe",
    "title": "Chief Executive",
    "executedOn": "2026-11-20T00:00:00Z",
}
TERMS = {
    "deadlines": [{"due": "2026-11-19T23:59:59Z"}],
    "permittedExceptions": [{"kind": "legal-retention"}],
    "thirdParties": {"identify": "yes", "instruct": "yes", "confirm": "yes"},
}
HOLD = {"obligation": "litigation hold 1:26-cv-1", "followUp": "2027-07-30T00:00:00Z"}


class Case:
    """A vendor's world after an order: a dataset, a model, an adapter sent out, a backup, a new model."""

    def __init__(self):
        self.world = World(make_trust({**DEFAULT_ROLES, "officer": [{"principal": "desk"}]}))
        world = self.world
        self.faces, self.songs = world.dataset("faces"), world.dataset("songs")
        self.model = trained(world, "model", self.faces, self.songs)
        self.adapter, self.backup = world.file("adapter"), world.file("backup")
        inputs = [(self.model, "base-model"), (self.songs, "dataset")]
        world.step("finetune", inputs, [self.adapter], method="lora")
        world.step("convert", [(self.model, "base-model")], [self.backup], format="backup")
        self.new = trained(world, "new", self.songs)
        sent = {"recipient": {"legalName": "Buyer Ltd"}}
        world.sign("distribution", [descriptor(self.adapter, "adapter")], sent, "ci")
        self.order = order(world, self.faces, **TERMS)
        done = {"disposition": "destroyed", "method": "erased", "finished": "2026-11-18T00:00:00Z"}
        self.items = {
            name: {"artifact": descriptor(getattr(self, name), name), **done}
            for name in ("faces", "model", "adapter", "backup")
        }
        self.recipients = [
            {
                "legalName": "BUYER LTD",
                "instructedAt": "2026-11-15T00:00:00Z",
                "confirmedAt": "2026-11-16T00:00:00Z",
            }
        ]
        self.more = {"declaration": DECLARATION, "ceasedAt": "2026-11-12T00:00:00Z"}

    def certify(self, by="desk", about=None):
        predicate = {"items": list(self.items.values()), "recipients": self.recipients, **self.more}
        subject = {"name": "order", "digest": {"sha256": about or self.order.statement_digest}}
        return self.world.sign("deletion-certificate", [subject], predicate, by)

    def check(self, by="desk"):
        bundle = self.certify(by)
        reviewed = review(NOTHING, self.world.lines, self.world.trust, NOW)
        impact = Impact(reviewed.graph, reviewed.orders[self.order.statement_digest])
        report = impact_report(impact, reviewed.orders, "")
        return Closure(reviewed.graph.by_digest[bundle.statement_digest], impact, report)

    def codes(self, by="desk"):
        closure = self.check(by)
        return closure.outcome, {gap.code: gap.subject for gap in closure.gaps}


@pytest.fixture
def case():
    return Case()


def test_everything_accounted_for_in_time_is_complete(case):
    assert case.codes() == (Outcome.COMPLETE, {})


@pytest.mark.parametrize("name", ["faces", "model", "adapter", "backup"])
def test_what_is_left_out_is_named_by_its_digest(case, name):
    del case.items[name]
    assert case.codes() == (Outcome.INCOMPLETE, {"item-missing": str(getattr(case, name))})


def test_what_stays_under_a_named_obligation(case):
    item = {"artifact": case.items["backup"]["artifact"], "disposition": "retained"}
    case.items["backup"] = {**item, "retention": HOLD}
    assert case.codes() == (Outcome.COMPLETE_WITH_RETENTION, {"retained": str(case.backup)})
    case.items["backup"] = {**item, "retention": {"obligation": "some reason"}}
    assert case.codes()[0] is Outcome.INCOMPLETE
    case.items["backup"] = {**item, "disposition": "infeasible"}
    assert {"exception-not-permitted", "infeasibility-unfounded"} <= case.codes()[1].keys()


def test_a_day_late_is_late(case):
    case.items["model"]["finished"] = "2026-11-20T00:00:00Z"
    assert case.codes() == (Outcome.LATE, {"late": str(case.model)})


def test_a_replacement_has_to_be_clear_of_the_order(case):
    case.items["model"] |= {"disposition": "retrained-replaced", "replacedBy": descriptor(case.new, "new")}
    assert case.codes() == (Outcome.COMPLETE, {})
    case.items["model"]["replacedBy"] = descriptor(case.adapter, "adapter")
    assert case.codes()[1] == {"replacement-affected": str(case.model)}
    case.items["model"]["replacedBy"] = {"digest": {"sha256": "9" * 64}}
    assert case.codes()[1] == {"replacement-affected": str(case.model)}
    del case.items["model"]["replacedBy"]
    assert case.codes()[1] == {"replacement-missing": str(case.model)}


def test_records_have_to_be_taken_out_by_a_believed_step(case):
    case.items["faces"]["disposition"] = "records-removed"
    assert case.codes()[1] == {"removal-unproven": str(case.faces)}


def test_recipients_are_instructed_and_confirm(case):
    del case.recipients[0]["confirmedAt"]
    assert case.codes()[1] == {"confirmation-missing": "Buyer Ltd"}
    del case.recipients[0]["instructedAt"]
    assert "instruction-missing" in case.codes()[1]
    case.recipients = []
    assert case.codes()[1] == {"recipient-missing": "Buyer Ltd"}


def test_only_the_officer_whom_trust_names(case):
    outcome, codes = case.codes(by="ci")
    assert (outcome, set(codes)) == (Outcome.INCOMPLETE, {"certificate-untrusted"})


def test_a_declaration_and_an_end_of_use_are_needed(case):
    case.more = {"declaration": {"text": "I declare"}}
    assert set(case.codes()[1]) == {"declaration-missing", "cessation-missing"}


def test_an_item_that_is_not_affected_is_told_and_harms_nothing(case):
    item = {**case.items["model"], "artifact": descriptor(case.songs, "songs")}
    case.items["songs"] = item
    assert case.codes() == (Outcome.COMPLETE, {"item-not-affected": str(case.songs)})


def test_a_statement_the_vendor_did_not_show_reopens_the_order(case):
    assert case.codes()[0] is Outcome.COMPLETE
    late = trained(case.world, "late", case.faces)
    assert case.codes() == (Outcome.INCOMPLETE, {"item-missing": str(late)})


def test_what_may_be_affected_has_to_be_explained(case):
    mystery = case.world.file("mystery")
    odd = trained(case.world, "odd", mystery)
    outcome, _ = case.codes()
    subjects = {gap.subject for gap in case.check().gaps if gap.code == "unexplained"}
    assert (outcome, subjects) == (Outcome.INCOMPLETE, {str(mystery), str(odd)})


@pytest.fixture
def foldered(case):
    """The same, and a model in a folder, with its weights."""
    case.tree = case.world.tree("folder", "model.safetensors", "config.json")
    case.world.step("train", [(case.faces, "dataset")], [case.tree])
    case.weights = Artifact(case.tree.digests["model.safetensors"])
    done = {key: value for key, value in case.items["model"].items() if key != "artifact"}
    case.of = lambda artifact, name: {"artifact": descriptor(artifact, name), **done}
    return case


def test_a_folder_answers_for_its_weights_and_they_not_for_the_folder(foldered):
    case = foldered
    case.items["folder"] = case.of(case.tree.artifact, "folder/")
    assert case.codes() == (Outcome.COMPLETE, {})
    del case.items["folder"]
    case.items["weights"] = case.of(case.weights, "weights")
    assert case.codes() == (Outcome.INCOMPLETE, {"item-missing": str(case.tree.artifact)})


def test_every_folder_that_shares_the_weights_answers_for_itself(foldered):
    case = foldered
    again = case.world.tree("again", "README.md")
    again.files["model.safetensors"] = case.tree.files["model.safetensors"]
    case.world.step("convert", [(case.songs, "dataset")], [again])
    case.items["folder"] = case.of(case.tree.artifact, "folder/")
    assert case.codes() == (Outcome.INCOMPLETE, {"item-missing": str(again.artifact)})
    case.items["again"] = case.of(again.artifact, "again/")
    assert case.codes() == (Outcome.COMPLETE, {})


def test_weights_that_were_also_made_by_themselves_are_an_item_of_their_own(foldered):
    case = foldered
    case.world.step("convert", [(case.tree.artifact, "base-model")], [case.weights])
    case.items["folder"] = case.of(case.tree.artifact, "folder/")
    assert case.codes() == (Outcome.INCOMPLETE, {"item-missing": str(case.weights)})
    case.items["weights"] = case.of(case.weights, "weights")
    assert case.codes() == (Outcome.COMPLETE, {})


COUNTS = {
    "process": "a letter to every account, and an answer page",
    "noticed": 100,
    "consented": 40,
    "declined": 10,
    "noResponse": 50,
    "deletionRequested": 12,
    "questions": 3,
}


def asking(case, word):
    """The same, with an order that asks how consent was asked for."""
    case.order = order(case.world, case.faces, **TERMS, reporting={"recipient": "FTC", "consent": word})
    return case


@pytest.mark.parametrize("word", ["yes", "a word nobody knows", "unknown"])
def test_an_order_may_ask_how_consent_was_asked_for(case, word):
    asking(case, word)
    case.more |= {"consent": COUNTS}
    assert "consent-missing" not in case.codes()[1]
    for name in COUNTS:
        case.more["consent"] = {each: value for each, value in COUNTS.items() if each != name}
        outcome, codes = case.codes()
        assert (outcome, codes["consent-missing"]) == (Outcome.INCOMPLETE, "consent")
    del case.more["consent"]
    assert "consent-missing" in case.codes()[1]


def test_an_order_that_does_not_ask_needs_no_counts_and_counts_add_up(case):
    asking(case, "no")
    assert case.codes() == (Outcome.COMPLETE, {})
    case.more["consent"] = {**COUNTS, "noticed": 99}
    assert case.codes() == (Outcome.INCOMPLETE, {"consent-counts": "consent"})


def test_the_snapshot_is_that_of_the_statements_without_the_certificate(case):
    reviewed = review(NOTHING, case.world.lines, case.world.trust, NOW)
    case.more["snapshot"] = snapshot_digest(reviewed.graph)
    assert case.check().same_snapshot


def test_the_command(case, tmp_path, capsys):
    tree = case.world.tree("release", "model.safetensors")
    files = write_world(case.world, tree, tmp_path)
    certificate = case.certify()
    write_lines(tmp_path / "certificate.jsonl", [certificate])
    case.certify(about="f" * 64)
    write_lines(tmp_path / "other.jsonl", [case.world.bundles[-1]])

    def run(file, code):
        words = ["verify-deletion", file, "--order", case.order.statement_digest[:16], "-b", files["bundle"]]
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in [*words, "-t", files["trust"], "--json"]])
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        return json.loads(out) if code in (0, 1, 3) else err

    said = run(tmp_path / "certificate.jsonl", 0)
    assert (said["outcome"], said["findings"]) == ("COMPLETE", [])
    assert said["notProven"][0].startswith("That bytes are gone")
    assert "is a certificate for another order" in run(tmp_path / "other.jsonl", 2)
    assert "holds no deletion certificate" in run(files["bundle"], 2)
    case.world.bundles = [certificate]
    del case.items["adapter"]
    write_lines(tmp_path / "less.jsonl", [case.certify()])
    said = run(tmp_path / "less.jsonl", 3)
    assert [(each["code"], each["subject"]) for each in said["findings"]] == [
        ("item-missing", str(case.adapter))
    ]

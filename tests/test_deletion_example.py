"""The example of a deletion order runs, end to end, with the outcomes its page tells of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from workshop import run_example

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "deletion-order" / "deletion.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, str]:
    pytest.importorskip("safetensors", reason="the example extra is not installed: pip install '.[example]'")
    root = tmp_path_factory.mktemp("deletion") / "out"
    return root, run_example(EXAMPLE, root)


def printed(run, command: str) -> list[str]:
    """What each run of a command printed."""
    parts = re.split(r"^[a-z]+\$ ", run[1], flags=re.MULTILINE)
    return [part.partition("\n")[2].strip() for part in parts if re.match(command, part)]


def test_the_order_reaches_eight_artifacts_one_customer_and_none_of_forty_models(run):
    assert "8 artifacts are affected, 40 models are not" in run[1]
    said = printed(run, r"attest impact C-9001\n")[0]
    assert "RECIPIENTS\n  adapter/: Harbour Access Ltd" in said


def test_the_plan_leaves_the_photos_out(run):
    (plan,) = printed(run, r"attest impact C-9001 --plan")
    assert re.search(r"photos/.*LEAVE OUT", plan)
    assert "attest run --replaces sha256:" in plan


def test_a_list_without_the_adapter_is_not_signed(run):
    refused, interim, whole = printed(run, r"attest certify C-9001 --declaration")
    assert refused.startswith("INCOMPLETE  not signed")
    assert interim.startswith("INCOMPLETE  sha256:")
    assert whole.startswith("COMPLETE_WITH_RETENTION  sha256:")


def test_the_check_names_what_is_missing_by_its_digest(run):
    whole, _, less, _, later, _ = printed(run, r"attest verify-deletion")
    adapter = re.search(r'artifact: ("sha256:\w+/")\n    name: "adapter/"', items(run))[1].strip('"')
    assert whole.startswith("COMPLETE_WITH_RETENTION  8 affected")
    assert adapter not in whole
    assert less.startswith("INCOMPLETE")
    assert f"item-missing  {adapter}" in less
    assert later.startswith("INCOMPLETE  9 affected")
    assert re.search(r"item-missing  sha256:\w+/\s+edge/", later)


def items(run) -> str:
    return (run[0] / "vendor" / "certificate" / "items.yaml").read_text()


def test_the_buyer_refuses_what_descends_from_the_photos_and_accepts_the_retrained_model(run):
    before, old, new, edge = printed(run, r"attest verify old|attest verify new|attest verify edge")
    assert before.splitlines()[0] == "ACCEPT  old"
    assert new.splitlines()[0] == "ACCEPT  new"
    for refused, name in ((old, "old"), (edge, "edge")):
        assert refused.splitlines()[0] == f"REJECT  {name}"
        assert "under-order: " in refused


def test_what_must_go_is_gone_and_what_must_be_kept_is_there(run):
    root, _ = run
    for place in ("data/photos", "models/recognition", "index", "product", "adapter"):
        assert not (root / "vendor" / place).exists(), place
    assert not (root / "customer" / "adapter").exists()
    assert (root / "vendor" / "backup.tar").is_file()


# one person: three records of a dataset


@pytest.fixture(scope="module")
def person(tmp_path_factory) -> tuple[Path, str]:
    pytest.importorskip("safetensors", reason="the example extra is not installed: pip install '.[example]'")
    root = tmp_path_factory.mktemp("records") / "out"
    script = EXAMPLE.with_name("records.py")
    return root, run_example(script, root)


def test_three_records_lead_to_their_dataset_and_its_model_alone(person):
    (found,) = printed(person, r"attest impact W-31 --find-records\n")
    assert "2 proven, 0 possible, 3 clear" in found
    assert re.search(r"raw-data +portraits/", found)
    assert "1 raw-data: passers-by/" in found


def test_the_step_is_not_believed_and_the_proof_is(person):
    (unshown,) = printed(person, r"attest impact W-31\n")
    assert "possible: a step says it took the records out, and nothing shows it" in unshown
    (shown,) = printed(person, r"attest impact W-31 --proof data/portraits-2.removal\n")
    assert "2 proven, 0 possible, 4 clear" in shown
    assert "shown by sha256:" in shown


def test_what_was_taken_out_does_not_come_back(person):
    (said,) = printed(person, r"attest dataset data/delivery")
    assert "holds what was removed and must not come back" in said
    assert "x.pgm" in said


def test_the_plan_starts_from_what_is_left(person):
    (plan,) = printed(person, r"attest impact W-31 --plan")
    assert "what is left of it: sha256:" in plan


def test_the_certificate_is_complete_with_the_proof_and_open_without(person):
    without, signed = printed(person, r"attest certify W-31 --items")
    assert without.startswith("INCOMPLETE  not signed")
    assert signed.startswith("COMPLETE  sha256:")
    beside, elsewhere = printed(person, r"attest verify-deletion")
    assert beside.startswith("COMPLETE  2 affected")
    assert "proof-missing" not in beside
    assert elsewhere.startswith("INCOMPLETE")
    assert "3 of 3 records" in elsewhere


def test_the_buyer_of_the_new_model_gets_the_proof_too(person):
    beside, without = printed(person, r"attest verify doors")
    assert beside.splitlines()[0] == "ACCEPT  doors"
    assert without.splitlines()[0] == "INCOMPLETE  doors"
    assert "order-records-unproven" in without

"""attest order and attest impact, as an office for data protection runs them."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from workshop import attest, fill, make_project, steps

from attest.document import read_document
from attest.errors import UsageError
from attest.orderfile import OrderFile, order_template, read_order

REGISTER = "https://registry.example/orders"


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    """A project with two datasets, a model of each, and a fine-tune of the first."""
    root = make_project(tmp_path / "p", settings="builder: {id: https://vendor.example/ci}\n")
    monkeypatch.chdir(root)
    fill(root / "songs", c="3")
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    attest(capfd, "dataset", "songs", "--card", "card.yaml")
    for name, data in (("faces-model", "data"), ("songs-model", "songs")):
        train(capfd, name, "--kind", "train", "--dataset", data)
    train(capfd, "product", "--kind", "finetune", "--base-model", "faces-model", "--dataset", "songs")
    return root


def train(capfd, name, *words):
    """Run a step that writes a model of its own."""
    script = f"mkdir {name} && echo {name} > {name}/model.safetensors"
    attest(capfd, "run", *words, "--output", name, "--", "sh", "-c", script)


@pytest.fixture
def ordered(project, capfd):
    """The same, with an order for the first dataset signed."""
    attest(capfd, "order", "new", "--id", "C-4743", "--basis", "voluntary", "--dataset", "data")
    out, _ = attest(capfd, "order", "add", "order.yaml", "-o", "order.jsonl", "--json")
    return json.loads(out)["statement"]


# writing and signing


def test_a_new_order_is_filled_in_with_what_is_known_and_reads_back(project, capfd):
    _, err = attest(capfd, "order", "new", "--dataset", "data", "--id", "it's: #1", "--basis", "court")
    assert "wrote order.yaml" in err
    read = read_order(project / "order.yaml")
    assert read.order.id == "it's: #1"
    assert read.order.basis == "court"
    assert read.targets.datasets[0].name == "data"
    attest(capfd, "order", "new", code=2)  # never overwritten


def test_an_order_that_is_not_filled_in_is_refused_with_its_lines(project, capfd):
    attest(capfd, "order", "new")
    _, err = attest(capfd, "order", "check", "order.yaml", code=2)
    assert "still to be filled in: order.id, order.basis, targets.datasets.0.digest" in err
    assert "order.yaml:5" in err


BAD = {
    "targts: {}": "did you mean 'targets'?",
    "targets: {}": "an order needs a target",
    "targets: {datasets: [{}]}": "name or digest is needed",
    "targets: {datasets: [{digest: 'sha256:12'}]}": "expected ALGORITHM:hex",
    "targets: {datasets: [{digest: 'md5:12'}]}": "expected ALGORITHM:hex",
    "targets: {records: [{space: subject, keys: [abc]}]}": "a record's key",
    "targets: {records: [{space: subject}]}": "keys or list is needed",
    "targets: {models: [{name: m}]}\nreach: all": "expected one of in-whole-or-in-part, named-only",
    "targets: {models: [{name: m}]}\ndeadlines: [{class: modell, days: 1}]": "did you mean 'model'?",
    "targets: {models: [{name: m}]}\ndeadlines: [{class: model}]": "days or due is needed",
    "targets: {models: [{name: m}]}\ndeadlines: [{days: 1}, {days: 2}]": "two deadlines for the rest",
    "targets: {models: [{name: m}]}\nregister: no spaces please": "expected a URI",
    "targets: {models: [{name: m}]}\npermittedExceptions: [never]": "expected one of legal-retention",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=list(BAD))
def test_what_an_order_cannot_say_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "order.yaml"
    path.write_text(f"order: {{id: C-1, basis: voluntary}}\n{text}\n")
    with pytest.raises(UsageError) as caught:
        read_order(path)
    said = f"{caught.value} {caught.value.hint}"
    assert message in said
    assert "order.yaml:" in said


def test_days_are_counted_from_when_it_took_effect(tmp_path):
    text = "order: {id: C-1, basis: voluntary}\ntargets: {models: [{name: m}]}\ndeadlines: [{days: 30}]\n"
    (tmp_path / "order.yaml").write_text(text)
    with pytest.raises(UsageError, match="days are counted from effective"):
        read_order(tmp_path / "order.yaml").predicate()
    (tmp_path / "order.yaml").write_text(text + "effective: 2026-11-06\n")
    (row,) = read_order(tmp_path / "order.yaml").predicate().deadlines
    assert row.to_json() == {"days": 30, "due": "2026-12-06T23:59:59Z"}


def test_a_missing_document_is_named_with_its_line(tmp_path):
    text = "order:\n  id: C-1\n  basis: court\n  document: gone.pdf\ntargets: {models: [{name: m}]}\n"
    (tmp_path / "order.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"gone\.pdf") as caught:
        read_order(tmp_path / "order.yaml").statement()
    assert str(caught.value).startswith(str(tmp_path / "order.yaml:4"))


def test_an_order_without_a_document_is_its_own(project, capfd):
    attest(capfd, "order", "new", "--id", "own", "--basis", "voluntary", "--dataset", "data")
    out, _ = attest(capfd, "digest", "order.yaml")
    statement = read_order(project / "order.yaml").statement()
    assert statement.subjects[0].digest["sha256"] == out.split()[0]
    assert statement.subjects[0].name == "order.yaml"


def test_signing_again_changes_nothing(project, ordered, capfd):
    out, _ = attest(capfd, "order", "add", "order.yaml", "--json")
    assert json.loads(out)["new"] is False
    assert json.loads(out)["statement"] == ordered


def test_a_template_takes_every_field_the_model_has():
    text = order_template()
    for name, field in OrderFile.model_fields.items():
        assert f"{field.alias or name}:" in text or name == "note"
    assert read_document(text.encode(), "order.yaml").value["order"]["id"] == "FILL-IN"


# listing, and the register


def test_list_and_show(project, ordered, capfd):
    out, _ = attest(capfd, "order", "list")
    assert out.startswith(f"active     {ordered[:23]}…  C-4743")
    out, _ = attest(capfd, "order", "show", ordered[:20], "--json")
    said = json.loads(out)
    assert (said["id"], said["state"], said["believed"]) == ("C-4743", "active", True)
    assert said["order"]["basis"] == "voluntary"
    _, err = attest(capfd, "order", "show", "C-4744", code=2)
    assert "did you mean 'C-4743'?" in err
    out, _ = attest(capfd, "order", "list", "-b", "order.jsonl")
    assert "NOT BELIEVED" in out


def test_a_register_lists_an_order_and_keeps_its_history(project, ordered, capfd):
    more = ("--signer", "keys/attest.key")
    attest(
        capfd, "register", "new", REGISTER, "--next-update", "30 days", "--scope", "order", "-o", "1", *more
    )
    attest(capfd, "register", "append", "1", "--order", "order.jsonl", "-o", "2", *more)
    out, _ = attest(capfd, "order", "show", "C-4743", "--register", "2")
    assert out.count("  target     ") == 1  # the order and the register say the same
    assert f"{REGISTER}: active" in out
    attest(capfd, "register", "append", "2", "--status", f"{ordered}=suspended", "-o", "3", *more)
    attest(capfd, "register", "append", "3", "--status", f"{ordered}=satisfied", "-o", "4", *more)
    out, _ = attest(capfd, "order", "show", "C-4743", "--register", "4")
    assert out.startswith("satisfied  ")
    assert [line.split()[1] for line in out.splitlines() if "before" in line] == ["active", "suspended"]
    out, _ = attest(capfd, "impact", "C-4743", "--register", "4", "--json")
    assert json.loads(out)["order"]["state"] == "satisfied"


# impact


def names(report, certainty):
    return {row["name"].rstrip("/") for row in report["affected"] if row["certainty"] == certainty}


def test_impact_of_a_store(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    report = json.loads(out)
    assert {"data", "faces-model", "product"} <= names(report, "proven")
    assert names(report, "possible") == set()
    clear = {row["name"].rstrip("/"): row["why"] for row in report["clear"]}
    assert clear["songs"] == "origin"
    assert clear["songs-model"] == "made"
    assert report["unknown"] == []
    assert report["notProven"]
    product = next(row for row in report["affected"] if row["name"].rstrip("/") == "product")
    assert product["class"] == "model"
    assert [each.rstrip("/") for each in product["path"]][::2] == ["data", "faces-model", "product"]
    again, _ = attest(capfd, "impact", ordered[:20], "--json")
    assert again == out


def test_impact_as_text_and_csv(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743")
    assert "AFFECTED, PROVEN" in out
    assert "NOT AFFECTED: everything behind it is explained" in out
    assert "NOT PROVEN" in out
    everything, _ = attest(capfd, "impact", "C-4743", "--all")
    assert len(everything) > len(out)
    out, _ = attest(capfd, "impact", "C-4743", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["standing"] for row in rows} == {"proven", "clear"}
    assert all(len(row) == 13 and None not in row.values() for row in rows)
    attest(capfd, "impact", "C-4743", "--csv", "--json", code=2)


def test_impact_of_what_the_targets_lead_to(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    whole = json.loads(out)
    out, _ = attest(capfd, "impact", "C-4743", "--reached", "--json")
    part = json.loads(out)
    assert part["affected"] == whole["affected"]
    assert part["order"] == whole["order"]
    assert (part["scope"], part["clear"], part["unknown"]) == ("reached", [], [])
    assert "scope" not in whole
    assert set(part["counts"]) == {"proven", "possible"}
    assert part["snapshot"]["statements"] < whole["snapshot"]["statements"]
    assert any("was not looked at" in each for each in part["notProven"])
    again, _ = attest(capfd, "impact", ordered[:20], "--reached", "--json")
    assert again == out


def test_every_form_says_that_the_rest_was_not_looked_at(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743", "--reached", "--svg", "part.svg")
    assert "nothing else was looked at" in out
    assert "NOT LOOKED AT: everything the targets do not lead to" in out
    assert "a part of the store" in out
    assert "NOT AFFECTED" not in out
    assert "nothing else was looked at" in (project / "part.svg").read_text()
    out, _ = attest(capfd, "impact", "C-4743", "--reached", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["standing"] for row in rows][-1] == "not looked at"
    assert {row["standing"] for row in rows[:-1]} == {"proven"}
    assert all(len(row) == 13 and None not in row.values() for row in rows)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-b", "all.jsonl"), "in a store"),
        (("--plan",), "needs everything in the store"),
        (("--find-records",), "looking for records needs everything"),
    ],
)
def test_what_needs_everything_does_not_go_with_a_part(project, ordered, capfd, words, reason):
    _, err = attest(capfd, "impact", "C-4743", "--reached", *words, code=2)
    assert reason in err


def test_an_order_nobody_knows_is_in_no_part_either(project, ordered, capfd):
    _, err = attest(capfd, "impact", "C-4744", "--reached", code=2)
    assert "no such order in the store" in err
    assert "did you mean 'C-4743'?" in err


def test_csv_defuses_formulas(project, capfd):
    fill(project / "=cmd()", x="9")
    attest(capfd, "dataset", "=cmd()", "--card", "card.yaml")
    attest(capfd, "order", "new", "--id", "C-1", "--basis", "voluntary", "--dataset", "=cmd()")
    attest(capfd, "order", "add", "order.yaml")
    out, _ = attest(capfd, "impact", "C-1", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["name"] for row in rows if "cmd" in row["name"]] == ["'=cmd()/"]


def test_of_bundles_nobody_believes_everything_is_possible(project, ordered, capfd):
    attest(capfd, "store", "export", "-o", "all.jsonl")
    out, _ = attest(capfd, "impact", "C-4743", "-b", "all.jsonl", "--json")
    report = json.loads(out)
    assert report["clear"] == []
    assert report["order"]["believed"] is False
    assert any("believed from nobody" in each for each in report["warnings"])
    assert names(report, "proven") == {"data"}
    assert {"faces-model", "product", "songs-model"} <= names(report, "possible")


def test_an_unknown_order_and_an_unknown_target(project, ordered, capfd):
    _, err = attest(capfd, "impact", "nothing", code=2)
    assert "no such order in the store" in err
    text = "order: {id: C-9, basis: voluntary}\ntargets: {datasets: [{name: gone, digest: 'sha256:%s'}]}\n"
    (project / "other.yaml").write_text(text % ("a" * 64))
    attest(capfd, "order", "add", "other.yaml")
    out, _ = attest(capfd, "impact", "C-9")
    assert "knows nothing of this target, which is kept: gone" in out.replace("\n         ", "")


def test_two_orders_about_the_same_thing_are_told_apart(project, ordered, capfd):
    text = (
        (project / "order.yaml")
        .read_text()
        .replace("C-4743", "C-2")
        .replace("reach: in-whole-or-in-part", "reach: named-only")
    )
    (project / "second.yaml").write_text(text)
    attest(capfd, "order", "add", "second.yaml")
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    (other,) = json.loads(out)["order"]["others"]
    assert (other["id"], other["differs"]) == ("C-2", ["reach"])
    out, _ = attest(capfd, "impact", "C-2", "--json")
    report = json.loads(out)
    assert names(report, "proven") == {"data"}
    assert {row["why"] for row in report["clear"]} == {"named-only"}


# the smallest retraining


def test_a_plan_names_the_steps_with_their_commands(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743", "--plan", "--json")
    report = json.loads(out)
    wanted = {row["name"].rstrip("/"): row for row in report["wanted"]}
    assert set(wanted) == {"faces-model", "product"}
    assert wanted["faces-model"]["missing"] == "nothing is left to read as dataset"
    assert wanted["product"]["missing"] == "nothing is left to read as base-model"
    train(capfd, "both", "--kind", "train", "--dataset", "data", "--dataset", "songs")
    out, _ = attest(capfd, "impact", "C-4743", "--plan", "--json")
    report = json.loads(out)
    (step,) = report["steps"]
    assert step["command"][:2] == ["sh", "-c"]
    assert {row["name"].rstrip("/"): row["action"] for row in step["inputs"]} == {
        "data": "leave-out",
        "songs": "keep",
    }
    out, _ = attest(capfd, "impact", "C-4743", "--plan")
    assert "$ sh -c" in out
    assert "LEAVE OUT" in out
    assert f"attest run --replaces {step['replaces'][0]} --order {ordered}" in out


def test_only_what_is_affected_can_be_wanted_again(project, ordered, capfd):
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    rows = json.loads(out)
    product = next(row["artifact"] for row in rows["affected"] if row["name"].rstrip("/") == "product")
    clear = next(row["artifact"] for row in rows["clear"] if row["name"].rstrip("/") == "songs-model")
    out, _ = attest(capfd, "impact", "C-4743", "--plan", "--want", product, "--json")
    assert [row["artifact"] for row in json.loads(out)["wanted"]] == [product]
    _, err = attest(capfd, "impact", "C-4743", "--plan", "--want", clear, code=2)
    assert "is not affected by the order" in err
    attest(capfd, "impact", "C-4743", "--want", product, code=2)


# a retrained model


def affected(capfd, name):
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    rows = json.loads(out)["affected"]
    return next((row["artifact"] for row in rows if row["name"].rstrip("/") == name), None)


def test_a_retrained_model_is_tied_to_what_it_replaces_and_clear_of_the_order(project, ordered, capfd):
    old = affected(capfd, "product")
    more = ("--replaces", old, "--order", "C-4743")
    train(capfd, "again", "--kind", "train", "--dataset", "songs", *more)
    _, predicate = steps(project)[-1]
    assert predicate.build_definition.external_parameters["replaces"] == [{"artifact": old, "order": ordered}]
    out, _ = attest(capfd, "impact", "C-4743", "--json")
    assert "again" in {row["name"].rstrip("/") for row in json.loads(out)["clear"]}


def test_an_input_the_order_reaches_is_refused_before_anything_runs(project, ordered, capfd):
    old = affected(capfd, "product")
    words = ("run", "--kind", "finetune", "--base-model", "faces-model", "--dataset", "songs")
    more = ("--replaces", old, "--order", "C-4743", "--output", "again", "--", "touch", "ran")
    _, err = attest(capfd, *words, *more, code=2)
    assert "the order reaches this base-model: data" in err
    assert not (project / "ran").exists()


def test_an_unexplained_input_is_told(project, ordered, capfd):
    fill(project / "mystery", z="9")
    old = affected(capfd, "product")
    words = ("--kind", "train", "--dataset", "mystery", "--replaces", old, "--order", "C-4743")
    script = "mkdir again && echo again > again/model.safetensors"
    _, err = attest(capfd, "run", *words, "--output", "again", "--", "sh", "-c", script)
    assert "it may be reached by the order" in err


def test_only_what_is_affected_can_be_replaced(project, ordered, capfd):
    words = ("run", "--kind", "train", "--dataset", "songs", "--output", "again")
    other = ("--replaces", f"sha256:{'a' * 64}")
    _, err = attest(capfd, *words, *other, "--order", "C-4743", "--", "true", code=2)
    assert "is not affected by the order" in err
    _, err = attest(capfd, *words, "--order", "C-4743", "--", "true", code=2)
    assert "--replaces and --order go together" in err
    _, err = attest(capfd, *words, *other, "--order", "C-9", "--", "true", code=2)
    assert "no such order" in err


# the picture


def test_a_picture_shows_what_is_affected_in_words(project, ordered, capfd):
    _, err = attest(capfd, "impact", "C-4743", "--svg", "impact.svg")
    assert "wrote impact.svg" in err
    drawn = (project / "impact.svg").read_text()
    for words in ("✕ ordered gone", "! affected", "What the order C-4743 reaches", ">train<"):
        assert words in drawn
    assert "songs-model" not in drawn
    assert "delivered" not in drawn
    attest(capfd, "impact", "C-4743", "--plan", "--svg", "x.svg", code=2)


def test_a_picture_of_nothing_says_so(project, capfd):
    text = "order: {id: C-9, basis: voluntary}\ntargets: {datasets: [{digest: 'sha256:%s'}]}\n"
    (project / "other.yaml").write_text(text % ("a" * 64))
    attest(capfd, "order", "add", "other.yaml")
    attest(capfd, "impact", "C-9", "--svg", "none.svg")
    assert "The order reaches nothing" in (project / "none.svg").read_text()


# what a later step reads


def again(capfd, name, *words, code=0):
    script = f"mkdir {name} && echo {name} > {name}/model.safetensors"
    return attest(capfd, "run", *words, "--output", name, "--", "sh", "-c", script, code=code)[1]


def test_a_step_that_reads_what_an_order_reaches_is_told(project, capfd):
    clean = again(capfd, "early", "--kind", "train", "--dataset", "data")
    assert "order" not in clean
    attest(capfd, "order", "new", "--id", "C-4743", "--basis", "voluntary", "--dataset", "data")
    attest(capfd, "order", "add", "order.yaml")
    told = again(capfd, "late", "--kind", "finetune", "--base-model", "faces-model", "--dataset", "songs")
    assert "the deletion order C-4743 (active) reaches this base-model: data/ → faces-model" in told
    assert "songs" not in told.partition("attest: ")[2].partition("\n")[0]
    assert "reaches this" not in again(capfd, "other", "--kind", "train", "--dataset", "songs")
    words = ("--kind", "train", "--dataset", "data", "--allow-ordered")
    assert "reaches this" not in again(capfd, "allowed", *words)
    assert (project / "late").exists()


def test_a_setting_refuses_it_before_anything_is_run(project, ordered, capfd):
    settings = project / "attest.yaml"
    settings.write_text(settings.read_text() + "orders: refuse\n")
    before = len(steps(project))
    told = again(capfd, "late", "--kind", "train", "--dataset", "data", code=2)
    assert "the deletion order C-4743 (active) reaches this dataset: data" in told
    assert "--allow-ordered" in told
    assert not (project / "late").exists()
    assert len(steps(project)) == before
    again(capfd, "allowed", "--kind", "train", "--dataset", "data", "--allow-ordered")
    settings.write_text(settings.read_text().replace("refuse", "refus"))
    _, err = attest(capfd, "order", "list", code=2)
    assert "did you mean 'refuse'?" in err


def test_a_step_that_answers_the_order_is_not_told(project, ordered, capfd):
    settings = project / "attest.yaml"
    settings.write_text(settings.read_text() + "orders: refuse\n")
    words = ("--kind", "transform", "--dataset", "data", "--set", f"order={ordered}")
    assert "reaches this" not in again(capfd, "cleaned", *words)
    old = json.loads(attest(capfd, "digest", "faces-model", "--json")[0])
    words = ("--kind", "train", "--dataset", "songs", "--replaces", f"sha256:{digest_of(old)}/")
    assert "reaches this" not in again(capfd, "anew", *words, "--order", "C-4743")


def digest_of(value):
    """The first sha256 in an answer of `attest digest --json`."""
    return re.search(r"[0-9a-f]{64}", json.dumps(value))[0]


def test_what_cannot_be_told_stops_nothing_unless_it_is_refused(project, ordered, capfd):
    (project / "trust.yaml").write_text("principals: [\n")
    told = again(capfd, "late", "--kind", "train", "--dataset", "songs")
    assert "whether a deletion order reaches an input could not be told" in told
    settings = project / "attest.yaml"
    settings.write_text(settings.read_text() + "orders: refuse\n")
    assert "trust.yaml" in again(capfd, "later", "--kind", "train", "--dataset", "songs", code=2)
    assert not (project / "later").exists()


# a register that goes back


def suspended(capfd, ordered):
    """Editions 1 (empty), 2 (the order is suspended) and 3 (it is active again)."""
    more = ("--signer", "keys/attest.key")
    words = ("--next-update", "30 days", "--scope", "order", "-o", "1")
    attest(capfd, "register", "new", REGISTER, *words, *more)
    attest(capfd, "register", "append", "1", "--order", "order.jsonl", "-o", "1b", *more)
    attest(capfd, "register", "append", "1b", "--status", f"{ordered}=suspended", "-o", "2", *more)
    attest(capfd, "register", "append", "2", "--status", f"{ordered}=active", "-o", "3", *more)


@pytest.mark.parametrize("pinned", [False, True])
def test_an_edition_older_than_the_one_seen_before_lifts_nothing(project, ordered, capfd, pinned):
    suspended(capfd, ordered)
    memory = project / ".attest" / "registers.memory.json"
    if pinned:
        attest(capfd, "trust", "new", "trust.yaml")
        words = ("--key", "keys/attest.key.pub", "--role", "keeper", "--register", REGISTER)
        attest(capfd, "trust", "add", "trust.yaml", "registry", *words)
        memory = project / "trust.memory.json"
    out, err = attest(capfd, "order", "list", "--register", "2")
    assert out.startswith("suspended")
    assert err == ""
    out, err = attest(capfd, "order", "list", "--register", "3")
    assert out.startswith("active")
    kept = memory.read_bytes()
    out, err = attest(capfd, "order", "list", "--register", "2")
    assert out.startswith("unknown")
    assert f"register {REGISTER} was rolled back: got sequence 3, 4 was seen before" in err
    assert "it lifts no order" in err
    said, err = attest(capfd, "impact", "C-4743", "--register", "2", "--json")
    assert json.loads(said)["order"]["state"] == "unknown"
    assert "rolled back" in err
    assert memory.read_bytes() == kept


def test_two_editions_of_one_number_are_told(project, ordered, capfd):
    suspended(capfd, ordered)
    more = ("--signer", "keys/attest.key")
    attest(capfd, "register", "append", "2", "--status", f"{ordered}=satisfied", "-o", "3b", *more)
    attest(capfd, "order", "list", "--register", "3")
    out, err = attest(capfd, "order", "list", "--register", "3b")
    assert out.startswith("unknown")
    assert "has two versions of sequence 4: this one and one seen before" in err


def test_a_memory_that_cannot_be_read_is_an_error_and_one_that_cannot_be_written_a_warning(
    project, ordered, capfd
):
    suspended(capfd, ordered)
    memory = project / ".attest" / "registers.memory.json"
    memory.write_text("not ours")
    _, err = attest(capfd, "impact", "C-4743", "--register", "2", code=4)
    assert "registers.memory.json" in err
    memory.unlink()
    attest(capfd, "order", "list", "-b", "order.jsonl")  # of a bundle nobody is believed about: no memory
    assert not memory.exists()

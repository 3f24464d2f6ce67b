"""Records are ordered gone: taken out, certified with proofs, and checked by whoever has them."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from test_cli_certify import DONE
from workshop import attest, fill, make_project

from attest.commitment import Keyer
from attest.digest import sha256_bytes
from attest.manifest import digest_path


@pytest.fixture
def root(tmp_path, monkeypatch, capfd):
    """Photos with a commitment, and a model of them."""
    folder = make_project(tmp_path / "p", settings="builder: {id: https://vendor.example/ci}\n")
    monkeypatch.chdir(folder)
    fill(folder / "photos", **{f"p{number}": f"photo {number}" for number in range(30)})
    described(capfd, "photos")
    return folder


def described(capfd, name):
    found = json.loads(attest(capfd, "records", "commit", name, "--json")[0])
    attest(capfd, "dataset", name, "--card", "card.yaml")
    script = f"mkdir m-{name} && echo {name} > m-{name}/model.safetensors"
    words = ("--kind", "train", "--dataset", name, "--output", f"m-{name}", "--", "sh", "-c", script)
    attest(capfd, "run", *words)
    return found


def keys(root, *numbers):
    (secret,) = (root / ".attest" / "records" / "secrets").glob("*.secret")
    return Keyer(bytes.fromhex(secret.read_text())).keys([f"photo {number}".encode() for number in numbers])


def ordered(root, capfd, which, *, dataset=True, name="D-1"):
    """Order records gone; return the order's digest."""
    where = f"dataset: '{digest_path(root / 'photos').artifact}', " if dataset else ""
    target = f"targets: {{records: [{{{where}space: content, {which}}}]}}\n"
    (root / f"{name}.yaml").write_text(f"order: {{id: {name}, basis: voluntary}}\n{target}")
    return json.loads(attest(capfd, "order", "add", f"{name}.yaml", "--json")[0])["statement"]


def remove(capfd, order, *numbers, target="clean"):
    words = [word for number in numbers for word in ("--record", f"photos/p{number}.txt")]
    attest(capfd, "records", "remove", "photos", *words, "-o", target, "--order", order)
    attest(capfd, "dataset", target, "--card", "card.yaml")


def filled(root, capfd, order="D-1", *words):
    attest(capfd, "certify", order, "--templates", "out", *words)
    for name in ("items.yaml", "declaration.yaml"):
        path = root / "out" / name
        text = re.sub(r"(\w+): FILL-IN", lambda match: f"{match[1]}: {DONE[match[1]]}", path.read_text())
        head, _, rest = text.partition('name: "photos/"')
        rest = rest.replace("disposition: destroyed", "disposition: records-removed", 1)
        path.write_text(head + 'name: "photos/"' + rest if rest else text)
    return ("certify", order, "--items", "out/items.yaml", "--declaration", "out/declaration.yaml")


def gaps(out):
    said = json.loads(out)
    return said["outcome"], {each["code"]: each["summary"] for each in said["findings"]}


def checked(capfd, *words, code):
    return gaps(attest(capfd, "verify-deletion", "c.jsonl", "--order", *words, "--json", code=code)[0])


@pytest.fixture
def certified(root, capfd):
    """An order for two photos, answered: the certificate, and the proofs beside it."""
    order = ordered(root, capfd, f"keys: [{', '.join(key.hex() for key in keys(root, 7, 8))}]")
    remove(capfd, order, 7, 8)
    words = filled(root, capfd)
    assert gaps(attest(capfd, *words, "--json", code=3)[0])[1].keys() == {"proof-missing"}
    out = attest(capfd, *words, "--proof", "clean.removal", "-o", "c.jsonl", "--json")[0]
    assert gaps(out) == ("COMPLETE", {})
    return root


def test_the_proofs_travel_beside_the_certificate(certified, capfd):
    (proof,) = (certified / "c.proofs").iterdir()
    assert proof.read_bytes() == (certified / "clean.removal").read_bytes()
    assert checked(capfd, "D-1", code=0) == ("COMPLETE", {})
    proof.rename(certified / "elsewhere.removal")
    outcome, found = checked(capfd, "D-1", code=3)
    assert (outcome, set(found)) == ("INCOMPLETE", {"proof-missing"})
    assert f"2 of 2 records, first {min(keys(certified, 7, 8)).hex()}" in found["proof-missing"]
    assert checked(capfd, "D-1", "--proof", "elsewhere.removal", code=0)[0] == "COMPLETE"
    assert checked(capfd, "D-1", "--proof", ".", code=0)[0] == "COMPLETE"


def standing(capfd, *words):
    said = json.loads(attest(capfd, "impact", "D-1", "--json", *words)[0])
    found = {row["name"]: row["certainty"] for row in said["affected"] if "partOf" not in row}
    clear = {row["name"]: (row["why"], row["proofs"]) for row in said["clear"] if "partOf" not in row}
    return found, clear, said


def test_impact_believes_no_step_that_says_the_records_are_out(certified, capfd):
    found, clear, said = standing(capfd)
    assert found == {"photos/": "proven", "m-photos/": "proven", "clean/": "possible"}
    assert clear == {}
    (row,) = said["removals"]
    assert (row["shown"], row["problems"][0]["code"]) == (False, "proof-missing")
    assert any("nothing shows it" in each for each in said["warnings"])
    digest = f"sha256:{sha256_bytes((certified / 'clean.removal').read_bytes())}"
    assert standing(capfd, "--proof", "clean.removal")[1] == {"clean/": ("removed", [digest])}
    _, clear, said = standing(capfd, "--find-records")
    assert [each.split()[:3] for each in clear["clean/"][1]] == [["leaf", "file", "of"]] * 2
    text, _ = attest(capfd, "impact", "D-1")
    assert "possible: a step says it took the records out, and nothing shows it" in text
    assert "supply the removal proof" in text


def test_a_plan_starts_only_from_what_is_shown_to_be_left(certified, capfd):
    plan, _ = attest(capfd, "impact", "D-1", "--plan")
    assert "CANNOT BE MADE ANEW" in plan
    assert "supply the removal proof" in plan
    plan, _ = attest(capfd, "impact", "D-1", "--plan", "--proof", "clean.removal")
    assert "what is left of it: sha256:" in plan
    assert "shown by sha256:" in plan


def test_templates_leave_out_what_is_said_to_be_without_the_records(certified, capfd):
    _, err = attest(capfd, "certify", "D-1", "--templates", "again")
    assert "clean/ is said to be without the ordered records, and is not shown to be: 2 of 2" in err
    assert "clean/" not in (certified / "again" / "items.yaml").read_text()


def test_a_run_goes_on_with_what_is_left_and_tells_where_nothing_shows_it(certified, capfd):
    words = ("run", "--kind", "train", "--dataset", "clean", "--output")
    _, err = attest(capfd, *words, "one", "--", "sh", "-c", "mkdir one && echo 1 > one/m.safetensors")
    assert "reaches" not in err
    for path in (certified / ".attest" / "records").glob("*.leaves"):
        path.unlink()
    _, err = attest(capfd, *words, "two", "--", "sh", "-c", "mkdir two && echo 2 > two/m.safetensors")
    assert "reaches this dataset, unless the records are out as a step says" in err


def test_two_leaf_files_show_it_too(certified, capfd):
    shutil.rmtree(certified / "c.proofs")
    book = certified / ".attest" / "records"
    leaves = [next(book.glob(f"{digest_path(certified / n).artifact.sha256}*")) for n in ("photos", "clean")]
    words = [word for path in leaves for word in ("--proof", path)]
    assert checked(capfd, "D-1", *words, code=0)[0] == "COMPLETE"
    assert set(checked(capfd, "D-1", *words[:2], code=3)[1]) == {"proof-missing"}
    damaged = bytearray(leaves[1].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (certified / "damaged.leaves").write_bytes(damaged)
    words[-1] = "damaged.leaves"
    _, err = attest(capfd, "verify-deletion", "c.jsonl", "--order", "D-1", *words, code=4)
    assert "the leaf file is damaged" in err


def test_single_proofs_show_it_too(certified, capfd):
    shutil.rmtree(certified / "c.proofs")
    words = []
    for dataset in ("photos", "clean"):
        for number in (7, 8):
            name = f"{dataset}-{number}.proof"
            attest(
                capfd,
                "records",
                "prove",
                dataset,
                "--record",
                f"photos/p{number}.txt",
                "-o",
                certified / name,
            )
            words += ["--proof", name]
    assert checked(capfd, "D-1", *words, code=0)[0] == "COMPLETE"
    found = checked(capfd, "D-1", *words[:-2], code=3)[1]
    assert found["proof-missing"].count("1 of 2 records") == 1


def test_a_proof_of_another_removal_is_told_from_none(certified, capfd):
    shutil.rmtree(certified / "c.proofs")
    attest(capfd, "records", "remove", "photos", "--record", "photos/p7.txt", "-o", "other")
    found = checked(capfd, "D-1", "--proof", "other.removal", code=3)[1]
    assert set(found) == {"proof-wrong", "proof-missing", "item-missing"}  # nobody ordered what it made
    assert "it is for another root: got" in found["proof-wrong"]
    (certified / "damaged.removal").write_bytes((certified / "clean.removal").read_bytes()[:-1])
    words = ("verify-deletion", "c.jsonl", "--order", "D-1", "--proof", "damaged.removal")
    assert "the removal proof is damaged" in attest(capfd, *words, code=4)[1]
    (certified / "note.txt").write_text("no proof")
    words = (*words[:-1], "note.txt")
    assert "this is no proof about a record" in attest(capfd, *words, code=4)[1]


def test_the_proof_of_one_order_answers_no_other(certified, capfd):
    order = ordered(certified, capfd, f"keys: [{keys(certified, 9)[0].hex()}]", name="D-2")
    words = filled_again(certified, capfd, "D-2")
    found = gaps(attest(capfd, *words, "--proof", "clean.removal", "--json", code=3)[0])[1]
    assert {"removal-unproven"} <= set(found)
    remove(capfd, order, 7, 8, 9, target="cleaner")
    words = filled_again(certified, capfd, "D-2")
    found = gaps(attest(capfd, *words, "--proof", "clean.removal", "--json", code=3)[0])[1]
    assert set(found) == {"proof-missing"}
    assert gaps(attest(capfd, *words, "--proof", "cleaner.removal", "--json")[0]) == ("COMPLETE", {})


def filled_again(root, capfd, order):
    shutil.rmtree(root / "out")
    return filled(root, capfd, order)


def test_a_list_of_keys_stays_home_and_is_asked_for(root, capfd):
    gone = keys(root, 7, 8)
    (root / "gone.txt").write_text("".join(f"{key.hex()}\n" for key in gone))
    order = ordered(root, capfd, "list: gone.txt")
    remove(capfd, order, 7, 8)
    words = filled(root, capfd)
    found = gaps(attest(capfd, *words, "--proof", "clean.removal", "--json", code=3)[0])[1]
    assert set(found) == {"proof-missing"}
    assert "list of keys" in found["proof-missing"]
    more = ("--proof", "clean.removal", "--list", "gone.txt")
    assert gaps(attest(capfd, *words, *more, "-o", "c.jsonl", "--json")[0]) == ("COMPLETE", {})
    assert set(checked(capfd, "D-1", code=3)[1]) == {"proof-missing"}
    assert checked(capfd, "D-1", "--list", "gone.txt", code=0)[0] == "COMPLETE"
    (root / "less.txt").write_text(f"{gone[0].hex()}\n")
    words = ("verify-deletion", "c.jsonl", "--order", "D-1", "--list", "less.txt")
    _, err = attest(capfd, *words, code=2)
    assert "less.txt: is not the list of keys the order names: got sha256:" in err


def test_a_list_of_keys_leads_to_datasets_nobody_named(root, capfd):
    (root / "gone.txt").write_text(f"{keys(root, 7)[0].hex()}\n")
    ordered(root, capfd, "list: gone.txt", dataset=False)
    photos = str(digest_path(root / "photos").artifact)

    def reached(*words):
        out, err = attest(capfd, "impact", "D-1", "--json", *words)
        rows = json.loads(out)["affected"]
        return {row["artifact"] for row in rows if row["certainty"] == "proven"}, err

    found, err = reached("--find-records")
    assert found == set()
    assert "--list FILE gives it" in err
    found, _ = reached("--find-records", "--list", "gone.txt")
    assert {photos, str(digest_path(root / "m-photos").artifact)} <= found
    attest(capfd, "records", "prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    assert photos in reached("--proof", "p.proof", "--list", "gone.txt")[0]
    assert reached("--proof", "p.proof")[0] == set()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no record key"),
        ("ab\n", "bad.txt:1: got 'ab', expected a record key"),
        ("ab" * 32 + "\n" + "AB" * 32 + "\n", "bad.txt:2: got"),
        (None, "No such file"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_before_it_is_ordered(root, capfd, text, message):
    if text is not None:
        (root / "bad.txt").write_text(text)
    (root / "o.yaml").write_text(
        "order: {id: D-1, basis: voluntary}\ntargets: {records: [{space: content, list: bad.txt}]}\n"
    )
    _, err = attest(capfd, "order", "add", "o.yaml", code=2)
    assert message in err
    assert "o.yaml:2" in err


def test_records_are_found_by_a_list(root, capfd):
    (root / "gone.txt").write_text("".join(f"{key.hex()}\n" for key in keys(root, 7, 99)))
    said = json.loads(attest(capfd, "records", "find", "--keys", "gone.txt", "--json")[0])
    assert sorted(each["holds"] for each in said["found"]) == [False, True]


def test_what_somebody_else_found_counts_in_the_check(certified, capfd):
    fill(certified / "copy", a="elsewhere")
    described(capfd, "copy")
    copy = str(digest_path(certified / "copy").artifact)
    outcome, _ = checked(capfd, "D-1", code=0)
    assert outcome == "COMPLETE"
    found = checked(capfd, "D-1", "--found-in", copy, code=3)[1]
    assert "item-missing" in found


REGISTER = "https://registry.example/orders"
TRUST = f"""\
principals: {{vendor: {{key: {{file: keys/attest.key.pub, sha256: SHA}}}}}}
roles:
  publisher: [{{principal: vendor}}]
  builder: [{{principal: vendor, builderIds: ["https://vendor.example/ci"]}}]
  data-owner: [{{principal: vendor}}]
  keeper: [{{principal: vendor, register: "{REGISTER}"}}]
"""


def sold(root, capfd):
    """A model made of the new version is sold with the proofs; return how its buyer verifies it."""
    script = "mkdir again && echo again > again/model.safetensors"
    words = ("--kind", "train", "--dataset", "clean", "--output", "again", "--", "sh", "-c", script)
    attest(capfd, "run", *words)
    attest(capfd, "register", "new", REGISTER, "--next-update", "9 days", "--scope", "order", "-o", "1")
    attest(capfd, "order", "add", "D-1.yaml", "-o", "order.jsonl")
    attest(capfd, "register", "append", "1", "--order", "order.jsonl", "-o", "2")
    attest(capfd, "bundle", "again", "--proof", "clean.removal")
    public = (root / "keys" / "attest.key.pub").read_bytes()
    (root / "buyer.yaml").write_text(TRUST.replace("SHA", sha256_bytes(public)))
    (root / "policy.yaml").write_text(
        f"policy: one\nversion: 1\nrules: [{{not-under-order: {{register: {REGISTER}}}}}]\n"
    )
    words = ("verify", "again", "-t", "buyer.yaml", "-p", "policy.yaml", "--json")
    return (*words, "--register", "2", "--register", "order.jsonl")


def test_a_buyer_accepts_what_was_made_of_the_new_version_with_the_proofs(certified, capfd):
    words = sold(certified, capfd)
    assert json.loads(attest(capfd, *words)[0])["verdict"] == "ACCEPT"
    (certified / "again.proofs").rename(certified / "elsewhere")
    said = json.loads(attest(capfd, *words, code=3)[0])
    assert [each["code"] for each in said["findings"]] == ["order-records-unproven"]
    assert "no proof in hand tells whether it is in the new version" in said["findings"][0]["summary"]
    said = json.loads(attest(capfd, *words, "--proof", "elsewhere")[0])
    assert said["verdict"] == "ACCEPT"
    assert "--proof elsewhere" in said["reproduce"]
    _, err = attest(capfd, "bundle", "again", "--force", "--proof", "card.yaml", code=4)
    assert "this is no proof about a record" in err


@pytest.fixture
def listed(root, capfd):
    """A model made without photos that an order names by a list of keys, and a buyer's command."""
    gone = keys(root, 7, 8)
    (root / "gone.txt").write_text("".join(f"{key.hex()}\n" for key in gone))
    remove(capfd, ordered(root, capfd, "list: gone.txt"), 7, 8)
    return sold(root, capfd)


def test_a_buyer_gives_the_list_of_keys_an_order_names(root, listed, capfd):
    said = json.loads(attest(capfd, *listed, code=3)[0])
    assert [each["code"] for each in said["findings"]] == ["order-records-unproven"]
    assert "list of keys" in said["findings"][0]["summary"]
    said = json.loads(attest(capfd, *listed, "--list", "gone.txt")[0])
    assert said["verdict"] == "ACCEPT"
    assert "--list gone.txt" in said["reproduce"]
    (root / "again.proofs").rename(root / "elsewhere")
    assert json.loads(attest(capfd, *listed, "--list", "gone.txt", code=3)[0])["verdict"] == "INCOMPLETE"


def test_a_buyer_who_has_the_leaf_files_needs_no_other_proof(root, listed, capfd):
    shutil.rmtree(root / "again.proofs")
    book = root / ".attest" / "records"
    leaves = [next(book.glob(f"{digest_path(root / n).artifact.sha256}*")) for n in ("photos", "clean")]
    words = [word for path in leaves for word in ("--proof", path)]
    assert json.loads(attest(capfd, *listed, *words, "--list", "gone.txt")[0])["verdict"] == "ACCEPT"
    assert json.loads(attest(capfd, *listed, *words, code=3)[0])["verdict"] == "INCOMPLETE"


def test_a_list_no_order_names_is_refused_before_a_report_is_written(root, listed, capfd):
    (root / "less.txt").write_text(f"{keys(root, 7)[0].hex()}\n")
    _, err = attest(capfd, *listed, "--list", "less.txt", "--report", "r.html", code=2)
    assert "less.txt: is not the list of keys the order names: got sha256:" in err
    assert not (root / "r.html").exists()


def test_a_list_where_no_order_names_one_is_refused(certified, capfd):
    (certified / "gone.txt").write_text(f"{'ab' * 32}\n")
    _, err = attest(capfd, "impact", "D-1", "--list", "gone.txt", code=2)
    assert "--list gone.txt: no order in hand names a list of keys" in err


def test_how_many_and_how_large_proofs_may_be_is_bounded(certified, capfd, monkeypatch):
    from attest.cli import ordered_records

    words = ("verify-deletion", "c.jsonl", "--order", "D-1")
    (certified / "c.proofs" / "more.removal").write_bytes((certified / "clean.removal").read_bytes())
    (certified / "c.proofs" / "README").write_text("passed over")
    (certified / "c.proofs" / "link.proof").symlink_to("/etc/passwd")
    assert checked(capfd, "D-1", code=0)[0] == "COMPLETE"
    monkeypatch.setattr(ordered_records, "_MOST_FILES", 2)
    assert "3 proofs, expected 2 at most" in attest(capfd, *words, code=4)[1]
    monkeypatch.undo()
    monkeypatch.chdir(certified)
    monkeypatch.setattr(ordered_records, "_MOST_BYTES", 500)
    assert "proofs of more than 500 bytes together" in attest(capfd, *words, code=4)[1]

"""``attest records``: commit, find, prove, check and remove, and what was removed does not come back."""

from __future__ import annotations

import hmac
import json
import stat
from pathlib import Path

import pytest
from workshop import CARD, attest, fill, make_project, statements, steps

from attest.cli import main
from attest.commitment import Keyer, Proof, commit
from attest.leaves import LeafFile
from attest.manifest import digest_path
from attest.predicate import predicate_name, read_predicate
from attest.removal import Removal
from attest.signers.file import generate_key

PEOPLE = [("ada", 1), ("ada", 2), ("bob", 3), (None, 4), ("eve", 4)]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    fill(folder / "photos", **{f"p{number}": f"photo {number}" for number in range(30)})
    rows = "".join(json.dumps({"who": who, "n": number}) + "\n" for who, number in PEOPLE)
    (folder / "rows.jsonl").write_text(rows)
    monkeypatch.chdir(folder)
    return folder


def records(capfd, *words, code=0):
    return attest(capfd, "records", *words, code=code)


def answer(capfd, *words, code=0):
    return json.loads(records(capfd, *words, "--json", code=code)[0])


def committed(capfd, *words):
    found = answer(capfd, "commit", *words)
    Path(f"{Path(words[0]).name}.commitment").write_text(json.dumps(found))
    return found


def secret_of(found):
    return bytes.fromhex(Path(found["secret"]).read_text())


def test_files_are_committed_to(root, capfd):
    out, err = records(capfd, "commit", "photos")
    artifact = digest_path(root / "photos").artifact
    assert out.splitlines()[:2] == [f"data     {artifact}", "records  30, each a file"]
    assert "back up" in err
    found = answer(capfd, "commit", "photos")  # again: the same secret and root
    keys = [
        hmac.digest(secret_of(found), path.read_bytes(), "sha256") for path in (root / "photos").iterdir()
    ]
    expected = commit(keys, "content", found["content"]["secretDigest"]["sha256"])
    assert (found["content"]["root"], found["content"]["count"]) == (expected.root.hex(), 30)
    assert found["content"]["root"] in out
    assert (found["unit"], found["records"], found["subject"], found["newSecret"]) == (
        "file",
        30,
        None,
        False,
    )


def test_secret_and_leaf_files_are_their_owners_alone(root, capfd):
    committed(capfd, "rows.jsonl", "--subject", "who")
    kept = [path for path in (root / ".attest" / "records").rglob("*") if path.is_file()]
    assert len(kept) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_people_are_a_second_space(root, capfd):
    found = committed(capfd, "rows.jsonl", "--subject", "who")
    keyer = Keyer(secret_of(found))
    people = commit(keyer.keys([b"ada", b"bob", b"eve"]), "subject", keyer.secret_digest)
    assert found["subject"]["root"] == people.root.hex()
    assert (found["subject"]["count"], found["content"]["count"], found["withoutPerson"]) == (3, 5, 1)


def test_the_card_names_the_column(root, capfd):
    (root / "card.yaml").write_text(CARD.replace("{presence: no", "{subjectColumn: who, presence: no"))
    found = committed(capfd, "rows.jsonl", "--card", "card.yaml")
    assert found["subject"]["count"] == 3
    attest(capfd, "dataset", "rows.jsonl", "--card", "card.yaml")
    said = read_predicate(statements(root)[0])
    assert said.record_commitment.root == found["content"]["root"]
    assert said.subject_commitment.root == found["subject"]["root"]
    assert (said.record_commitment.unit, said.record_commitment.records) == ("row", 5)
    assert "subjectColumn" not in json.dumps(statements(root)[0].predicate)
    (root / "card.yaml").write_text(CARD)
    _, err = records(capfd, "commit", "rows.jsonl", "--card", "card.yaml", code=2)
    assert "names no column of people" in err


def test_find_tells_which_datasets_hold_it(root, capfd):
    fill(root / "other", p3="photo 3", z="z")
    one, other = committed(capfd, "photos"), committed(capfd, "other")
    people = committed(capfd, "rows.jsonl", "--subject", "who")
    found = answer(capfd, "find", "--record", "photos/p3.txt")
    assert {each["dataset"]: each["holds"] for each in found["found"]} == {
        one["dataset"]: True,
        other["dataset"]: True,
    }
    found = answer(capfd, "find", "--record", "photos/p4.txt")
    assert {each["dataset"]: each["holds"] for each in found["found"]}[other["dataset"]] is False
    out, err = records(capfd, "find", "--person", "ada")
    assert out.startswith(f"holds    {people['dataset']}  person ")
    assert "not proven: that the builder put every record into the tree" in err
    out, _ = records(capfd, "find", "--person", "nobody", code=3)
    assert f"unknown  {one['dataset']}  nothing here tells" in out  # nobody committed to its people
    records(capfd, "find", "--key", "ab" * 32, code=1)
    (root / "one.jsonl").write_text('{"n":3,"who":"bob"}\n')
    found = answer(capfd, "find", "--record", "one.jsonl")
    assert [each["dataset"] for each in found["found"] if each["holds"]] == [people["dataset"]]
    leaves = root / ".attest" / "records" / f"{other['dataset'][7:-1]}.tree.content.leaves"
    assert len(answer(capfd, "find", "--record", "photos/p3.txt", leaves)["found"]) == 1


def test_a_committed_dataset_without_leaf_file_is_unknown(root, capfd):
    committed(capfd, "data")
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    for path in (root / ".attest" / "records").glob("*.leaves"):
        path.unlink()
    out, _ = records(capfd, "find", "--key", "ab" * 32, code=3)
    assert out == f"unknown  {digest_path(root / 'data').artifact}  nothing here tells  digits 1\n"


def test_that_there_is_nothing_to_look_through_is_said(root, capfd):
    out, err = records(capfd, "find", "--key", "ab" * 32, code=3)
    assert out == ""
    assert "nothing was looked through" in err


@pytest.mark.parametrize("inside", [True, False])
def test_a_proof_is_made_and_checked(root, capfd, inside):
    found = committed(capfd, "photos")
    (root / "strange.txt").write_text("strange")
    record = "photos/p7.txt" if inside else "strange.txt"
    out, err = records(capfd, "prove", "photos", "--record", record, "-o", "p.proof")
    word = "included" if inside else "excluded"
    key = Keyer(secret_of(found)).key((root / record).read_bytes())
    assert out.startswith(f"{word}  content key {key.hex()}")
    assert err.count("not proven") == 3
    against = ("--commitment", "photos.commitment")
    out, err = records(capfd, "check", "p.proof", *against)
    assert out.splitlines()[0] == f"{word}  content key {key.hex()}"
    assert "key only" in out
    assert err.count("not proven") == 3
    checked = answer(capfd, "check", "p.proof", *against, "--record", record, "--secret", found["secret"])
    assert (checked["kind"], checked["keyOnly"], checked["problem"]) == (word, False, None)


def test_a_proof_about_another_record_is_not_one_about_this(root, capfd):
    found = committed(capfd, "photos")
    records(capfd, "prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    words = ("p.proof", "--commitment", "photos.commitment", "--secret", found["secret"])
    out, _ = records(capfd, "check", *words, "--record", "photos/p8.txt", code=1)
    assert out.startswith("NOT PROVEN  it is about another record: got key ")


def test_a_person_is_proven(root, capfd):
    found = committed(capfd, "rows.jsonl", "--subject", "who")
    out, _ = records(capfd, "prove", "rows.jsonl", "--person", "eve", "-o", "p.proof")
    assert out.startswith("included  subject key")
    words = ("p.proof", "--commitment", "rows.jsonl.commitment", "--secret", found["secret"])
    assert answer(capfd, "check", *words, "--person", "eve")["problem"] is None
    assert "another record" in answer(capfd, "check", *words, "--person", "ada", code=1)["problem"]


def test_a_proof_against_another_root_is_refused(root, capfd):
    committed(capfd, "photos")
    committed(capfd, "data")
    records(capfd, "prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    out, _ = records(capfd, "check", "p.proof", "--commitment", "data.commitment", code=1)
    assert out.startswith("NOT PROVEN  it is for another root: got ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: b"\0" * 32, "the secret is another one: got sha256:66687aad"),
        (lambda found: b"short", "this is no secret of records"),
    ],
)
def test_a_wrong_secret_is_an_error(root, capfd, change, message):
    found = committed(capfd, "photos")
    records(capfd, "prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    (root / "s.secret").write_text(change(found).hex())
    (root / "s.secret").chmod(0o600)
    words = ("--commitment", "photos.commitment", "--record", "photos/p7.txt", "--secret", "s.secret")
    assert message in records(capfd, "check", "p.proof", *words, code=4)[1]


def test_a_secret_others_may_read_is_refused(root, capfd):
    found = committed(capfd, "photos")
    Path(found["secret"]).chmod(0o644)
    _, err = records(capfd, "find", "--record", "photos/p7.txt", code=2)
    assert "others may read this secret: mode 0644, expected 0600" in err


def test_without_the_secret_keys_can_still_be_proven(root, capfd):
    found = committed(capfd, "photos")
    key = Keyer(secret_of(found)).key(b"photo 7").hex()
    Path(found["secret"]).unlink()
    _, err = records(capfd, "find", "--record", "photos/p7.txt", code=4)
    assert "is not here" in err
    assert "without it keys can be proven, and records not be looked for" in err
    out, _ = records(capfd, "prove", "photos", "--key", key, "-o", "p.proof")
    assert out.startswith("included")


def test_a_damaged_leaf_file_is_an_error(root, capfd):
    found = committed(capfd, "photos")
    path = root / ".attest" / "records" / f"{found['dataset'][7:-1]}.tree.content.leaves"
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    for words in (("find", "--record", "photos/p7.txt"), ("prove", "photos", "--key", "ab" * 32, "-o", "x")):
        assert "the leaf file is damaged" in records(capfd, *words, code=4)[1]
    assert not (root / "x").exists()


def test_what_is_no_proof_is_an_error(root, capfd):
    committed(capfd, "photos")
    _, err = records(capfd, "check", "attest.yaml", "--commitment", "photos.commitment", code=4)
    assert "this is no proof about a record" in err
    records(capfd, "prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    _, err = records(capfd, "check", "p.proof", "--commitment", "attest.yaml", code=4)
    assert "not JSON" in err
    (root / "bad.json").write_text('{"scheme": "x", "root": "y", "count": -1, "keying": 3}')
    _, err = records(capfd, "check", "p.proof", "--commitment", "bad.json", code=4)
    assert "holds a commitment that is none" in err
    _, err = records(capfd, "check", "p.proof", code=2)
    assert "held against one commitment" in err


# -- removal ---------------------------------------------------------------------------------------------


def test_files_are_removed(root, capfd):
    old = committed(capfd, "photos")
    order = "ab" * 32
    out, err = records(
        capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2", "--order", order
    )
    new = digest_path(root / "photos-2").artifact
    assert sorted(path.name for path in (root / "photos").iterdir()) == sorted(
        [*(path.name for path in (root / "photos-2").iterdir()), "p7.txt"]
    )
    assert f"after    {new}  29 records" in out
    assert "not proven" in err
    ((statement, step),) = steps(root)
    assert (step.kind, step.build_definition.external_parameters["operations"]) == (
        "transform",
        ["remove-records"],
    )
    assert step.build_definition.external_parameters["order"] == f"sha256:{order}"
    internal = step.build_definition.internal_parameters
    assert internal["counts"] == {"in": 30, "out": 29, "removed": 1}
    (change,) = internal["removals"]
    key = Keyer(secret_of(old)).key(b"photo 7")
    assert change["before"] == {"root": old["content"]["root"], "count": 30}
    assert change["removed"]["root"] == commit([key], "content", "").root.hex()
    assert {each.artifact for each in statement.subjects} >= {new}
    removal = Removal.decode((root / "photos-2.removal").read_bytes())
    assert list(removal.keys("content")) == [key]


def test_a_removal_is_checked_by_whoever_has_both_commitments(root, capfd):
    committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    committed(capfd, "photos-2")
    committed(capfd, "data")
    words = ("check", "photos-2.removal", "--commitment", "photos.commitment", "--commitment")
    out, err = records(capfd, *words, "photos-2.commitment")
    assert out.startswith("removed   content key ")
    assert "not proven: anything about models" in err
    out, _ = records(capfd, *words, "data.commitment", code=1)
    assert "are made with different secrets" in out
    _, err = records(capfd, *words[:-1], code=2)
    assert "held against two commitments" in err


def test_leaf_files_are_compared_key_by_key(root, capfd):
    committed(capfd, "photos")
    records(
        capfd, "remove", "photos", "--record", "photos/p7.txt", "--record", "photos/p8.txt", "-o", "photos-2"
    )
    committed(capfd, "data")
    book = root / ".attest" / "records"
    old, new, other = (
        book / f"{digest_path(root / name).sha256}.tree.content.leaves"
        for name in ("photos", "photos-2", "data")
    )
    found = answer(capfd, "check", "--commitment", old, "--commitment", new)
    ((_, step),) = steps(root)
    assert found["removed"] == step.build_definition.internal_parameters["removals"][0]["removed"]
    assert (found["removed"]["count"], found["added"]) == (2, 0)
    out, _ = records(capfd, "check", "--commitment", new, "--commitment", old)
    assert "added   2 keys" in out
    assert (
        "different secrets" in records(capfd, "check", "--commitment", old, "--commitment", other, code=1)[0]
    )
    records(capfd, "check", "--commitment", old, code=2)


def test_a_person_is_removed_with_all_their_rows(root, capfd):
    old = committed(capfd, "rows.jsonl", "--subject", "who")
    result = answer(capfd, "remove", "rows.jsonl", "--person", "ada", "-o", "rows-2.jsonl")
    assert (root / "rows-2.jsonl").read_text() == "".join(
        json.dumps({"who": who, "n": number}) + "\n" for who, number in PEOPLE if who != "ada"
    )
    assert result["records"] == {"before": 5, "after": 3}
    assert result["removed"] == {"content": 2, "subject": 1}
    assert [each["keying"] for each in result["removals"]] == ["content", "subject"]
    committed(capfd, "rows-2.jsonl", "--subject", "who")
    words = ("--commitment", "rows.jsonl.commitment", "--commitment", "rows-2.jsonl.commitment")
    checked = answer(capfd, "check", "rows-2.jsonl.removal", *words)
    assert checked["problem"] is None
    assert checked["removed"]["subject"] == [Keyer(secret_of(old)).key(b"ada").hex()]
    records(capfd, "find", "--person", "ada")  # the old version still holds her
    (root / "rows.jsonl").unlink()


def test_what_was_removed_does_not_come_back(root, capfd):
    committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    fill(root / "fresh", q="new", again="photo 7")
    (root / "ran").unlink(missing_ok=True)
    _, err = attest(capfd, "dataset", "fresh", "--card", "card.yaml", code=2)
    assert "holds what was removed and must not come back: record " in err
    assert "(again.txt)" in err
    words = ("--kind", "train", "--dataset", "fresh", "--output", "model")
    _, err = attest(capfd, "run", *words, "--", "touch", "ran", code=2)
    assert "must not come back" in err
    assert not (root / "ran").exists()
    (root / "fresh" / "again.txt").unlink()
    attest(capfd, "dataset", "fresh", "--card", "card.yaml")
    attest(capfd, "dataset", "photos-2", "--card", "card.yaml")  # by its leaf file
    _, err = attest(capfd, "dataset", "photos", "--card", "card.yaml", code=2)
    assert "must not come back" in err


def test_files_and_rows_that_were_removed_are_looked_for_as_such(root, capfd):
    found = committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    (root / "bad").mkdir()
    (root / "bad" / "t.csv").write_text("a,b\n1\n")  # no table, and nobody has to read it as one
    attest(capfd, "dataset", "bad", "--card", "card.yaml")
    committed(capfd, "rows.jsonl", "--secret", found["secret"])
    (root / "one.jsonl").write_text('{"who": "bob", "n": 3}\n')
    records(capfd, "remove", "rows.jsonl", "--record", "one.jsonl", "-o", "rows-2.jsonl")
    (root / "back").mkdir()
    (root / "back" / "x.jsonl").write_text('{"n":3,"who":"bob"}')
    (root / "back" / "p.txt").write_text("photo 7")
    _, err = attest(capfd, "dataset", "back", "--card", "card.yaml", code=2)
    assert "(p.txt)" in err
    assert "(x.jsonl: byte 0)" in err


def test_a_removed_person_does_not_come_back_in_another_row(root, capfd):
    committed(capfd, "rows.jsonl", "--subject", "who")
    records(capfd, "remove", "rows.jsonl", "--person", "ada", "-o", "rows-2.jsonl")
    (root / "more.csv").write_text("who,n\nbob,9\nada,77\n")
    _, err = attest(capfd, "dataset", "more.csv", "--card", "card.yaml", code=2)
    assert "person " in err
    assert "(more.csv: row 2)" in err
    (root / "more.csv").write_text("n\n9\n")  # no such column: it names nobody
    attest(capfd, "dataset", "more.csv", "--card", "card.yaml")


def test_a_step_that_makes_data_is_told_what_it_put_back(root, capfd):
    committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    words = ("--kind", "collect", "--output", "new")
    _, err = attest(capfd, "run", *words, "--", "sh", "-c", "mkdir new; printf 'photo 7' > new/x")
    assert "warning: new: holds what was removed and must not come back" in err


def test_a_step_of_ones_own_may_read_what_it_takes_out(root, capfd):
    committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    words = ("--kind", "transform", "--dataset", "photos", "--output", "clean")
    command = ("--", "sh", "-c", "cp -r photos clean && rm clean/p7.txt")
    attest(capfd, "run", *words, *command, code=2)
    attest(capfd, "run", "--allow-removed", *words, *command)
    attest(capfd, "record", *words)  # what happened, happened


def test_a_list_without_its_secret_stops_rather_than_passes(root, capfd):
    found = committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    Path(found["secret"]).unlink()
    _, err = attest(capfd, "dataset", "data", "--card", "card.yaml", code=4)
    assert "is not here" in err


def test_removing_again_adds_to_the_list(root, capfd):
    found = committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    records(capfd, "remove", "photos-2", "--record", "photos/p8.txt", "-o", "photos-3")
    digest = found["content"]["secretDigest"]["sha256"]
    with LeafFile(root / ".attest" / "records" / "removed" / f"{digest}.content.leaves") as removed:
        keyer = Keyer(secret_of(found))
        assert removed.commitment == commit(keyer.keys([b"photo 7", b"photo 8"]), "content", digest)
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-4")  # from the start again


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photos"], "no record is named"),
        (["photos", "--key", "ab" * 32], "the dataset does not hold " + "ab" * 32),
        (["photos", "--key", "xy"], "expected a record key"),
        (["photos", "--person", "ada"], "nobody committed to the people in this dataset"),
        (["data", "--record", "data/a.txt"], "nobody committed to the records of"),
        (["photos", "--record", "photos/p1.txt", "-o", "data"], "is there already"),
    ],
)
def test_what_cannot_be_removed_leaves_everything_as_it_was(root, capfd, words, message):
    committed(capfd, "photos")
    before = sorted(path for path in root.rglob("*"))
    more = [] if "-o" in words else ["-o", "new"]
    with pytest.raises(SystemExit) as ended:
        main(["records", "remove", *words, *more])
    assert ended.value.code in {2, 4}
    assert message in capfd.readouterr().err
    assert sorted(path for path in root.rglob("*")) == before


def test_an_order_that_names_records_leads_to_models(root, capfd):
    fill(root / "copy", again="photo 7", z="z")
    fill(root / "apart", y="y")
    found = committed(capfd, "photos")
    for name in ("copy", "apart"):
        committed(capfd, name, "--secret", found["secret"])
    for name in ("photos", "copy", "apart"):
        attest(capfd, "dataset", name, "--card", "card.yaml")
        script = f"mkdir m-{name} && echo {name} > m-{name}/model.safetensors"
        words = ("--kind", "train", "--dataset", name, "--output", f"m-{name}", "--", "sh", "-c", script)
        attest(capfd, "run", *words)
    key = Keyer(secret_of(found)).key(b"photo 7").hex()
    attest(capfd, "order", "new", "--id", "D-1", "--basis", "voluntary", "--dataset", "photos")
    text = (root / "order.yaml").read_text()
    target = f"  records: [{{dataset: '{found['dataset']}', space: content, keys: [{key}]}}]\n"
    (root / "order.yaml").write_text(text[: text.index("targets:")] + "targets:\n" + target)
    attest(capfd, "order", "add", "order.yaml", "-o", "order.jsonl")
    reached = {
        flag: {
            each["artifact"]
            for each in json.loads(attest(capfd, "impact", "D-1", "--json", *flag)[0])["affected"]
            if each["certainty"] == "proven"
        }
        for flag in ((), ("--find-records",))
    }
    named = {
        name: str(digest_path(root / name).artifact) for name in ("photos", "m-photos", "copy", "m-copy")
    }
    assert {named["photos"], named["m-photos"]} <= reached[()]
    assert named["copy"] not in reached[()]
    assert set(named.values()) <= reached["--find-records",]
    assert str(digest_path(root / "m-apart").artifact) not in reached["--find-records",]


def test_nothing_left_is_refused(root, capfd):
    committed(capfd, "data")
    _, err = records(
        capfd, "remove", "data", "--record", "data/a.txt", "--record", "data/b.txt", "-o", "new", code=2
    )
    assert "nothing would be left of the dataset" in err
    assert not (root / "new").exists()
    assert not (root / ".attest" / "records" / "removed").exists()


def test_keys_come_from_a_file(root, capfd):
    found = committed(capfd, "photos")
    keys = Keyer(secret_of(found)).keys([b"photo 1", b"photo 2"])
    (root / "keys.txt").write_text("".join(f"{key.hex()}\n" for key in keys))
    result = answer(capfd, "remove", "photos", "--keys", "keys.txt", "-o", "photos-2")
    assert result["removed"] == {"content": 2}


def test_parquet_and_csv_rows_are_removed(root, capfd):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra records)")
    import pyarrow as pa
    import pyarrow.parquet as pq

    (root / "table").mkdir()
    table = pa.table({"who": ["ada", "bob", "ada"], "x": [[1.5], None, [2.5, None]]})
    pq.write_table(table, root / "table" / "a.parquet", row_group_size=2)
    (root / "table" / "b.csv").write_text('who,n\nada,1\n"b ""o""\nb",2\n')
    committed(capfd, "table", "--subject", "who")
    result = answer(capfd, "remove", "table", "--person", "ada", "-o", "table-2")
    assert result["records"] == {"before": 5, "after": 2}
    assert pq.read_table(root / "table-2" / "a.parquet").to_pylist() == [{"who": "bob", "x": None}]
    assert 'b ""o""' in (root / "table-2" / "b.csv").read_text()


def test_a_signer_that_is_gone_leaves_the_statement_to_be_signed_later(root, capfd, monkeypatch):
    committed(capfd, "photos")
    from attest.errors import SignatureError
    from attest.signers.file import FileSigner

    monkeypatch.setattr(
        FileSigner, "sign", lambda self, statement: (_ for _ in ()).throw(SignatureError("gone"))
    )
    _, err = records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2", code=75)
    assert "gone" in err
    assert (root / "photos-2.removal").exists()
    monkeypatch.undo()
    monkeypatch.chdir(root)
    attest(capfd, "sign", "--pending")
    assert [predicate_name(each.predicate_type) for each in statements(root)] == ["step"]


def test_versions_share_a_secret_by_its_file(root, capfd):
    one = committed(capfd, "photos")
    other = committed(capfd, "data", "--secret", one["secret"])
    assert other["content"]["secretDigest"] == one["content"]["secretDigest"]
    assert other["newSecret"] is False
    generate_key(root / "k.key")
    assert "this is no secret of records" in records(capfd, "commit", "data", "--secret", "k.key", code=4)[1]


def test_every_flipped_bit_of_a_removal_proof_is_refused(root, capfd):
    from attest.errors import FormatError

    committed(capfd, "photos")
    records(capfd, "remove", "photos", "--record", "photos/p7.txt", "-o", "photos-2")
    data = (root / "photos-2.removal").read_bytes()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(FormatError):
            Removal.decode(bytes(flipped))
    assert Removal.decode(data).encode() == data


def test_a_proof_file_is_not_replaced_unasked(root, capfd):
    committed(capfd, "photos")
    words = ("prove", "photos", "--record", "photos/p7.txt", "-o", "p.proof")
    records(capfd, *words)
    before = (root / "p.proof").read_bytes()
    assert "exists already" in records(capfd, *words, code=2)[1]
    records(capfd, *words, "--force")
    assert Proof.decode(before) == Proof.decode((root / "p.proof").read_bytes())

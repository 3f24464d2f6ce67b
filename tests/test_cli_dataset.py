"""``attest dataset``: what the data is and what one may do with it, out of bytes and a card."""

from __future__ import annotations

import json
import os

import pytest
from workshop import CARD, attest, fill, make_project, manifests, statements

from attest.errors import StoreError
from attest.manifest import digest_path
from attest.predicate import predicate_name, read_predicate
from attest.signers.file import generate_key
from attest.stores.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def dataset(capfd, *options, code=0, path="data", card="card.yaml"):
    return attest(capfd, "dataset", path, "--card", card, *options, code=code)


def answer(capfd, *options, **settings):
    return json.loads(dataset(capfd, "--json", *options, **settings)[0])


def card(root, old, new):
    (root / "card.yaml").write_text(CARD.replace(old, new))


def test_two_statements_are_signed(root, capfd):
    out, _ = dataset(capfd)
    described, rights = statements(root)
    tree = digest_path(root / "data").artifact
    assert [predicate_name(each.predicate_type) for each in (described, rights)] == ["dataset", "rights"]
    for each in (described, rights):
        (subject,) = each.subjects
        assert (subject.name, subject.artifact) == ("data/", tree)
    assert out.splitlines() == [
        f"data     {tree}  data",
        f"dataset  sha256:{described.digest}",
        f"rights   sha256:{rights.digest}",
    ]
    said = read_predicate(described)
    assert (said.name, said.content.file_count, said.content.size_bytes) == ("digits", 2, 2)
    assert said.personal_data.presence == "no"
    allowed = read_predicate(rights)
    assert (allowed.sequence, allowed.supersedes, allowed.license.expression) == (1, None, "CC-BY-4.0")
    assert allowed.prohibited_purposes == ()
    assert manifests(root) == {tree.sha256}


def test_the_answer_as_json(root, capfd):
    found = answer(capfd)
    described, rights = statements(root)
    assert found == {
        "dataset": f"sha256:{described.digest}",
        "rights": f"sha256:{rights.digest}",
        "sequence": 1,
        "artifact": str(described.subjects[0].artifact),
        "files": 2,
        "bytes": 2,
        "new": [f"sha256:{described.digest}", f"sha256:{rights.digest}"],
        "remarks": [],
    }


def test_a_single_file_is_a_dataset(root, capfd):
    answer(capfd, path="data/a.txt")
    assert statements(root)[0].subjects[0].name == "a.txt"
    assert not statements(root)[0].subjects[0].artifact.tree
    assert manifests(root) == set()


def test_a_card_without_rights_signs_none(root, capfd):
    (root / "card.yaml").write_text(CARD[: CARD.index("rights:")])
    found = answer(capfd)
    assert (found["rights"], found["sequence"]) == (None, None)
    assert len(statements(root)) == 1
    assert "it has no section rights" in found["remarks"][0]


def test_signing_the_same_again_changes_nothing(root, capfd):
    first, second = answer(capfd), answer(capfd)
    assert second == {**first, "new": []}
    assert len(statements(root)) == 2
    assert "(signed before)" in dataset(capfd)[0]


def test_other_rights_join_the_earlier_ones(root, capfd):
    """Then the strictest word of all counts: nobody relaxes anything by accident."""
    answer(capfd)
    card(root, "prohibitedPurposes: []", "prohibitedPurposes: [surveillance]")
    out, err = dataset(capfd)
    assert "record 2 of the rights of these data: it joins the earlier ones" in err
    assert "number 2" in out
    rights = read_predicate(statements(root)[2])
    assert (rights.sequence, rights.supersedes, rights.prohibited_purposes) == (2, None, ("surveillance",))


def test_other_rights_replace_the_last_ones_only_if_asked(root, capfd):
    first = answer(capfd)
    card(root, "CC-BY-4.0", "MIT")
    out, err = dataset(capfd, "--supersede", "--json")
    second = json.loads(out)
    assert "counts only once a register says that it is current" in err
    assert (second["sequence"], second["new"]) == (2, [second["rights"]])
    rights = read_predicate(statements(root)[2])
    assert (rights.sequence, rights.license.expression) == (2, "MIT")
    assert f"sha256:{rights.supersedes}" == first["rights"]
    assert answer(capfd)["sequence"] == 2  # the card says what the last one says
    card(root, "CC-BY-4.0", "Apache-2.0")
    assert answer(capfd, "--supersede")["sequence"] == 3


def test_going_back_is_a_new_record_too(root, capfd):
    first = answer(capfd)
    card(root, "CC-BY-4.0", "MIT")
    answer(capfd, "--supersede")
    card(root, "", "")
    third = answer(capfd, "--supersede")
    assert third["sequence"] == 3
    assert third["rights"] != first["rights"]


def test_rights_of_other_data_have_their_own_numbers(root, capfd):
    answer(capfd)
    fill(root / "other", a="3")
    assert answer(capfd, path="other")["sequence"] == 1


def test_rights_by_another_signer_have_their_own_numbers(root, capfd):
    answer(capfd)
    generate_key(root / "keys" / "other.key")
    card(root, "CC-BY-4.0", "MIT")
    found = answer(capfd, "--signer", "keys/other.key")
    assert found["sequence"] == 1
    assert len(statements(root)) == 4


def test_another_description_of_the_same_data_is_remarked(root, capfd):
    answer(capfd)
    card(root, "digits", "figures")
    _, err = dataset(capfd)
    assert "another description of these data was signed before" in err
    assert len(statements(root)) == 3


def test_files_that_describe_it_are_named_by_digest(root, capfd):
    fill(root, croissant="{}", licence="text")
    card(root, "expression: CC-BY-4.0", "expression: CC-BY-4.0, text: licence.txt")
    answer(capfd, "--descriptor", "croissant.txt")
    described, rights = (read_predicate(each) for each in statements(root))
    assert [each.name for each in described.descriptors] == ["croissant.txt"]
    assert described.descriptors[0].artifact == digest_path(root / "croissant.txt").artifact
    assert rights.license.text.artifact == digest_path(root / "licence.txt").artifact


def test_exclusions_are_written_down(root, capfd):
    found = answer(capfd, "--exclude", "b.txt")
    assert found["files"] == 1
    assert read_predicate(statements(root)[0]).exclude == ("b.txt",)


def test_without_settings_store_and_signer_will_do(root, capfd, monkeypatch):
    elsewhere = fill(root.parent / "elsewhere" / "data", a="1").parent
    monkeypatch.chdir(elsewhere)
    options = ("--store", "../project/.attest/store.db", "--signer", "../project/keys/attest.key")
    answer(capfd, *options, card="../project/card.yaml")
    assert len(statements(root)) == 2


# ── what is refused ──


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: digits", "nam: digits", "card.yaml:1: unknown key 'nam'"),
        ("public-dataset", "public-datset", "card.yaml:3: acquisition.channel: got 'public-datset'"),
        ("CC-BY-4.0", "FILL-IN", "card.yaml:6: still to be filled in: rights.license.expression"),
        ("version", "name", "card.yaml:1: duplicate key 'name'"),
        (
            "relatedParty: no",
            "relatedParty: no, agreement: gone.pdf",
            "card.yaml:3: 'gone.pdf': no such file",
        ),
        ("dataset:", "\tdataset:", "card.yaml:1: not YAML"),
    ],
)
def test_errors_of_the_card_name_their_line(root, capfd, old, new, said):
    card(root, old, new)
    _, err = dataset(capfd, code=2)
    assert said in err
    assert statements(root) == []


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"path": "nowhere"}, 4, "nowhere: no such file or directory"),
        ({"card": "nowhere.yaml"}, 4, "nowhere.yaml: cannot be read"),
        ({"path": "empty"}, 4, "no file to digest"),
        ({"path": "."}, 2, "attest itself writes"),
        ({"path": ".attest"}, 2, "attest itself writes"),
    ],
)
def test_files_that_cannot_be_used_are_named(root, capfd, settings, code, said):
    (root / "empty").mkdir()
    assert said in dataset(capfd, code=code, **settings)[1]
    assert statements(root) == []


def test_a_secret_in_the_card_is_not_signed(root, capfd):
    card(root, "Example Data GmbH", '"see https://u:hunter22@data.example"')
    _, err = dataset(capfd, code=4)
    assert "/predicate/issuer/legalName: looks like a secret: a password in a URL" in err
    assert "hunter22" not in err
    assert statements(root) == []


def test_a_wrong_passphrase(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(make_project(tmp_path / "locked", passphrase=b"right"))
    assert "set ATTEST_PASSPHRASE" in dataset(capfd, code=4)[1]
    monkeypatch.setenv("ATTEST_PASSPHRASE", "right")
    dataset(capfd)


def test_a_store_that_fails_changes_nothing(root, capfd, monkeypatch):
    put = SqliteStore.put

    def full(self, bundles, manifests=()):
        if list(bundles):
            raise StoreError("the disk is full")
        return put(self, [], manifests)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "put", full)
        assert "the disk is full" in dataset(capfd, code=4)[1]
    assert statements(root) == []
    dataset(capfd)


@pytest.mark.skipif(os.name != "posix", reason="POSIX names")
def test_a_hostile_name_is_shown_harmless(root, capfd):
    fill(root / "a\x1b[31m", a="1")
    out, _ = dataset(capfd, path="a\x1b[31m")
    assert "\x1b" not in out
    assert "a\\u{1b}[31m" in out

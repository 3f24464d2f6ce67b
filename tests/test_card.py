from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.card import UNFILLED, card_template, read_card
from attest.cli import main
from attest.digest import sha256_bytes
from attest.document import read_document
from attest.errors import AttestError, FormatError, LimitError, UsageError
from attest.limits import Limits
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact
from attest.vocabulary import load

DOCUMENTS = Path(__file__).parent / "golden" / "documents"
FILES = {
    "agreements/2025-114.pdf": b"agreement",
    "licenses/photocoop.txt": b"licence text",
    "notices/v4.txt": b"notice",
    "croissant.json": b"{}",
    "robots.txt": b"User-agent: *",
    "dpia.pdf": b"assessment",
    "reports/bias.pdf": b"report",
}
MINIMAL = """\
dataset: {name: digits, version: "1"}
issuer: {legalName: Example}
acquisition: {channel: public-dataset}
personalData: {presence: no}
"""


@pytest.fixture
def folder(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for name in ("card.yaml", "card.full.yaml"):
        shutil.copy(DOCUMENTS / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def card(tmp_path):
    def write(text):
        path = tmp_path / "card.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def named(name):
    return {"name": name, "digest": {"sha256": sha256_bytes(FILES[name])}}


def refusal(path, error=UsageError):
    with pytest.raises(error) as caught:
        read_card(path)
    return str(caught.value), caught.value.hint or ""


# what it says


def test_the_normative_card_becomes_two_predicates(folder):
    card = read_card(folder / "card.yaml")
    dataset, rights = card.dataset_predicate(size_bytes=7, file_count=2), card.rights_predicate()
    assert (dataset.name, dataset.version) == ("faces-consented", "3")
    assert dataset.issuer.legal_name == "Example Data GmbH"
    assert (dataset.content.size_bytes, dataset.content.file_count) == (7, 2)
    assert dataset.acquisition.channel == "licensed-delivery"
    assert dataset.acquisition.agreement.to_json().items() >= named("agreements/2025-114.pdf").items()
    assert dataset.acquisition.related_party == "no"
    assert dataset.presence("personal_data", "biometric") == "yes"
    assert dataset.presence("personal_data", "special_category") == "unknown"
    assert str(dataset.retention.delete_by) == "2030-12-31"
    assert rights.to_json() == {
        "sequence": 1,
        "status": "active",
        "license": {
            "expression": "LicenseRef-PhotoCoop-Train-1",
            "text": named("licenses/photocoop.txt"),
            "class": {"use": "commercial", "attribution": "unknown", "shareAlike": "no"},
            "training": "permitted",
            "derivedModelDistribution": "unknown",
        },
        "personalDataBasis": [
            {
                "jurisdiction": "EU",
                "basis": "explicit-consent",
                "consent": {
                    "type": "unknown",
                    "status": "given",
                    "covers": ["training", "biometric", "third-party-transfer"],
                    "notice": named("notices/v4.txt"),
                    "separateFromTerms": "unknown",
                },
            }
        ],
        "prohibitedPurposes": ["surveillance", "emotion-recognition"],
        "territories": ["EU", "US"],
        "validUntil": "2030-12-31T23:59:59Z",
    }
    assert rights.unknown_groups() == []


def test_every_key_of_a_card_reaches_a_predicate(folder):
    path = folder / "card.full.yaml"
    card = read_card(path)
    dataset, rights = card.dataset_predicate(), card.rights_predicate(2, "a" * 64)
    assert dataset.to_json()
    assert rights.to_json()
    said = read_document(path.read_bytes(), path.name).value
    emitted = {**dataset.to_json(), **dataset.to_json()["issuer"], "rights": rights.to_json()}
    for section in said:
        if section not in ("dataset", "issuer"):
            assert section in emitted, section
            assert keys(said[section]) <= keys(emitted[section]), section
    assert (rights.sequence, rights.supersedes) == (2, "a" * 64)
    assert rights.valid_from == datetime(2025, 4, 1, tzinfo=UTC)
    assert rights.valid_until == datetime(2030, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert dataset.derived_from[0].artifact == Artifact(
        "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752", tree=True
    )
    assert dataset.derived_from[0].media_type == MANIFEST_MEDIA_TYPE
    assert dataset.synthetic.generators[0].artifact.tree is False
    assert [each["name"] for each in card.attachments()] == [
        "agreements/2025-114.pdf",
        "croissant.json",
        "reports/bias.pdf",
        "licenses/photocoop.txt",
        "notices/v4.txt",
        "dpia.pdf",
        "robots.txt",
    ]


def keys(value):
    if isinstance(value, dict):
        return {name for name in value if name != "digest"}.union(*(keys(item) for item in value.values()))
    return set().union(*(keys(item) for item in value)) if isinstance(value, list) else set()


def test_a_card_without_rights_makes_no_rights_record(card):
    assert read_card(card(MINIMAL)).rights_predicate() is None


def test_what_is_not_written_is_not_said(card):
    read = read_card(card(MINIMAL + "rights: {license: {expression: MIT}}\n"))
    dataset, rights = read.dataset_predicate(), read.rights_predicate()
    assert dataset.content is None
    assert dataset.collection is None
    assert rights.prohibited_purposes is None
    assert rights.license.training == "unknown"
    empty = read_card(card(MINIMAL + "rights: {prohibitedPurposes: []}\n")).rights_predicate()
    assert empty.prohibited_purposes == ()


def test_patterns_of_files_left_out_are_said(card):
    assert read_card(card(MINIMAL)).dataset_predicate(exclude=["*.tmp"]).exclude == ("*.tmp",)


def test_yes_and_no_are_words_and_dates_are_days(card):
    read = read_card(card(MINIMAL.replace("presence: no", "presence: yes")))
    assert read.personal_data.presence == "yes"


# files


def test_files_are_found_beside_the_card_wherever_one_stands(folder, monkeypatch):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert read_card(Path("../card.yaml")).attachments()[0] == named("agreements/2025-114.pdf")


@pytest.mark.parametrize(
    ("name", "line"), [("agreements/2025-114.pdf", 4), ("licenses/photocoop.txt", 9), ("notices/v4.txt", 11)]
)
def test_a_missing_file_is_an_error_with_the_line_that_names_it(folder, name, line):
    (folder / name).unlink()
    read = read_card(folder / "card.yaml")
    for use in (read.attachments, read.rights_predicate if line > 4 else read.dataset_predicate):
        with pytest.raises(UsageError) as caught:
            use()
        assert repr(name) in caught.value.what
        assert caught.value.where == f"{folder / 'card.yaml'}:{line}"
        assert "relative to the card" in caught.value.hint


def test_a_directory_is_no_file(folder):
    (folder / "notices/v4.txt").unlink()
    (folder / "notices/v4.txt").mkdir()
    with pytest.raises(UsageError, match=r"notices/v4\.txt"):
        read_card(folder / "card.yaml").attachments()


@pytest.mark.parametrize("name", ["/etc/passwd", "a\\\\b", "a\\0b"])
def test_a_file_is_named_relative_to_the_card(card, name):
    text = MINIMAL.replace("public-dataset", f'public-dataset, agreement: "{name}"')
    said, _ = refusal(card(text))
    assert "card.yaml:3: acquisition.agreement: write the file's path relative to the card, with /" in said


# what is no card

BAD = {
    "a misspelt section": ("acquisiton: {}", "unknown key 'acquisiton'", "did you mean 'acquisition'?"),
    "a misspelt key": ("collection: {methods: [feeds]}", "unknown key 'methods'", "did you mean 'method'?"),
    "snake case": ("first_used: 2026-01-01", "unknown key 'first_used'", "did you mean 'firstUsed'?"),
    "a key of Python's": ("rights: {class_: x}", "unknown key 'class_'", ""),
    "an unknown word": (
        "collection: {method: [web-scrapping]}",
        "got 'web-scrapping', which is none of the collection methods; did you mean 'web-scraping-crawling'?",
        "",
    ),
    "a truth value": (
        "ip: {copyright: true}",
        "ip.copyright: expected one of yes, no, unknown; did you mean 'yes'?",
        "",
    ),
    "a day that is none": ("firstUsed: 2026-02-30", "firstUsed:", ""),
    "a time for a day": ("firstUsed: 2026-01-01T00:00:00Z", "firstUsed: expected a date", ""),
    "a list that is none": (
        "intendedPurposes: research",
        "intendedPurposes: expected a list, like [one, two]",
        "",
    ),
    "a section that is none": ("retention: 2030", "retention: expected keys and values", ""),
    "counts below 0": ("content: {recordCount: -1}", "content.recordCount:", ""),
    "a count in words": ("content: {recordCount: many}", "content.recordCount: expected a whole number", ""),
    "days out of order": (
        "collection: {start: 2025-01-01, end: 2024-01-01}",
        "collection: collection ends before it starts: 2025-01-01 to 2024-01-01",
        "",
    ),
    "rights that end first": (
        "rights: {validFrom: 2025-01-01, validUntil: 2024-01-01}",
        "rights: the rights end before they begin",
        "",
    ),
    "a licence nobody knows": (
        "rights: {license: {expression: Apache2.0}}",
        "rights.license.expression: 'Apache2.0' is no SPDX id; did you mean 'Apache-2.0'?",
        "",
    ),
    "no licence expression": (
        "rights: {license: {expression: MIT AND}}",
        "rights.license.expression: not a licence expression: an id is missing",
        "",
    ),
    "an unknown use": (
        "rights: {license: {expression: MIT, class: {use: comercial}}}",
        "expected one of commercial, noncommercial, academic, unspecified; did you mean 'commercial'?",
        "",
    ),
    "a licence without its id": ("rights: {license: {training: permitted}}", "expression: missing", ""),
    "no territory": ("origin: {geography: [Germany]}", "got 'Germany', which is no territory", ""),
    "a territory in lower case": ("origin: {geography: [de]}", "did you mean 'DE'?", ""),
    "a digest that is none": ("derivedFrom: [{digest: abc}]", "expected sha256: and 64", ""),
    "an order about the past": ("rights: {obligations: [{kind: sing}]}", "none of the obligations", ""),
    "a duplicate key": ("issuer: {legalName: Twice}", "duplicate key 'issuer'", ""),
}


@pytest.mark.parametrize(("line", "what", "hint"), BAD.values(), ids=BAD)
def test_what_is_no_card_is_an_error_with_its_line(card, line, what, hint):
    said, advice = refusal(card(MINIMAL + line + "\n"))
    assert re.match(r".*card\.yaml:5: ", said), said
    assert what in said
    assert hint in advice


@pytest.mark.parametrize("section", ["dataset", "issuer", "acquisition", "personalData"])
def test_a_missing_section_is_named(card, section):
    text = "".join(line for line in MINIMAL.splitlines(keepends=True) if not line.startswith(section))
    said, _ = refusal(card(text))
    assert said.endswith(f"{section}: missing")


def test_a_number_for_text_is_refused_because_yaml_would_change_it(card):
    said, _ = refusal(card(MINIMAL.replace('"1"', "1.10")))
    assert "card.yaml:1: dataset.version: expected text: put 1.1 in quotes" in said


@pytest.mark.parametrize("fact", ["biometric", "children", "specialCategory"])
def test_no_personal_data_and_yet_some_is_a_contradiction(card, fact):
    said, _ = refusal(card(MINIMAL.replace("presence: no", f"presence: no, {fact}: yes")))
    assert "card.yaml:4: personalData: presence is no, yet" in said


@pytest.mark.parametrize(
    ("data", "error", "what"),
    [
        (b"", UsageError, "the document is empty"),
        (b"- 1", UsageError, "the document: expected keys and values"),
        (b"dataset: [", UsageError, "not YAML"),
        (b"dataset: \xff\xfe", UsageError, "not UTF-8"),
        (b"dataset: !!python/object:os.system {}", UsageError, "tag"),
        (b"[" * 10_000, LimitError, "json depth"),
        (b"dataset: {name: '" + b"x" * (65 << 10) + b"'}", LimitError, "string bytes"),
    ],
)
def test_hostile_bytes_are_one_clear_error(card, data, error, what):
    said, _ = refusal(card(data), error)
    assert what in said


def test_a_card_that_is_not_there_is_an_error_with_its_name(tmp_path):
    said, _ = refusal(tmp_path / "none.yaml", FormatError)
    assert "none.yaml: cannot be read" in said


def test_the_readers_limits_hold(folder):
    with pytest.raises(LimitError, match="document bytes"):
        read_card(folder / "card.yaml", Limits(document_bytes=100))


@given(st.text(max_size=200))
def test_any_text_is_a_card_or_one_clear_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("card") / "card.yaml"
    path.write_text(text, "utf-8", "surrogatepass")
    with pytest.raises(AttestError) as caught:  # four sections are needed; no short text has them
        read_card(path)
    assert str(path) in str(caught.value)


# the template


def test_a_new_card_says_what_is_still_to_be_filled_in(card):
    said, hint = refusal(card(card_template()))
    assert re.search(r"card\.yaml:5: still to be filled in: dataset\.name, dataset\.version, ", said)
    assert said.endswith("rights.license.expression")
    assert UNFILLED in hint


def filled(text):
    values = {"name": "x", "legalName": "x", "channel": "unknown", "presence": "unknown", "expression": "MIT"}
    for name, value in values.items():
        text = re.sub(rf"(\b{name}: ){UNFILLED}", rf"\g<1>{value}", text)
    return text.replace(UNFILLED, "1")


def test_a_new_card_can_be_used_once_it_is_filled_in(card):
    read = read_card(card(filled(card_template())))
    assert read.dataset_predicate().to_json()
    assert read.rights_predicate().to_json()


def test_every_line_of_a_new_card_holds_when_its_comment_sign_is_taken_away(folder):
    """What the template shows behind a # is an example that must be right."""
    text = filled(card_template()).replace("sha256:…", f"sha256:{'a' * 64}")
    head, _, body = text.partition("dataset:")
    body = re.sub(r"^( *)# ((?: *(?:- )?\{?)[A-Za-z]+:)", r"\1\2", body, flags=re.MULTILINE)
    for name in ("agreements/contract.pdf", "licenses/licence.txt"):
        (folder / name).write_bytes(b"x")
    (folder / "new.yaml").write_text(head + "dataset:" + body, "utf-8")
    read = read_card(folder / "new.yaml")
    rights = read.rights_predicate()
    assert read.dataset_predicate().derived_from[0].artifact.tree
    assert rights.personal_data_basis[0].consent.valid
    assert str(rights.valid_until.date()) == "2030-12-31"


def test_a_new_card_lists_every_word_of_its_vocabularies():
    text = card_template()
    assert "{{" not in text
    for name in (
        "acquisition-channels",
        "collection-methods",
        "legal-bases",
        "consent-covers",
        "obligations",
    ):
        for token in load(name):
            assert re.search(rf"[ #]{re.escape(token)}(,|$)", text, re.MULTILINE), (name, token)
    assert max(map(len, text.splitlines())) <= 120


# what a buyer would ask


def test_the_normative_card_leaves_one_question(folder):
    assert read_card(folder / "card.yaml").remarks() == ["personalData.specialCategory is unknown"]


def test_remarks_name_what_a_buyer_reads_as_unknown(card):
    text = MINIMAL.replace("public-dataset", "purchased").replace("presence: no", "presence: unknown")
    assert read_card(card(text)).remarks() == [
        "it has no section rights: nobody can tell what the data may be used for",
        "acquisition.counterparty is missing for data that somebody handed over",
        "acquisition.agreement is missing for data that somebody handed over",
        "personalData.presence is unknown",
        "personalData.biometric is unknown",
        "personalData.children is unknown",
        "personalData.specialCategory is unknown",
    ]
    rights = "rights: {license: {expression: LicenseRef-Own}}\n"
    assert read_card(card(text + rights)).remarks()[-4:] == [
        "rights.license.class.use is missing: of a licence of your own nobody can tell the use",
        "rights.license.text is missing: a licence of your own is known by its text",
        "rights.personalDataBasis is missing, and personal data is not excluded",
        "rights.prohibitedPurposes is missing, which reads as unknown; write [] for none",
    ]
    rights = "rights: {prohibitedPurposes: [], personalDataBasis: [{jurisdiction: EU, basis: consent}]}\n"
    assert read_card(card(text + rights)).remarks()[-2:] == [
        "rights has neither license nor copyrightBasis",
        "rights.personalDataBasis.0.consent is missing for consent",
    ]


# the command


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["card", *map(str, words)])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_new_prints_or_writes_a_card_and_overwrites_none(capsys, tmp_path, monkeypatch):
    assert run(capsys, "new", "-o", "-") == (0, card_template(), "")
    path = tmp_path / "card.yaml"
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, "new")
    assert (code, out, path.read_text("utf-8")) == (0, "", card_template())
    assert "replace every FILL-IN" in err
    path.write_text("mine")
    code, out, err = run(capsys, "new", "-o", path)
    assert (code, out, path.read_text()) == (2, "", "mine")
    assert "exists already" in err


def test_check_tells_files_and_questions(capsys, folder, monkeypatch):
    monkeypatch.chdir(folder)
    code, out, err = run(capsys, "check", "card.yaml")
    assert code == 0
    assert out.splitlines()[0] == "card.yaml: faces-consented 3 by Example Data GmbH"
    assert f"  sha256:{sha256_bytes(b'notice')}  notices/v4.txt" in out.splitlines()
    assert out.splitlines()[-1] == "  a buyer will ask: personalData.specialCategory is unknown"
    assert "it can be signed" in err


def test_check_as_json_shows_what_would_be_signed(capsys, folder):
    code, out, _ = run(capsys, "check", folder / "card.yaml", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["dataset"]["name"] == "faces-consented"
    assert shown["rights"]["sequence"] == 1
    assert shown["files"][2] == named("notices/v4.txt")
    assert shown["remarks"] == ["personalData.specialCategory is unknown"]


def test_check_ends_with_2_and_the_line_of_what_is_wrong(capsys, card):
    code, out, err = run(capsys, "check", card(MINIMAL + "acquisiton: {}\n"))
    assert (code, out) == (2, "")
    assert "card.yaml:5: unknown key 'acquisiton'" in err
    assert "did you mean 'acquisition'?" in err
    code, out, err = run(capsys, "check", card(b"").parent / "none.yaml")
    assert (code, out) == (4, "")


def test_check_takes_limits(capsys, folder):
    code, _, err = run(capsys, "check", folder / "card.yaml", "--limit", "document_bytes=10")
    assert code == 4
    assert "document bytes" in err


def test_names_that_deceive_are_shown_escaped(capsys, card):
    code, out, _ = run(capsys, "check", card(MINIMAL.replace("digits", '"a\\e[31m\\u202eb"')))
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"a\u{1b}[31m\u{202e}b" in out

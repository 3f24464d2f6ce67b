from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import attest
from attest.errors import UsageError
from attest.vocabulary import Vocabulary, load, vocabularies

FOLDER = Path(attest.__file__).parent / "vocabularies"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def test_every_data_file_is_a_vocabulary_and_the_other_way_round():
    assert list(vocabularies()) == NAMES
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_where_it_comes_from(name):
    vocabulary = load(name)
    assert vocabulary.name == name
    assert vocabulary.title
    assert vocabulary.source
    assert vocabulary.version
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", vocabulary.retrieved)
    assert len(vocabulary) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_tokens_have_labels_and_whole_references(name):
    vocabulary = load(name)
    for token, facts in vocabulary.tokens.items():
        assert token.strip() == token
        assert token
        assert facts["label"].strip(), token
        assert facts.get("broader", token) in vocabulary, token
        for iri in [facts.get("iri", "https://w3id.org/dpv#x"), *facts.get("also", [])]:
            assert re.fullmatch(
                r"https://w3id\.org/dpv(/ai|/pd|/legal/eu/gdpr)?#[A-Za-z0-9][A-Za-z0-9-]*", iri
            ), token


def test_data_files_hold_no_duplicate_token():
    def refuse(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    for name in NAMES:
        json.loads((FOLDER / f"{name}.json").read_text("utf-8"), object_pairs_hook=refuse)


def test_the_words_the_formats_use_are_there():
    expected = {
        "acquisition-channels": {"licensed-delivery", "crawl", "partner-transfer", "unknown"},
        "collection-methods": {"primary-user-source", "web-scraping-crawling"},
        "legal-bases": {"explicit-consent", "written-release", "affirmative-express-consent", "unknown"},
        "consent-covers": {"training", "biometric", "third-party-transfer"},
        "purposes": {"face-recognition", "surveillance", "emotion-recognition", "pre-training"},
        "territories": {"EU", "US", "DE", "worldwide"},
    }
    for name, tokens in expected.items():
        assert tokens <= set(load(name)), name


def test_dpv_calls_two_consent_statuses_valid_for_processing():
    statuses = load("consent-statuses")
    assert {token for token in statuses if statuses.tokens[token]["valid"]} == {"given", "renewed"}
    assert statuses.iri("withdrawn") == "https://w3id.org/dpv#ConsentWithdrawn"


def test_legal_bases_carry_the_iris_of_the_gdpr_extension():
    bases = load("legal-bases")
    assert bases.iri("consent") == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a"
    assert bases.iri("explicit-consent") == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a-explicit-consent"
    assert bases.iri("legitimate-interest") == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-f"
    assert bases.iri("written-release") is None  # US law: DPV has no concept


def test_unions_list_members_that_are_territories():
    territories = load("territories")
    assert len(territories.tokens["EU"]["members"]) == 27
    assert set(territories.tokens["EEA"]["members"]) - set(territories.tokens["EU"]["members"]) == {
        "IS",
        "LI",
        "NO",
    }
    assert set(territories.tokens["EEA"]["members"]) <= set(territories)


def test_lookups():
    purposes = load("purposes")
    assert "face-recognition" in purposes
    assert "Face-Recognition" not in purposes
    assert 7 not in purposes
    assert purposes.nearest("face-recogniton") == "face-recognition"
    assert purposes.nearest("zzzzzz") is None
    assert purposes.label("zzzzzz") == "zzzzzz"
    assert purposes.iri("zzzzzz") is None
    assert purposes.with_broader("face-recognition") == ("face-recognition", "biometric-identification")


def test_a_circle_of_broader_tokens_ends():
    tokens = {"a": {"label": "a", "broader": "b"}, "b": {"label": "b", "broader": "a"}}
    circle = Vocabulary("x", "X", "own", "1", "2026-01-01", tokens)
    assert circle.with_broader("a") == ("a", "b")


def test_an_unknown_vocabulary_is_an_error_with_the_nearest():
    with pytest.raises(UsageError, match="unknown vocabulary 'legal-basis'") as caught:
        load("legal-basis")
    assert caught.value.hint == "did you mean 'legal-bases'?"


@pytest.mark.parametrize("name", ["../limits", "legal-bases.json", ""])
def test_a_name_is_never_a_path(name):
    with pytest.raises(UsageError, match="unknown vocabulary"):
        load(name)

"""A verdict for others: what a VSA or SVR says of a report, and what it must never say."""

from __future__ import annotations

import json

import jsonschema
import pytest
import report_samples
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2

from attest.digest import sha256_bytes
from attest.errors import UsageError
from attest.predicate import read_predicate
from attest.reports.json import render
from attest.schema import schemas
from attest.summary import KINDS, SummaryTerms, passes, summarize

TERMS = SummaryTerms("https://audit.example/attest", "pkg:generic/vision-fr@3.2")
LENIENT = SummaryTerms(TERMS.verifier_id, TERMS.resource, pass_exceptions=True)
VERDICTS = ("REJECT", "INCOMPLETE", "ACCEPT_WITH_EXCEPTIONS", "ACCEPT")


def said(report, terms=TERMS, kind="vsa") -> dict:
    statement = summarize(report, terms, kind)
    return json.loads(statement.payload)["predicate"]


def test_an_accepted_delivery_passed():
    report = report_samples.accept()
    found = said(report)
    assert found["verificationResult"] == "PASSED"
    assert found["verifiedLevels"][0] == "ATTEST_ACCEPT"
    assert "ATTEST_PASS:weights-match" in found["verifiedLevels"]
    assert not any(level.startswith("SLSA_") for level in found["verifiedLevels"])
    assert found["resourceUri"] == TERMS.resource
    assert found["timeVerified"] == "2026-11-20T10:02:00Z"
    assert found["policy"]["digest"] == {"sha256": report.policy.sha256}
    assert found["https://w3id.org/attest/report"]["digest"]["sha256"] == sha256_bytes(
        render(report).encode()
    )


def test_the_subject_is_the_delivery():
    (subject,) = summarize(report_samples.accept(), TERMS).subjects
    delivered = report_samples.accept().delivered
    assert str(subject.artifact) == delivered.digest + "/"
    assert subject.name.endswith("/")


@pytest.mark.parametrize("sample", [report_samples.reject, report_samples.incomplete])
def test_what_is_not_accepted_failed(sample):
    for terms in (TERMS, LENIENT):
        found = said(sample(), terms)
        assert (found["verificationResult"], found["verifiedLevels"]) == ("FAILED", ["FAILED"])
        with pytest.raises(UsageError, match="cannot say that the verdict is"):
            summarize(sample(), terms, "svr")


def test_exceptions_pass_only_when_asked_for_and_are_listed():
    report = report_samples.with_exceptions()
    assert said(report)["verificationResult"] == "FAILED"
    waived = {f"ATTEST_EXCEPTION:{f.rule}:{f.subject}" for f in report.findings if f.result == "EXCEPTION"}
    assert waived
    assert said(report, LENIENT)["verificationResult"] == "PASSED"
    for levels in (said(report, LENIENT)["verifiedLevels"], said(report, LENIENT, "svr")["properties"]):
        assert {each for each in levels if each.startswith("ATTEST_EXCEPTION:")} == waived
        assert not {f"ATTEST_PASS:{f.rule}" for f in report.findings} & set(levels)


@given(st.sampled_from(VERDICTS), st.booleans(), st.sampled_from(KINDS))
def test_nothing_but_acceptance_is_ever_passed(verdict, pass_exceptions, kind):
    report = report_samples.accept().model_copy(update={"verdict": verdict})
    terms = SummaryTerms(TERMS.verifier_id, TERMS.resource, pass_exceptions=pass_exceptions)
    accepted = verdict == "ACCEPT" or (verdict == "ACCEPT_WITH_EXCEPTIONS" and pass_exceptions)
    assert passes(report, terms) is accepted
    if kind == "svr" and not accepted:
        with pytest.raises(UsageError):
            summarize(report, terms, kind)
    else:
        assert read_predicate(summarize(report, terms, kind)).passed is accepted


def test_all_statements_that_were_used_are_named_and_no_other():
    report = report_samples.reject()
    digests = [each["digest"]["sha256"] for each in said(report)["inputAttestations"]]
    used = [row.digest.removeprefix("sha256:") for row in report.statements if row.standing != "unverified"]
    assert digests == sorted(used)
    assert len(used) < len(report.statements)


def test_a_historical_report_is_not_for_others():
    with pytest.raises(UsageError, match="past time"):
        summarize(report_samples.historical(), TERMS)


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_our_schema_and_reads_back(kind):
    statement = summarize(report_samples.accept(), TERMS, kind)
    jsonschema.validate(json.loads(statement.payload)["predicate"], schemas()[f"{kind}.schema.json"])
    read = read_predicate(statement)
    assert (read.verifier_id, read.passed) == (TERMS.verifier_id, True)
    assert read.policy_digests == (report_samples.accept().policy.sha256,)


def test_in_totos_own_message_reads_the_summary():
    body = said(report_samples.accept())
    # extension fields are URIs, and a message has none; theirs makes one string of the specification's list
    del body["https://w3id.org/attest/report"], body["verifiedLevels"]
    message = json_format.ParseDict(body, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    assert message.verification_result == "PASSED"
    assert message.verifier.id == TERMS.verifier_id
    assert message.policy.uri.startswith("ni:///sha-256;")


def test_a_policy_uri_is_named_as_given():
    terms = SummaryTerms(TERMS.verifier_id, TERMS.resource, "https://audit.example/p.yaml")
    assert said(report_samples.accept(), terms)["policy"]["uri"] == "https://audit.example/p.yaml"
    assert said(report_samples.accept(), terms, "svr")["verifier"]["policies"][0]["uri"] == terms.policy_uri


@pytest.mark.parametrize("bad", ["", "no uri", "https:", "a b:c", "https://x\u202e", "javascript :1"])
def test_what_is_no_uri_is_refused(bad):
    for given_terms in (
        (bad, TERMS.resource),
        (TERMS.verifier_id, bad),
        (TERMS.verifier_id, TERMS.resource, bad),
    ):
        with pytest.raises(UsageError, match="expected a URI"):
            SummaryTerms(*given_terms)

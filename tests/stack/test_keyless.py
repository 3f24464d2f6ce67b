"""Our keyless signer against real servers: what it makes, what it refuses, and that nothing is ever lost."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from clients.cache import Unavailable
from clients.tsa import TimestampAuthority
from loopback import Answer, Loopback

from stack.proxy import Proxy
from stack.servers import PERSON, WORKFLOW

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

from attest.bundle import read_lines
from attest.cli import main
from attest.desk import spool_folder
from attest.digest import sha256_bytes
from attest.errors import SignatureError, UsageError
from attest.keyless import Keyless
from attest.predicate import read_predicate
from attest.resource import ResourceDescriptor
from attest.settings import find_settings
from attest.signer import claims, open_signer
from attest.signers import _patience, _sigstore, _token
from attest.signers.sigstore import SigstoreSigner
from attest.spool import pending, spool_given
from attest.statement import Statement
from attest.trust import read_trust

pytestmark = pytest.mark.stack

SUBJECT = ResourceDescriptor(name="weights", digest={"sha256": "0" * 64})


def statement(number=1):
    return Statement.build([SUBJECT], "https://example.com/made-up/v1", {"number": number})


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(_patience, "_BACKOFF", 0.01)
    monkeypatch.setattr("attest.service._BACKOFF", 0.01)


@pytest.fixture
def token(stack, tmp_path):
    file = tmp_path / "token"
    file.write_text(stack.token())
    return file


@pytest.fixture
def keyless(stack, token):
    """Settings of a signer: for a version of Rekor, with proxies in the place of servers."""

    def make(rekor=1, *, timeout=20, **urls):
        return Keyless(instance=str(stack.config(rekor, **urls)), token_file=str(token), timeout=timeout)

    return make


def trust(stack, folder, user="trainer", identity=PERSON):
    root = stack.trusted_root
    who = f"issuer: '{stack.issuer(user)}', identity: '{identity}'"
    if user == "workflow":
        who += ", sourceRepository: https://github.com/acme/vision"
    (folder / "trust.yaml").write_text(
        f"principals: {{somebody: {{sigstore: {{{who}}}}}}}\n"
        f"roots: {{sigstore: [{{file: {root}, sha256: {sha256_bytes(root.read_bytes())}}}]}}\n"
    )
    return read_trust(folder / "trust.yaml")


# what it makes


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize(("user", "identity"), [("trainer", PERSON), ("workflow", WORKFLOW)])
def test_a_statement_is_signed_and_verifies(stack, keyless, token, tmp_path, rekor, user, identity):
    token.write_text(stack.token(user))
    signer = open_signer(keyless(rekor).uri)
    before = datetime.now(UTC).replace(microsecond=0)
    bundle = signer.sign(statement())
    assert bundle.payload == statement().payload
    assert (len(bundle.log_entries), len(bundle.timestamps)) == (1, 1)
    assert signer.identity == {"subject": identity, "issuer": stack.issuer(user)}
    assert signer.public is None
    assert claims(bundle, signer.identity)
    found = trust(stack, tmp_path, user, identity).verify(bundle)
    assert (found.principals, found.signer.subject) == (("somebody",), identity)
    assert before <= found.trusted_time <= datetime.now(UTC) + timedelta(seconds=2)


def test_one_certificate_signs_from_many_threads(stack, keyless, tmp_path):
    with Proxy(stack.urls["fulcio"]) as fulcio:
        signer = SigstoreSigner(keyless(fulcio=fulcio.url))
        with ThreadPoolExecutor(8) as pool:
            bundles = list(pool.map(signer.sign, map(statement, range(24))))
        assert len(fulcio.asked) == 1
    assert len({bundle.certificate for bundle in bundles}) == 1
    believed = trust(stack, tmp_path)
    for number, bundle in enumerate(bundles):
        assert believed.verify(bundle).statement == statement(number)


def test_the_same_words_share_a_certificate_within_a_process(stack, keyless):
    with Proxy(stack.urls["fulcio"]) as fulcio:
        uri = keyless(fulcio=fulcio.url).uri
        for number in range(3):
            open_signer(uri).sign(statement(number))
        assert len(fulcio.asked) == 1


def test_a_process_that_was_forked_has_a_certificate_of_its_own(stack, keyless):
    with Proxy(stack.urls["fulcio"]) as fulcio:
        uri = keyless(fulcio=fulcio.url).uri
        open_signer(uri).sign(statement())
        child = os.fork()
        if child == 0:
            try:
                open_signer(uri).sign(statement(2))
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert len(fulcio.asked) == 2


def test_a_certificate_that_runs_out_is_renewed(stack, keyless, tmp_path):
    stack.restart("fulcio", "-lifetime", "5s")
    with Proxy(stack.urls["fulcio"]) as fulcio:
        signer = SigstoreSigner(keyless(fulcio=fulcio.url))
        began, bundles = time.monotonic(), []
        while time.monotonic() - began < 9:
            bundles.append(signer.sign(statement(len(bundles))))
        certificates = list(dict.fromkeys(bundle.certificate for bundle in bundles))
        assert len(certificates) == len(fulcio.asked)
        assert 2 <= len(certificates) <= 4
    believed = trust(stack, tmp_path)
    assert all(believed.verify(bundle) for bundle in bundles)


def test_a_certificate_outlives_the_token_it_was_had_with(stack, keyless, token):
    stack.restart("oidc", "--token-max-age", "6")
    token.write_text(stack.token())
    ends = time.monotonic() + 6.1
    signer = SigstoreSigner(keyless())
    signer.sign(statement())
    time.sleep(max(0, ends - time.monotonic()))
    signer.sign(statement(2))
    with pytest.raises(SignatureError, match="the identity token expired") as refused:
        SigstoreSigner(keyless()).sign(statement())
    assert refused.value.code == "token-expired"


# whose identity


def test_the_token_of_a_ci_job(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", stack.token("workflow"))
    bundle = open_signer(f"sigstore:{stack.config(2)}").sign(statement())
    assert trust(stack, tmp_path, "workflow", WORKFLOW).verify(bundle).principals == ("somebody",)


def test_a_forged_token_gets_nothing(stack, keyless, token):
    head, body, signature = stack.token().split(".")
    token.write_text(f"{head}.{body}.{signature[-9:-3]}{signature[6:]}")
    with pytest.raises(SignatureError, match="certificate authority: answered with status 4") as refused:
        SigstoreSigner(keyless()).sign(statement())
    assert refused.value.code == "fulcio-refused"
    assert not refused.value.temporary


def test_a_token_for_somebody_else_is_found_before_anything_is_asked(stack, keyless, token):
    token.write_text(stack.token(audience="payroll"))
    with pytest.raises(SignatureError, match="is for 'payroll', expected 'sigstore'") as refused:
        open_signer(keyless().uri)
    assert refused.value.code == "token-audience"


@pytest.mark.parametrize(("days", "code"), [(2, "token-expired"), (-2, "token-not-yet-valid")])
def test_a_clock_that_is_days_off_is_found(stack, keyless, monkeypatch, days, code):
    real = time.time
    monkeypatch.setattr(_token.time, "time", lambda: real() + days * 86400)
    with pytest.raises(SignatureError, match="this machine's clock says") as refused:
        open_signer(keyless().uri)
    assert refused.value.code == code


@pytest.mark.parametrize("days", [2, -2])
def test_a_certificate_of_another_day_is_not_used(stack, keyless, monkeypatch, days):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=days)

    monkeypatch.setattr(_sigstore, "datetime", Clock)
    with pytest.raises(SignatureError, match="the certificate is valid from 20") as refused:
        SigstoreSigner(keyless()).sign(statement())
    assert refused.value.code == "fulcio-clock"


# what becomes public


@pytest.fixture
def public(monkeypatch):
    """Loopback counts as one of the public instances."""
    monkeypatch.setattr(_sigstore, "_PUBLIC_HOSTS", (".127.0.0.1",))


@pytest.mark.usefixtures("public")
def test_nothing_becomes_public_unless_somebody_said_so(stack, keyless):
    with Proxy(stack.urls["fulcio"]) as fulcio, Proxy(stack.urls["rekor1"]) as rekor:
        with pytest.raises(UsageError, match="would go into http"):
            open_signer(keyless(fulcio=fulcio.url, rekor1=rekor.url).uri)
        with pytest.raises(UsageError, match="would go into http"):
            SigstoreSigner(keyless(fulcio=fulcio.url, rekor1=rekor.url)).sign(statement())
        assert fulcio.asked == rekor.asked == []


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("rekor", "said"),
    [
        (
            1,
            f"all of statement sha256:{statement().digest} ({len(statement().payload)} bytes, with the names",
        ),
        (2, f"certificate of statement sha256:{statement().digest}, but not the statement,"),
    ],
)
def test_what_becomes_public_is_said_before(stack, keyless, rekor, said):
    with Proxy(stack.urls["fulcio"]) as fulcio, Proxy(stack.urls[f"rekor{rekor}"]) as log:
        told = []

        def tell(text):
            told.append((text, len(fulcio.asked), len(log.asked)))

        urls = {"fulcio": fulcio.url, f"rekor{rekor}": log.url}
        uri = keyless(rekor, **urls).model_copy(update={"publish": True}).uri
        open_signer(uri, tell=tell).sign(statement())
        (identity, *before), (entry, _, logged) = told
        assert f"your identity {PERSON} ({stack.issuer()}) goes into the public certificate log" in identity
        assert before == [0, 0]
        assert said in entry
        assert logged == 0
        if rekor == 2:
            assert b"example.com" not in log.asked[0].body
    assert ("weights" in entry) == (rekor == 1)


# servers that fail


def broken_answers():
    return {
        "text": b"\x00\xff garbage",
        "half": b'{"a": ',
        "empty": b"",
        "list": b"[]",
        "other": b'{"a": {"b": 1}}',
        "deep": b"[" * 100_000,
    }


SERVICES = [
    ("fulcio", 1, "fulcio"),
    ("rekor1", 1, "rekor"),
    ("rekor2", 2, "rekor"),
    ("timestamp", 1, "timestamp"),
]


@pytest.mark.parametrize(("name", "rekor", "code"), SERVICES)
@pytest.mark.parametrize("kind", broken_answers())
def test_garbage_is_no_answer(stack, keyless, name, rekor, code, kind):
    answer = Answer(200, broken_answers()[kind], "application/json")
    with Proxy(stack.urls[name], lambda *_: answer) as proxy:
        signer = SigstoreSigner(keyless(rekor, **{name: proxy.url}))
        with pytest.raises(SignatureError) as refused:
            signer.sign(statement())
    assert refused.value.code == ("timestamp-type" if name == "timestamp" else f"{code}-malformed")
    assert str(refused.value).startswith(f"{proxy.url}")


@pytest.mark.parametrize(("name", "rekor", "code"), SERVICES)
def test_trouble_is_waited_for_and_then_named(stack, keyless, name, rekor, code):
    with Proxy(stack.urls[name], lambda *_: Answer(503, b"out of order")) as proxy:
        signer = SigstoreSigner(keyless(rekor, **{name: proxy.url}))
        with pytest.raises(
            SignatureError, match=r"answered with status 503: out of order \(3 attempts\)"
        ) as down:
            signer.sign(statement())
        assert down.value.code == f"{code}-status"
        assert down.value.temporary
        proxy.fault = None
        assert signer.sign(statement())  # and nothing is left of it


@pytest.mark.parametrize(("name", "rekor", "code"), SERVICES)
def test_silence_is_not_waited_for_for_ever(stack, keyless, monkeypatch, name, rekor, code):
    with Proxy(stack.urls[name]) as proxy:
        proxy.fault = proxy.silence
        signer = SigstoreSigner(keyless(rekor, timeout=1.5 if name != "rekor2" else 4, **{name: proxy.url}))
        began = time.monotonic()
        with pytest.raises(SignatureError, match="no answer within") as down:
            signer.sign(statement())
        assert time.monotonic() - began < 30
    assert down.value.code == f"{code}-timeout"
    assert down.value.temporary


def test_an_entry_whose_answer_was_lost_is_found_again(stack, keyless, tmp_path):
    """Rekor v1 logs nothing twice: it says where the first entry is. (With its store in memory it would.)"""
    places = []

    def lose_the_first(question, real):
        if "/entries/" in question.path:
            return real()
        if places:
            return Answer(409, b'{"code": 409, "message": "exists"}', headers={"Location": places[0]})
        places.append("/api/v1/log/entries/" + next(iter(json.loads(real().body))))
        return Answer(502)

    with Proxy(stack.urls["rekor1"], lose_the_first) as rekor:
        bundle = SigstoreSigner(keyless(rekor1=rekor.url)).sign(statement())
        assert [each.path for each in rekor.asked] == ["/api/v1/log/entries"] * 2 + places
    assert trust(stack, tmp_path).verify(bundle)


@pytest.mark.parametrize("place", ["", "/api/v1/log/entries/../../x", "http://elsewhere.example/1", "/x"])
def test_an_entry_that_exists_nowhere_is_not_looked_for(stack, keyless, place):
    answer = Answer(409, b"{}", headers={"Location": place})
    with Proxy(stack.urls["rekor1"], lambda *_: answer) as rekor:
        with pytest.raises(SignatureError, match="has the signature already, and does not tell") as refused:
            SigstoreSigner(keyless(rekor1=rekor.url)).sign(statement())
        assert {each.path for each in rekor.asked} == {"/api/v1/log/entries"}
    assert refused.value.code == "rekor-conflict"


def test_what_rekor_2_took_without_an_answer_is_signed_anew(stack, keyless, tmp_path):
    """It takes no signature twice and does not say where the first one is: another one is made."""

    def lose_the_first(_, real):
        made = real()
        return Answer(502) if len(log.asked) == 1 else made

    with Proxy(stack.urls["rekor2"], lose_the_first) as log:
        bundle = SigstoreSigner(keyless(2, rekor2=log.url)).sign(statement())
    assert trust(stack, tmp_path).verify(bundle)


def test_a_conflict_is_answered_with_another_signature(stack, keyless, tmp_path):
    def refuse_the_first(_, real):
        return Answer(409, b"{}") if len(log.asked) == 1 else real()

    with Proxy(stack.urls["rekor2"], refuse_the_first) as log:
        bundle = SigstoreSigner(keyless(2, rekor2=log.url)).sign(statement())
        assert len({each.body for each in log.asked}) == len(log.asked) == 2
    assert trust(stack, tmp_path).verify(bundle)


def test_a_certificate_for_another_key_is_not_used(stack, keyless):
    kept = []

    def first_answer(_, real):
        kept.append(kept[0] if kept else real())
        return kept[0]

    with Proxy(stack.urls["fulcio"], first_answer) as fulcio:
        SigstoreSigner(keyless(fulcio=fulcio.url)).sign(statement())
        with pytest.raises(SignatureError, match="not for the key it was asked for") as refused:
            SigstoreSigner(keyless(fulcio=fulcio.url)).sign(statement())
    assert refused.value.code == "fulcio-untrusted"


@pytest.mark.parametrize("rekor", [1, 2])
def test_the_entry_of_another_statement_is_not_taken(stack, keyless, rekor):
    kept = []

    def first_answer(_, real):
        kept.append(kept[0] if kept else real())
        return kept[0]

    name = f"rekor{rekor}"
    with Proxy(stack.urls[name], first_answer) as log:
        signer = SigstoreSigner(keyless(rekor, **{name: log.url}))
        signer.sign(statement())
        with pytest.raises(SignatureError, match="what the services returned does not verify") as refused:
            signer.sign(statement(2))
    assert refused.value.code == "sigstore-unverified"


def test_an_entry_that_is_not_in_the_log_is_not_taken(stack, keyless):
    def forge(_, real):
        made = real()
        (uuid, entry), *_ = json.loads(made.body).items()
        hashes = entry["verification"]["inclusionProof"]["rootHash"]
        entry["verification"]["inclusionProof"]["rootHash"] = hashes[::-1]
        return Answer(made.status, json.dumps({uuid: entry}).encode(), made.content_type)

    with Proxy(stack.urls["rekor1"], forge) as log, pytest.raises(SignatureError) as refused:
        SigstoreSigner(keyless(rekor1=log.url)).sign(statement())
    assert refused.value.code == "rekor-untrusted"


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_strange_timestamp_authority_stops_it_before_anything_is_logged(stack, keyless, tmp_path, rekor):
    try:
        stranger = TimestampAuthority(tmp_path)
    except Unavailable as reason:
        pytest.skip(str(reason))
    reply = "application/timestamp-reply"
    name = f"rekor{rekor}"
    with (
        Loopback(lambda question: Answer(200, stranger.answer(question.body), reply)) as tsa,
        Proxy(stack.urls[name]) as log,
    ):
        signer = SigstoreSigner(keyless(rekor, timestamp=tsa.url, **{name: log.url}))
        with pytest.raises(SignatureError, match="is not by one of the instance's trusted root") as refused:
            signer.sign(statement())
        assert log.asked == []
    assert refused.value.code == "timestamp-untrusted"


def test_another_authority_than_the_trusted_root_names_is_refused(stack, keyless, tmp_path):
    """Somebody else's Sigstore answers at the URL of ours."""
    from stack.authority import client_trust, make_keys, signing_config, trusted_root

    other = tmp_path / "other"
    other.mkdir()
    make_keys(other)
    root = trusted_root(other, stack.urls)
    root["ctlogs"] = trusted_root(stack.folder, stack.urls)["ctlogs"]
    config = other / "trust.json"
    config.write_text(client_trust(root, signing_config(stack.urls, 1)))
    with pytest.raises(SignatureError, match="not by an authority of the instance's trusted root") as refused:
        SigstoreSigner(keyless().model_copy(update={"instance": str(config)})).sign(statement())
    assert refused.value.code == "fulcio-untrusted"


# nothing is lost


@pytest.fixture
def project(tmp_path, monkeypatch, stack, token):
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.txt").write_text("1")
    (folder / "attest.yaml").write_text(
        f"signer: sigstore\nsigstore: {{instance: '{stack.config(1)}', tokenFile: '{token}', timeout: 8}}\n"
    )
    monkeypatch.chdir(folder)
    found = find_settings(folder)
    found.open_store(create=True).close()
    return found


def attest(*words, code=0):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == code


def run(output, *more, code=0):
    words = ("run", "--kind", "train", "--dataset", "data", "--output", output, *more)
    attest(*words, "--", "cp", "data/a.txt", output, code=code)


def stored(project):
    with project.open_store(read_only=True) as store:
        return [bundle.statement() for bundle in store.bundles()]


def waiting(project):
    return pending(spool_folder(project))


@pytest.mark.parametrize("name", ["ctlog", "fulcio", "rekor1", "timestamp"])
def test_a_server_that_is_killed_costs_no_run(stack, project, capfd, name):
    stack.stop(name)
    run("model", code=75)
    _, err = capfd.readouterr()
    assert "the step ran, but could not be signed and stored" in err
    assert (project.root / "model").read_text() == "1"
    assert (stored(project), len(waiting(project))) == ([], 1)
    attest("sign", "--pending", code=75)
    assert len(waiting(project)) == 1
    stack.start(name)
    attest("sign", "--pending")
    (step,) = stored(project)
    assert read_predicate(step).signed_late
    assert waiting(project) == []


WAITS = "touch started; until test -e go; do sleep 0.05; done; cp data/a.txt model"


@pytest.mark.parametrize(
    ("name", "rekor", "code"),
    [
        ("oidc", 1, 0),  # the token was there before, and Fulcio knows its issuer's keys
        ("ctlog", 2, 75),
        ("fulcio", 2, 75),
        ("rekor1", 1, 75),
        ("rekor2", 2, 75),
        ("timestamp", 1, 75),
        ("timestamp", 2, 75),
    ],
)
def test_a_server_killed_in_the_middle_of_a_run(stack, project, name, rekor, code):
    """It ran when the step began; the step goes on without it."""
    SigstoreSigner(project.settings.sigstore).sign(statement())  # so Fulcio has asked for those keys

    def kill():
        while not (project.root / "started").exists():
            time.sleep(0.02)
        stack.stop(name)
        (project.root / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "model")
    attest(*words, "--trust-config", stack.config(rekor), "--", "sh", "-c", WAITS, code=code)
    killer.join()
    assert (project.root / "model").read_text() == "1"
    assert len(stored(project)) + len(waiting(project)) == 1
    if code:
        stack.start(name)
        attest("sign", "--pending", "--trust-config", stack.config(rekor))
    (step,) = stored(project)
    assert read_predicate(step).signed_late == bool(code)
    assert waiting(project) == []


def test_an_issuer_fulcio_cannot_reach_costs_no_run(stack, project, token):
    """A Fulcio that has just started asks the issuer for its keys when the first token comes."""
    stack.restart("fulcio")
    stack.stop("oidc")
    run("model", code=75)
    assert (stored(project), len(waiting(project))) == ([], 1)
    with pytest.raises(SignatureError) as down:
        SigstoreSigner(project.settings.sigstore).sign(statement())
    assert down.value.code == "fulcio-refused"
    stack.start("oidc")
    token.write_text(stack.token())
    attest("sign", "--pending")
    assert len(stored(project)) == 1


TROUBLE = {
    "500": Answer(500),
    "garbage": Answer(200, b"\x00\xff garbage", "application/json"),
    "nothing": None,
}


@pytest.mark.parametrize(("name", "rekor"), [(name, rekor) for name, rekor, _ in SERVICES])
@pytest.mark.parametrize("kind", TROUBLE)
def test_a_statement_waits_until_trouble_is_over(stack, project, name, rekor, kind):
    """A server that answers 500, garbage or nothing for a while: signed once it is itself again."""
    answer = TROUBLE[kind]
    with Proxy(stack.urls[name]) as proxy:
        proxy.fault = proxy.silence if answer is None else lambda *_: answer
        config = stack.config(rekor, **{name: proxy.url})
        settings = (project.root / "attest.yaml").read_text()
        (project.root / "attest.yaml").write_text(settings.replace("timeout: 8", "timeout: 4"))
        run("model", "--trust-config", config, code=75)
        assert (stored(project), len(waiting(project))) == ([], 1)
        proxy.fault = None
        attest("sign", "--pending", "--trust-config", config)
    assert (len(stored(project)), waiting(project)) == (1, [])


def test_a_log_that_is_killed_between_two_steps(stack, project):
    run("first")
    stack.stop("rekor1")
    run("second", code=75)
    stack.start("rekor1")
    run("third")
    assert len(stored(project)) == 2
    attest("sign", "--pending")
    names = {each.subjects[0].name: read_predicate(each).signed_late for each in stored(project)}
    assert names == {"first": False, "second": True, "third": False}


def test_a_log_that_is_killed_while_a_run_is_being_signed(stack, project, capfd):
    """The run takes longer than the server lives; whatever happened to it, nothing is lost."""
    stopped = threading.Timer(0.3, stack.stop, ["rekor2"])
    stopped.start()
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "model", "--trust-config")
    command = ("--", "sh", "-c", "sleep 0.6; cp data/a.txt model")
    attest(*words, stack.config(2), *command, code=75)
    stopped.join()
    assert len(waiting(project)) == 1
    stack.start("rekor2")
    attest("sign", "--pending", "--trust-config", stack.config(2))
    assert len(stored(project)) == 1


def test_many_that_wait_are_signed_from_one_login(stack, project, token):
    stack.stop("fulcio")
    for number in range(10):
        run(f"checkpoint-{number}", code=75)
    stack.start("fulcio")
    with Proxy(stack.urls["fulcio"]) as fulcio:
        attest("sign", "--pending", "--trust-config", stack.config(2, fulcio=fulcio.url))
        assert len(fulcio.asked) == 1
    assert len(stored(project)) == 10


def test_an_expired_token_costs_no_run(stack, project, token):
    """It was good when the step began: the step took longer than it lasts."""
    stack.restart("oidc", "--token-max-age", "2")
    token.write_text(stack.token())
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "model", "--")
    attest(*words, "sh", "-c", "sleep 2.2; cp data/a.txt model", code=75)
    attest("sign", "--pending", code=4)  # waiting helps nobody here
    assert len(waiting(project)) == 1
    stack.restart("oidc")
    token.write_text(stack.token())
    attest("sign", "--pending")
    assert len(stored(project)) == 1


def test_who_signs_late_is_who_signs_then(stack, project, token, tmp_path):
    stack.stop("rekor1")
    run("model", code=75)
    stack.start("rekor1")
    other = tmp_path / "other"  # a process has one identity for as long as its certificate lasts
    other.write_text(stack.token("workflow"))
    attest("sign", "--pending", "--identity-token-file", other)
    with project.open_store(read_only=True) as store:
        (bundle,) = store.bundles()
    assert trust(stack, tmp_path, "workflow", WORKFLOW).verify(bundle).principals == ("somebody",)


REGISTER = ("https://registry.example/orders", "--next-update", "30 days", "--scope", "contents")


def test_a_register_is_kept_keyless(stack, project, tmp_path, capfd):
    attest("register", "new", *REGISTER, "-o", "1.jsonl")
    append = ("register", "append", "1.jsonl", "-o", "2.jsonl")
    attest(*append, code=4)  # who kept it before is for a trust file to say: there is no key to go by
    assert "does not name" in capfd.readouterr().err
    trust(stack, tmp_path)
    with (tmp_path / "trust.yaml").open("a") as file:
        file.write(f"roles: {{keeper: [{{principal: somebody, register: {REGISTER[0]}}}]}}\n")
    attest(*append, "--trust", tmp_path / "trust.yaml", "--trust-config", stack.config(2))
    (second,) = read_lines(project.root / "2.jsonl")
    assert (len(second.log_entries), len(second.timestamps)) == (1, 1)
    assert trust(stack, tmp_path).verify(second).statement.predicate["sequence"] == 2


@pytest.mark.slow
def test_a_thousand_checkpoints_are_signed_from_one_login(stack, project):
    for number in range(1000):
        spool_given(spool_folder(project), statement(number))
    with Proxy(stack.urls["fulcio"]) as fulcio:
        attest("sign", "--pending", "--trust-config", stack.config(1, fulcio=fulcio.url))
        assert len(fulcio.asked) == 1  # within the ten minutes of a certificate
    assert len(stored(project)) == 1000
    assert waiting(project) == []

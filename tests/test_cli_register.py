"""attest register as a keeper runs it, and what a buyer makes of its editions."""

from __future__ import annotations

import json
import unicodedata

import pytest
from vendor import attest, write_key, write_project
from world import NOW, REGISTER, World, good_world, make_trust, signer, write_world

from attest.bundle import read_lines, write_lines
from attest.predicate import read_predicate
from attest.predicates.register import document_digest
from attest.store import open_store

AS_OF = "2026-11-20T11:00:00Z"
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """A keeper's folder: a key and nothing else."""
    folder = tmp_path / "keeper"
    write_key(folder, "registry")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def vendor(tmp_path):
    """What the vendor hands over, in two editions: the second lists one record more."""
    world, release = good_world()
    world.registers.clear()
    world.bundles.pop()
    first = tmp_path / "first.jsonl"
    write_lines(first, world.bundles)
    one = world.bundles[-1]
    world.rights(next(iter(world.names)), "CC-BY-4.0", sequence=2)
    world.contents(release, sequence=2, previous=one.statement_digest)
    second = tmp_path / "second.jsonl"
    write_lines(second, world.bundles)
    folder = tmp_path / "buyer"
    folder.mkdir()
    return {**write_world(world, release, folder), "first": first, "second": second, "world": world}


@pytest.fixture
def register(keeper, capsys):
    def run(*words, code=0, as_of=AS_OF, sign=True):
        capsys.readouterr()
        more = ["--signer", "registry.key", "--as-of", as_of] if sign else []
        assert attest("register", *words, *more) == code, capsys.readouterr().err
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return run


def begin(register, *words, **more):
    return register(
        "new",
        REGISTER,
        "--next-update",
        "30 days",
        "--scope",
        "contents,withdrawal",
        "-o",
        "1.jsonl",
        *words,
        **more,
    )


def edition(path):
    (bundle,) = read_lines(path)
    return bundle.statement()


def entries(path):
    return [(each.kind, each.statement_digest, each.state) for each in read_predicate(edition(path)).entries]


def digest_of(path, kind="contents"):
    """Digest of the last statement of a kind in a file."""
    types = f"https://w3id.org/attest/{kind}/v0.1"
    return [e.statement_digest for e in read_lines(path) if e.statement().predicate_type == types][-1]


# ── what a keeper does ──


def test_a_register_begins(register, keeper):
    out = begin(register)
    made = edition(keeper / "1.jsonl")
    assert f"register     {REGISTER}" in out
    assert f"edition      1 (statement sha256:{made.digest})" in out
    assert "complete for contents, withdrawal" in out
    assert made.predicate["nextUpdate"] == "2026-12-20T11:00:00Z"
    (bundle,) = read_lines(keeper / "1.jsonl")
    assert make_trust().verify(bundle).principals == ("registry",)


def test_json(register):
    said = json.loads(begin(register, "--json"))
    assert (said["registerId"], said["sequence"], said["entries"], said["superseded"]) == (REGISTER, 1, 0, [])
    assert (said["asOf"], said["nextUpdate"]) == (AS_OF, "2026-12-20T11:00:00Z")


def test_lists_follow_on_each_other(register, keeper, vendor):
    begin(register)
    register("append", "1.jsonl", "--contents", vendor["first"], "--trust", vendor["trust"], "-o", "2.jsonl")
    one, two = digest_of(vendor["first"]), digest_of(vendor["second"])
    assert entries(keeper / "2.jsonl") == [("contents", one, "current")]
    out = register(
        "append", "2.jsonl", "--contents", vendor["second"], "--trust", vendor["trust"], "-o", "3.jsonl"
    )
    assert f"superseded   sha256:{one}" in out
    assert entries(keeper / "3.jsonl") == [("contents", one, "superseded"), ("contents", two, "current")]
    previous = document_digest(edition(keeper / "2.jsonl").predicate)
    assert edition(keeper / "3.jsonl").predicate["previous"] == previous
    assert len((keeper / "3.jsonl").read_bytes().splitlines()) == 1


def test_an_edition_without_news_says_that_nothing_has_happened(register, keeper):
    begin(register)
    register("append", "1.jsonl", "-o", "2.jsonl", "--next-update", "P2D", as_of="2026-11-22T00:00:00Z")
    made = edition(keeper / "2.jsonl").predicate
    assert (made["sequence"], made["entries"], made["nextUpdate"]) == (2, [], "2026-11-24T00:00:00Z")


def test_options_of_a_signer_it_is_not(register, keeper):
    said = begin(register, "--oidc", "code", code=2)
    assert "oidc: only the signer sigstore has that" in said
    assert not (keeper / "1.jsonl").exists()


def test_statements_in_a_store_are_named_by_their_digest(register, keeper, vendor, tmp_path):
    world = vendor["world"]
    write_project(tmp_path / "p", world)
    begin(register)
    digest = digest_of(vendor["second"])
    words = ["--contents", f"sha256:{digest}", "--store", tmp_path / "p" / "store.db"]
    register("append", "1.jsonl", *words, "-o", "2.jsonl")
    assert entries(keeper / "2.jsonl") == [("contents", digest, "current")]
    other = world.bundles[0].statement_digest
    for digest, reason in [
        ("f" * 64, "no such statement in the store"),
        (other, "got a statement of type https://w3id.org/attest/dataset/v0.1, expected contents"),
        ("f" * 63, "expected sha256:"),
    ]:
        words[1] = f"sha256:{digest}"
        assert reason in register("append", "1.jsonl", *words, "-o", "3.jsonl", code=4)


def test_withdrawals_and_rights(register, keeper, vendor, tmp_path):
    world = vendor["world"]
    taken = world.withdraw(world.bundles[0].statement_digest, by="desk")
    write_lines(tmp_path / "w.jsonl", [taken])
    register(
        "new", REGISTER, "--next-update", "30 days", "--scope", "withdrawal, rights,order", "-o", "1.jsonl"
    )
    register(
        "append",
        "1.jsonl",
        "--withdrawal",
        tmp_path / "w.jsonl",
        "--rights",
        vendor["second"],
        "-o",
        "2.jsonl",
    )
    found = entries(keeper / "2.jsonl")
    assert ("withdrawal", taken.statement_digest, "active") in found
    assert [each[0] for each in found].count("rights") == 2
    words = ["--status", f"sha256:{taken.statement_digest}=vacated"]
    register("append", "2.jsonl", *words, "-o", "3.jsonl")
    assert ("withdrawal", taken.statement_digest, "vacated") in entries(keeper / "3.jsonl")


# ── what a buyer makes of it ──


def verify(vendor, capsys, bundle, *registers):
    capsys.readouterr()
    words = ["--trust", vendor["trust"], "--policy", vendor["policy"], "--as-of", NOW.isoformat()]
    for each in registers:
        words += ["--register", each]
    code = attest("verify", vendor["delivered"], "--bundle", bundle, *words, "--json")
    report = json.loads(capsys.readouterr().out)
    return code, {each["code"] for each in report["findings"]}


def test_a_buyer_accepts_the_current_list_and_refuses_the_older_one(register, keeper, vendor, capsys):
    begin(register)
    trust = ["--trust", vendor["trust"]]
    register("append", "1.jsonl", "--contents", vendor["first"], *trust, "-o", "2.jsonl")
    assert verify(vendor, capsys, vendor["first"], "2.jsonl") == (0, set())
    register("append", "2.jsonl", "--contents", vendor["second"], *trust, "-o", "3.jsonl")
    assert verify(vendor, capsys, vendor["second"], "3.jsonl") == (0, set())
    assert verify(vendor, capsys, vendor["second"], "1.jsonl", "2.jsonl", "3.jsonl") == (0, set())
    assert verify(vendor, capsys, vendor["first"], "3.jsonl") == (1, {"contents-superseded"})


def test_a_withdrawal_in_a_register_reaches_the_buyer(register, keeper, vendor, capsys, tmp_path):
    begin(register)
    world = vendor["world"]
    write_lines(tmp_path / "w.jsonl", [world.withdraw(world.bundles[0].statement_digest, by="desk")])
    words = ["--contents", vendor["second"], "--withdrawal", tmp_path / "w.jsonl"]
    register("append", "1.jsonl", *words, "-o", "2.jsonl")
    code, found = verify(vendor, capsys, vendor["second"], "2.jsonl")
    assert code == 1
    assert any("withdrawn" in each for each in found)


# ── whose signatures ──


def test_without_a_trust_file_the_keeper_is_told_that_nobody_checked(register, keeper, vendor, capsys):
    begin(register)
    capsys.readouterr()
    words = ["--contents", vendor["first"], "-o", "2.jsonl", "--signer", "registry.key"]
    assert attest("register", "append", "1.jsonl", *words) == 0
    assert "no signature was checked" in capsys.readouterr().err


def test_with_one_only_a_publishers_list_is_entered(register, keeper, vendor, tmp_path):
    begin(register)
    contents = [
        each for each in read_lines(vendor["first"]) if each.statement_digest == digest_of(vendor["first"])
    ]
    forged = tmp_path / "forged.jsonl"
    for name, reason in [("stranger", "signed by nobody"), ("desk", "desk may not say this")]:
        write_lines(forged, [signer(name).sign(contents[0].statement())])
        words = ["--contents", forged, "--trust", vendor["trust"], "-o", "2.jsonl"]
        assert reason in register("append", "1.jsonl", *words, code=4)
    assert not (keeper / "2.jsonl").exists()


def test_an_edition_somebody_else_signed_is_not_gone_on_from(register, keeper, vendor, tmp_path):
    write_key(keeper, "stranger")
    begin(register)
    forged = tmp_path / "forged.jsonl"
    write_lines(forged, [signer("stranger").sign(edition(keeper / "1.jsonl"))])
    err = register("append", forged, "-o", "2.jsonl", code=4)
    assert "signed by nobody this trust file names" in err
    # neither together with the real one
    forged.write_bytes((keeper / "1.jsonl").read_bytes() + forged.read_bytes())
    register("append", forged, "-o", "2.jsonl", code=4)
    assert not (keeper / "2.jsonl").exists()


def test_a_keeper_with_a_new_key_names_the_old_one(register, keeper, vendor):
    begin(register)
    write_key(keeper, "other")
    words = ["append", "1.jsonl", "-o", "2.jsonl", "--signer", "other.key", "--as-of", AS_OF]
    assert attest("register", *words) == 4
    assert attest("register", *words, "--trust", vendor["trust"]) == 0
    (bundle,) = read_lines(keeper / "2.jsonl")
    assert bundle.hint == signer("other").public.hint


def test_a_keeper_of_another_register_is_no_keeper_of_this_one(register, keeper, vendor):
    register(
        "new", "https://other.example/", "--next-update", "1 day", "--scope", "contents", "-o", "1.jsonl"
    )
    write_key(keeper, "other")
    words = ["append", "1.jsonl", "-o", "2.jsonl", "--signer", "other.key", "--trust", vendor["trust"]]
    assert attest("register", *words) == 4


# ── showing ──


def test_show(register, keeper, vendor, capsys):
    begin(register)
    register("append", "1.jsonl", "--contents", vendor["second"], "-o", "2.jsonl")
    both = keeper / "both.jsonl"
    both.write_bytes((keeper / "2.jsonl").read_bytes() + (keeper / "1.jsonl").read_bytes())
    out = register("show", both, sign=False)
    assert out.startswith("NOT VERIFIED")
    assert "edition      2 " in out
    assert f"contents    current since 2026-11-20  sha256:{digest_of(vendor['second'])}" in out
    assert "of        release/  sha256:" in out
    out = register("show", both, "--trust", vendor["trust"], sign=False)
    assert "NOT VERIFIED" not in out
    said = json.loads(register("show", both, "--trust", vendor["trust"], "--json", sign=False))
    assert (said["verified"], said["sequence"], len(said["entries"])) == (True, 2, 1)


def test_show_is_not_deceived(register, keeper, vendor):
    hostile = "https://x.example/\x1b[2J\u202e"
    world = World()
    entry = {
        "kind": hostile,
        "status": hostile,
        "statement": {"sha256": "0" * 64},
        "note": hostile,
        "artifacts": [{"name": hostile, "digest": {"sha256": "0" * 64}}],
    }
    world.register(entry, by="stranger", registerId=hostile, scope=[hostile, 7])
    write_lines(keeper / "h.jsonl", world.bundles)
    out = register("show", "h.jsonl", sign=False)
    assert {unicodedata.category(char) for char in out.replace("\n", "")} & HIDDEN == set()
    assert "signed by nobody" in register("show", "h.jsonl", "--trust", vendor["trust"], sign=False, code=4)


def test_two_versions_of_one_edition_are_not_shown_as_one(register, keeper):
    begin(register)
    first = (keeper / "1.jsonl").read_bytes()
    begin(register, "--force", as_of="2026-11-20T11:00:01Z")
    (keeper / "both.jsonl").write_bytes(first + (keeper / "1.jsonl").read_bytes())
    assert "holds two versions of edition 1" in register("show", "both.jsonl", sign=False, code=4)
    assert "holds two versions" in register("append", "both.jsonl", "-o", "2.jsonl", code=4)


# ── bad input ──


def test_nothing_is_overwritten_unless_asked(register, keeper):
    begin(register)
    before = (keeper / "1.jsonl").read_bytes()
    assert "exists already and is not overwritten" in begin(register, code=2)
    assert (keeper / "1.jsonl").read_bytes() == before
    register("append", "1.jsonl", "-o", "1.jsonl", "--force")
    assert edition(keeper / "1.jsonl").predicate["sequence"] == 2


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["new", "releases", "--next-update", "1 day", "--scope", "contents", "-o", "x"], 2, "is no URI"),
        (
            ["new", REGISTER, "--next-update", "soon", "--scope", "contents", "-o", "x"],
            2,
            "expected a span like",
        ),
        (["new", REGISTER, "--next-update", "0 days", "--scope", "contents", "-o", "x"], 2, "is not after"),
        (
            ["new", REGISTER, "--next-update", "999999 weeks", "--scope", "contents", "-o", "x"],
            2,
            "expected a span",
        ),
        (
            ["new", REGISTER, "--next-update", "2026-11-20", "--scope", "contents", "-o", "x"],
            2,
            "is not after",
        ),
        (
            ["new", REGISTER, "--next-update", "1 day", "--scope", "content", "-o", "x"],
            2,
            "did you mean 'contents'",
        ),
        (["new", REGISTER, "--next-update", "1 day", "--scope", ",", "-o", "x"], 2, "complete for something"),
        (["new", REGISTER, "--scope", "contents", "-o", "x"], 2, "Missing option '--next-update'"),
        (
            ["new", REGISTER, "--next-update", "1 day", "--scope", "order", "-o", "no/x"],
            4,
            "cannot be written",
        ),
        (["append", "missing.jsonl", "-o", "x"], 4, "missing.jsonl: cannot be read"),
        (["append", "FIRST", "-o", "x"], 4, "holds no register"),
        (["append", "1.jsonl", "--contents", "1.jsonl", "-o", "x"], 4, "holds no contents statement"),
        (["append", "1.jsonl", "--contents", "missing.jsonl", "-o", "x"], 4, "cannot be read"),
        (
            ["append", "1.jsonl", "--rights", "FIRST", "-o", "x"],
            2,
            "kept for contents, withdrawal, not for rights",
        ),
        (["append", "1.jsonl", "--status", "current", "-o", "x"], 2, "expected sha256:…=STATUS"),
        (["append", "1.jsonl", "--status", f"{'0' * 64}=current", "-o", "x"], 2, "is not listed"),
        (["append", "1.jsonl", "--trust", "missing.yaml", "-o", "x"], 4, "missing.yaml: cannot be read"),
        (["append", "1.jsonl", "--limit", "payload_bytes=10", "-o", "x"], 4, "payload bytes"),
        (["append", "1.jsonl"], 2, "Missing option"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_words(register, keeper, vendor, words, code, reason):
    begin(register)
    words = [vendor["first"] if word == "FIRST" else word for word in words]
    err = register(*words, code=code)
    assert reason in err
    assert not (keeper / "x").exists()


def test_times_and_keys(register, keeper, capsys):
    begin(register)
    assert "asOf went back" in register("append", "1.jsonl", "-o", "x", code=2, as_of="2026-11-20T10:59:59Z")
    assert "expected a time like" in register("append", "1.jsonl", "-o", "x", code=2, as_of="now")
    assert attest("register", "append", "1.jsonl", "-o", "x") == 2
    assert "names no signer" in capsys.readouterr().err
    assert attest("register", "append", "1.jsonl", "-o", "x", "--signer", "missing.key") == 4


def test_two_lists_with_one_number_in_one_file(register, keeper, vendor, tmp_path):
    world = vendor["world"]
    tree = next(each for each in world.bundles if "contents" in each.statement().predicate_type).statement()
    fork = signer("ci").sign(
        type(tree).build(tree.subjects, tree.predicate_type, {**tree.predicate, "release": {"name": "fork"}})
    )
    write_lines(tmp_path / "fork.jsonl", [*read_lines(vendor["first"]), fork])
    begin(register)
    err = register("append", "1.jsonl", "--contents", tmp_path / "fork.jsonl", "-o", "x", code=2)
    assert "holds 2 lists of contents with the same number" in err


def test_help_tells_the_subcommands(capsys):
    assert attest("register", "--help") == 0
    out = capsys.readouterr().out
    assert [word for word in ("new", "append", "show") if f"  {word} " in out] == ["new", "append", "show"]


def test_the_store_is_not_needed_for_files(register, keeper, vendor):
    begin(register)
    register("append", "1.jsonl", "--contents", vendor["first"], "-o", "2.jsonl")
    assert not list(keeper.glob("*.db"))
    with pytest.raises(Exception, match="store"):
        open_store(str(keeper / "store.db"))


# ── check and publish ──


def three(register, keeper, vendor):
    begin(register)
    register("append", "1.jsonl", "--contents", vendor["first"], "--trust", vendor["trust"], "-o", "2.jsonl")
    register("append", "2.jsonl", "-o", "3.jsonl")


def test_editions_that_follow_on_each_other_are_well(register, keeper, vendor):
    three(register, keeper, vendor)
    out = json.loads(register("check", "3.jsonl", "1.jsonl", "2.jsonl", "--json", as_of=AS_OF, sign=False))
    assert (out["editions"], out["problems"]) == ([1, 2, 3], [])


def test_a_fork_and_a_dropped_entry_are_found(register, keeper, vendor, capsys):
    three(register, keeper, vendor)
    register("append", "1.jsonl", "-o", "fork.jsonl")
    capsys.readouterr()
    assert attest("register", "check", "2.jsonl", "fork.jsonl", "3.jsonl", "--as-of", AS_OF) == 1
    assert "two different editions have the sequence 2" in capsys.readouterr().out


def test_a_stale_register_says_nothing_any_more(register, keeper, vendor, capsys):
    begin(register)
    assert attest("register", "check", "1.jsonl", "--as-of", "2030-01-01") == 3
    assert "past its next update" in capsys.readouterr().out


def test_publishing_keeps_every_edition_and_never_goes_back(register, keeper, vendor, capsys):
    three(register, keeper, vendor)
    for name in ("1.jsonl", "3.jsonl"):
        assert attest("register", "publish", name, "--to", "public", "--trust", vendor["trust"]) == 0
    public = keeper / "public"
    assert sorted(each.name for each in public.iterdir()) == ["1.jsonl", "3.jsonl", "register.jsonl"]
    assert (public / "register.jsonl").read_bytes() == (keeper / "3.jsonl").read_bytes()
    capsys.readouterr()
    assert attest("register", "publish", "2.jsonl", "--to", "public") == 4
    assert "does not follow on what is published: sequence went back from 3 to 2" in capsys.readouterr().err
    register("append", "1.jsonl", "-o", "fork.jsonl")
    assert attest("register", "publish", "fork.jsonl", "--to", "public") == 4

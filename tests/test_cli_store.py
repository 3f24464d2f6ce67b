"""``attest store check`` and ``attest store export``."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys

import pytest
from stores.samples import bundle, entry, pretty, sha, step

from attest.bundle import read_lines
from attest.cli import main
from attest.store import open_store


def attest(capfd, *arguments):
    """Run the command; return exit code, standard output (bytes) and standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["store", *map(str, arguments)])
    sys.stdout.flush()
    captured = capfd.readouterr()
    return ended.value.code, captured.out, captured.err


@pytest.fixture
def bundles():
    made = step([entry("model/", tree=True)], [entry("data/", tree=True)])
    return [
        made,
        bundle("z"),
        bundle("a"),
        step([entry("model/", tree=True)], [entry("data/", tree=True)], signer="b"),
    ]


@pytest.fixture
def project(tmp_path, monkeypatch, bundles):
    (tmp_path / "attest.yaml").write_text("store: .attest/store.db\n")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    with open_store(str(tmp_path / ".attest" / "store.db"), create=True) as store:
        store.put(bundles, [b"one manifest", b"another"])
    return tmp_path


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def damage(project):
    connection = sqlite3.connect(project / ".attest" / "store.db")
    with connection:
        connection.execute("UPDATE bundle SET raw = raw || x'20' WHERE id = 2")
        connection.execute("UPDATE statement SET predicate_type = char(27) || '[2J' WHERE id = 3")
    connection.close()


# ── check ──


def test_a_good_store_is_counted(project, capfd):
    assert attest(capfd, "check") == (0, "3 statements in 4 bundles, 2 manifests: no problems\n", "")


def test_a_good_store_is_counted_as_json(project, capfd):
    code, out, err = attest(capfd, "check", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"statements": 3, "bundles": 4, "manifests": 2, "problems": []}


def test_damage_is_listed_and_shown_safely(project, capfd):
    damage(project)
    code, out, err = attest(capfd, "check")
    assert (code, err) == (1, "")
    first, second, last = out.splitlines()
    assert first.startswith("bundle 2: its bytes do not match their digest")
    assert "is filed under predicate type" in second
    assert "\x1b" not in out
    assert last == "3 statements in 4 bundles, 2 manifests: 2 problems"


def test_damage_is_listed_as_json(project, capfd):
    damage(project)
    code, out, _ = attest(capfd, "check", "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 2


def test_another_store_may_be_named(project, tmp_path, capfd):
    open_store(str(tmp_path / "other.db"), create=True).close()
    code, out, _ = attest(capfd, "check", "--store", tmp_path / "other.db")
    assert (code, out) == (0, "0 statements in 0 bundles, 0 manifests: no problems\n")


@pytest.mark.parametrize("words", [("check",), ("check", "--json"), ("export",)])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no store"),
        (b"", "is empty, expected a store"),
        (b"not a database, but long enough to be taken for one" * 20, "nor any SQLite database"),
    ],
)
def test_what_is_no_store_is_one_clear_error(tmp_path, capfd, words, content, reason):
    if content is not None:
        (tmp_path / "s.db").write_bytes(content)
    code, out, err = attest(capfd, *words, "--store", tmp_path / "s.db")
    assert (code, out) == (4, "")
    assert err.startswith(f"attest: error: {tmp_path}/s.db: ")
    assert reason in err
    assert "Traceback" not in err


def test_without_a_project_there_is_advice(tmp_path, monkeypatch, capfd):
    from attest import folder, settings

    for module in (folder, settings):
        monkeypatch.setattr(module, "FILE_NAME", "attest-of-nobody.yaml")
    monkeypatch.chdir(tmp_path)
    code, out, err = attest(capfd, "check")
    assert (code, out) == (2, "")
    assert "attest init" in err


def test_limits_can_be_set(project, capfd):
    code, out, _ = attest(capfd, "check", "--limit", "payload_bytes=100")
    assert code == 1
    assert "payload bytes" in out
    code, _, err = attest(capfd, "export", "--limit", "payload_bytes=100")
    assert code == 4
    assert "payload bytes" in err


# ── export ──


def test_export_prints_every_bundle_in_the_order_of_arrival(project, bundles, capfd):
    code, out, err = attest(capfd, "export")
    assert (code, err) == (0, "wrote 4 bundles\n")
    assert out.encode() == b"".join(one.raw + b"\n" for one in bundles)
    assert attest(capfd, "export", "-o", "-")[1] == out


def test_export_writes_a_file(project, bundles, tmp_path, capfd):
    code, out, err = attest(capfd, "export", "-o", tmp_path / "out.jsonl")
    assert (code, out, err) == (0, "", "wrote 4 bundles\n")
    assert [one.raw for one in read_lines(tmp_path / "out.jsonl")] == [one.raw for one in bundles]


def test_export_writes_manifests_by_their_digest(project, tmp_path, capfd):
    folder = tmp_path / "new" / "manifests"
    code, _, err = attest(capfd, "export", "-o", tmp_path / "out.jsonl", "--manifests", folder)
    assert (code, err) == (0, "wrote 4 bundles and 2 manifests\n")
    kept = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert kept == {sha("one manifest"): b"one manifest", sha("another"): b"another"}
    (folder / sha("another")).write_bytes(b"damaged")
    assert attest(capfd, "export", "-o", tmp_path / "out.jsonl", "--manifests", folder)[0] == 0
    assert (folder / sha("another")).read_bytes() == b"another"


def test_a_second_store_filled_from_an_export_exports_the_same(project, tmp_path, capfd):
    with open_store(str(project / ".attest" / "store.db")) as store:
        store.put([pretty(bundle("spread")), bundle("ß\u202e\x1b")])
    attest(capfd, "export", "-o", tmp_path / "one.jsonl", "--manifests", tmp_path / "one")
    with open_store(str(tmp_path / "second.db"), create=True) as store:
        manifests = [(tmp_path / "one" / sha(text)).read_bytes() for text in ("one manifest", "another")]
        store.put(read_lines(tmp_path / "one.jsonl"), manifests)
    second = ("--store", tmp_path / "second.db")
    attest(capfd, "export", "-o", tmp_path / "two.jsonl", "--manifests", tmp_path / "two", *second)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert names(tmp_path / "one") == names(tmp_path / "two")
    assert attest(capfd, "check", "--json")[1] == attest(capfd, "check", "--json", *second)[1]


def test_damage_stops_an_export_and_leaves_the_old_file(project, tmp_path, capfd):
    damage(project)
    (tmp_path / "out.jsonl").write_text("old")
    code, out, err = attest(capfd, "export", "-o", tmp_path / "out.jsonl")
    assert (code, out) == (4, "")
    assert "bundle 2: is damaged" in err
    assert "attest store check" in err
    assert (tmp_path / "out.jsonl").read_text() == "old"
    assert not list(tmp_path.glob(".attest-*"))


@pytest.mark.parametrize(
    "words", [("-o", "no/where/out.jsonl"), ("-o", "."), ("--manifests", "../attest.yaml")]
)
def test_a_place_that_cannot_be_written_is_named(project, capfd, words):
    code, out, err = attest(capfd, "export", *words)
    assert (code, out) == (4, "")
    assert "cannot be" in err
    assert words[1] in err


def test_a_reader_who_goes_away_is_no_traceback(project):
    with open_store(str(project / ".attest" / "store.db")) as store:
        store.put(bundle(number, predicate={"x": ["y" * 5000] * 9}) for number in range(50))
    command = [sys.executable, "-m", "attest", "store", "export"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 4
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.mark.parametrize("words", [("store",), ("store", "check"), ("store", "export"), ("init",)])
def test_help_is_light(words):
    script = (
        "import sys\nfrom attest.cli import main\ntry:\n    main([*sys.argv[1:], '--help'])\n"
        "except SystemExit:\n    print({'pydantic', 'cryptography', 'sqlite3', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], check=True, text=True, stdout=subprocess.PIPE
    )
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--subject", "sha256:" + sha("x")], ["x"]),
        (["--subject", sha("x"), "--subject", sha("model/") + "/"], ["model", "x"]),
        (["--subject", sha("data/")], []),
        (["--type", "step"], ["model"]),
        (["--type", "https://example.org/any/v1"], ["x"]),
        (["--type", "step", "--type", "https://example.org/any/v1"], ["model", "x"]),
        (["--type", "step", "--subject", sha("x")], []),
        (["--type", "no such type"], []),
    ],
    ids=str,
)
def test_export_writes_what_was_chosen(chosen, tmp_path, capfd, words, expected):
    path = tmp_path / "out.jsonl"
    code, out, _ = attest(capfd, "export", "-o", path, "--json", *words)
    assert code == 0
    assert json.loads(out) == {"output": str(path), "bundles": len(expected), "manifests": 0}
    assert [each.raw for each in read_lines(path)] == [chosen[each].raw for each in expected]


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """A store of a step and something else, and the manifests of two directories, one of which it names."""
    monkeypatch.chdir(tmp_path)
    manifest = f"{sha('w')}  w\n".encode()
    tree = entry("model/", tree=True, digest=hashlib.sha256(manifest).hexdigest())
    found = {"model": step([tree, entry("model/")], [entry("data/", tree=True)]), "x": bundle("x")}
    with open_store(str(tmp_path / "store.db"), create=True) as store:
        store.put(found.values(), [manifest, b"of something else"])
    (tmp_path / "attest.yaml").write_text("store: store.db\n")
    return found


def test_export_of_a_choice_writes_the_manifests_it_speaks_of(chosen, tmp_path, capfd):
    for words, count in ((["--type", "step"], 1), (["--subject", sha("x")], 0), ([], 2)):
        folder = tmp_path / f"manifests-{count}"
        _, out, _ = attest(capfd, "export", "-o", "out.jsonl", "--manifests", folder, "--json", *words)
        assert json.loads(out)["manifests"] == count == len(list(folder.iterdir()))


def test_export_asks_for_a_file_beside_json(project, capfd):
    code, out, err = attest(capfd, "export", "--json")
    assert (code, out) == (2, "")
    assert "name a file: -o FILE" in err


def test_export_takes_digests_only(project, capfd):
    assert attest(capfd, "export", "--subject", "model/")[0] == 4


# ── compact ──


def test_compact_tells_what_it_gave_back(project, capfd):
    code, out, err = attest(capfd, "compact")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"[\d,]+ bytes before, [\d,]+ after\n", out)
    _, out, _ = attest(capfd, "compact", "--json")
    said = json.loads(out)
    assert said["bytesBefore"] == said["bytesAfter"] > 0
    assert attest(capfd, "check")[0] == 0


def test_there_is_nothing_to_compact_where_no_store_is(tmp_path, capfd):
    code, out, err = attest(capfd, "compact", "--store", str(tmp_path / "none.db"))
    assert (code, out) == (4, "")
    assert "there is no store" in err


# ── migrate ──


def test_a_store_that_is_up_to_date_says_so(project, capfd):
    assert attest(capfd, "migrate") == (0, "the store is up to date: version 2\n", "")
    _, out, _ = attest(capfd, "migrate", "--json")
    assert json.loads(out) == {"versionBefore": 2, "version": 2}


def test_there_is_nothing_to_migrate_where_no_store_is(tmp_path, capfd):
    code, out, err = attest(capfd, "migrate", "--store", str(tmp_path / "none.db"))
    assert (code, out) == (4, "")
    assert "there is no store" in err

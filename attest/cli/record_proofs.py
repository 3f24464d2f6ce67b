"""``attest records prove`` and ``check``: proofs about records, made and held against a commitment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from attest.cli.named_records import (
    asked_of,
    keys_of,
    limits_of_proofs,
    naming_options,
    project_book,
    say_limits,
)
from attest.cli.options import PATH, counted, echo_json, json_option
from attest.errors import FormatError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.named_records import Named
    from attest.commitment import Commitment

__all__ = ["check", "prove"]


@click.command()
@click.argument("dataset", metavar="DATASET")
@naming_options
@click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="Where the proof goes.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
def prove(
    dataset: str,
    named: Named,
    output: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Prove that a dataset holds a record, or that it does not.

    DATASET is a path, or the digest of a dataset the record book knows. The proof names the key of the record
    and of up to seven others beside it, and nothing else.
    """
    from attest.cli.preflight import read_artifact
    from attest.files import write_file
    from attest.leaves import LeafFile

    book = project_book()
    artifact = read_artifact(dataset).artifact
    space = "subject" if named.people else "content"
    path = book.leaf_path(artifact, space)
    if not path.exists():
        hint = "`attest records commit` makes it" + (" with --subject COLUMN" if named.people else "")
        raise UsageError(f"there is no leaf file of its {space} keys", dataset, hint)
    with LeafFile(path) as leaves:
        asked = asked_of(leaves, book, named)
        if len(asked) != 1:
            raise UsageError(f"{len(asked)} records are named, expected one", hint="make a proof for each")
        proof = leaves.prove(asked[0].key)
    write_file(output, [proof.encode()], overwrite=force)
    result = {
        "dataset": str(artifact),
        "keying": space,
        "key": proof.key.hex(),
        "included": proof.included,
        "root": proof.root.hex(),
        "count": proof.count,
        "notProven": limits_of_proofs(),
    }
    if as_json:
        echo_json(result)
        return
    click.echo(f"{'included' if proof.included else 'excluded'}  {space} key {proof.key.hex()}")
    click.echo(f"root      {proof.root.hex()}, {counted(proof.count, 'key')}")
    say_limits()


@click.command()
@click.argument("proof_path", type=PATH, required=False, metavar="[PROOF]")
@click.option(
    "--commitment",
    "given",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="The commitment it is held against: what `attest records commit --json` or `attest inspect --json` "
    "printed, or a leaf file.  Of a removal first that of the old version, then that of the new.",
)
@click.option(
    "--record", "record", type=PATH, metavar="FILE", help="The record: a file, or a table of one row."
)
@click.option("--person", metavar="ID", help="The person.")
@click.option("--secret", "secret_path", type=PATH, metavar="FILE", help="The secret the key is made with.")
@json_option
def check(
    proof_path: Path | None,
    given: tuple[Path, ...],
    record: Path | None,
    person: str | None,
    secret_path: Path | None,
    as_json: bool,
) -> None:
    """Check a proof about a record, or that records were removed.

    Nothing of a project is needed. Without the record and the secret the answer is about the key only: whose
    key it is, nobody has shown.

    Without PROOF, two leaf files are built again and compared key by key, which proves a removal of any size,
    and that nothing else changed.

    Exit code 1: it does not prove what it says.
    """
    from attest.removal import Removal

    data = _read_proof(proof_path) if proof_path else b""
    if proof_path is None:
        result = _compare(given)
    elif data.startswith(b"ATTRRMV1"):
        result = _check_removal(Removal.decode(data, str(proof_path)), given)
    else:
        result = _check_proof(data, proof_path, given, record, person, secret_path)
    result["notProven"] = limits_of_proofs()
    if as_json:
        echo_json(result)
    else:
        _tell_check(result)
    if result["problem"]:
        click.get_current_context().exit(1)


def _read_proof(path: Path) -> bytes:
    from attest.removal import MAX_BYTES

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(f"a proof of {size:,} bytes, expected {MAX_BYTES:,} at most", str(path))
    return path.read_bytes()


def _check_removal(removal: Any, given: tuple[Path, ...]) -> dict[str, Any]:
    if len(given) != 2:
        hint = "--commitment OLD --commitment NEW"
        raise UsageError("a removal is held against two commitments", "--commitment", hint)
    before, after = (_commitments(each) for each in given)
    return {
        "kind": "removal",
        "removed": {space: [key.hex() for key in removal.keys(space)] for space in ("content", "subject")},
        "problem": removal.problem(before, after),
    }


def _compare(given: tuple[Path, ...]) -> dict[str, Any]:
    """Hold two leaf files against each other."""
    from attest.commitment import commit
    from attest.leaves import LeafFile

    if len(given) != 2:
        hint = "attest records check --commitment OLD.leaves --commitment NEW.leaves"
        raise UsageError("without a proof, two leaf files are compared", "--commitment", hint)
    with LeafFile(given[0]) as old, LeafFile(given[1]) as new:
        old.check()
        new.check()
        before, after = old.commitment, new.commitment
        if not before.same_keys(after):
            problem = "their keys are of different spaces, or made with different secrets"
            return {"kind": "comparison", "problem": problem}
        gone, came = set(old).difference(new), set(new).difference(old)
        removed = commit(gone, before.space, before.secret_digest)
        return {
            "kind": "comparison",
            "keying": before.space,
            "before": {"root": before.root.hex(), "count": before.count},
            "after": {"root": after.root.hex(), "count": after.count},
            "removed": {"root": removed.root.hex(), "count": removed.count},
            "added": len(came),
            "problem": None,
        }


def _check_proof(
    data: bytes,
    path: Path,
    given: tuple[Path, ...],
    record: Path | None,
    person: str | None,
    secret_path: Path | None,
) -> dict[str, Any]:
    from attest.commitment import Proof

    proof = Proof.decode(data, str(path))
    if len(given) != 1:
        raise UsageError("a proof is held against one commitment", "--commitment")
    known = [each for each in _commitments(given[0]) if each.space == proof.space]
    if not known:
        raise UsageError(f"holds no commitment over {proof.space} keys", str(given[0]))
    problem = proof.problem(known[0])
    named = record is not None or person is not None
    if named != (secret_path is not None):
        hint = "without both only the key is checked"
        raise UsageError("the record and the secret belong together", "--secret", hint)
    if named and secret_path is not None and problem is None:
        problem = _key_problem(proof, known[0], record, person, secret_path)
    return {
        "kind": "included" if proof.included else "excluded",
        "keying": proof.space,
        "key": proof.key.hex(),
        "keyOnly": not named,
        "problem": problem,
    }


def _key_problem(
    proof: Any, commitment: Commitment, record: Path | None, person: str | None, secret_path: Path
) -> str | None:
    """Return why the proof is not about that record, or ``None`` if it is."""
    from attest.commitment import Keyer
    from attest.record import SUFFIXES
    from attest.recordbook import RecordBook, read_secret

    secret = RecordBook.check_secret(read_secret(secret_path), commitment.secret_digest, secret_path)
    keyer = Keyer(secret)
    if (person is not None) != (proof.space == "subject"):
        return f"it is about a {proof.space} key"
    if person is not None:
        keys = [keyer.key(os.fsencode(person))]
    elif record is not None:
        table = record.suffix.lower() in SUFFIXES
        keys = keys_of(record, "file", keyer) + (keys_of(record, "row", keyer) if table else [])
    if proof.key in keys:
        return None
    return f"it is about another record: got key {proof.key.hex()}, expected {keys[-1].hex()}"


def _commitments(path: Path) -> list[Commitment]:
    """Read the commitments of a file.

    Raises:
        FormatError: it holds none.
    """
    from pydantic import ValidationError

    from attest.canonical import read_json
    from attest.leaves import LeafFile
    from attest.predicates.dataset import RecordCommitment

    data = path.read_bytes() if path.stat().st_size < 1 << 20 else b""
    if not data or data.startswith(b"ATTRLEF1"):
        with LeafFile(path) as leaves:
            leaves.check()
            return [leaves.commitment]
    found: list[Commitment] = []
    stack = [read_json(data, str(path))]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and {"scheme", "root", "count", "keying"} <= value.keys():
            try:
                said = RecordCommitment.from_json(value).commitment()
            except ValidationError as error:
                raise FormatError("holds a commitment that is none", str(path)) from error
            found += [said] if said else []
        stack += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    spaces = [each.space for each in found]
    if not found or len(set(spaces)) < len(spaces):
        what = f"holds {len(found)} commitments, expected one, or one of records and one of people"
        raise FormatError(what, str(path), "`attest records commit --json` prints them")
    return found


def _tell_check(result: dict[str, Any]) -> None:
    from attest.text import show

    if result["problem"]:
        click.echo(f"NOT PROVEN  {show(result['problem'], 500)}")
    elif result["kind"] == "comparison":
        for name in ("before", "after", "removed"):
            click.echo(f"{name:8}{result[name]['root']}  {counted(result[name]['count'], 'key')}")
        click.echo(f"added   {counted(result['added'], 'key')}")
    elif result["kind"] == "removal":
        for space, keys in result["removed"].items():
            for key in keys:
                click.echo(f"removed   {space} key {key}")
    else:
        click.echo(f"{result['kind']}  {result['keying']} key {result['key']}")
        if result["keyOnly"]:
            click.echo("key only: whose key this is was not checked; --record and --secret check it")
    say_limits()

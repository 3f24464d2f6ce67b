"""The code of a step: a folder's files without what git ignores, and the commit they are from.

Inside a git work tree, what counts is what git tracks and what it would track: build products, environments
and data that ``.gitignore`` leaves out are no code. The digest is of the files as they are on disk, so it
holds for uncommitted changes too; the commit is a fact beside it and links nothing.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from attest.digest_cache import DigestCache
from attest.errors import DigestError
from attest.exclusions import Exclusions
from attest.hashing import Progress, hash_scan
from attest.manifest import Excluded, Manifest, Measured
from attest.scan import Found, Offender, Root, Scan, kind_problem, path_problem, scan_tree, status_of

__all__ = ["GitState", "changed_code", "digest_code", "git_state", "public_url"]

_GIT_SECONDS = 120
"""How long git may take; a work tree of a million files takes a few seconds."""
_ELSEWHERE = frozenset(
    {"GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"}
)
"""Variables that lead git to another repository than the folder's; hooks set them."""
_SCP = re.compile(r"(?:[^\s/:@]+@)?([A-Za-z0-9.-]+):(?!//)([^\s]+)")


@dataclass(frozen=True)
class GitState:
    """What git says of a work tree."""

    commit: str
    """The commit that is checked out, hex."""
    dirty: bool
    """Whether files differ from it, or are not tracked; ignored files, outputs and inputs left aside."""
    remote: str | None = None
    """Where it comes from, without user info; ``None`` for a place on this machine."""

    def to_json(self) -> dict[str, Any]:
        """Return the facts as they stand in a statement."""
        return {
            "commit": self.commit,
            "dirty": self.dirty,
            **({"remote": self.remote} if self.remote else {}),
        }


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or ``None`` if there is no git, it refuses the folder, or it takes too long."""
    # no hook of the repository runs (fsmonitor is one), and nothing is written to its index
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "-C", str(folder)]
    environ = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    try:
        done = subprocess.run(  # noqa: S603 - our own words, and a folder's name after -C
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
            env={**environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def public_url(url: str) -> str | None:
    """Return a git remote as a URL anybody may see, or ``None`` for a path on this machine.

    User info, query and fragment are left out; ``git@host:path`` becomes ``ssh://host/path``.
    """
    url = url.strip()
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.scheme not in {"git", "http", "https", "ssh"} or not host:
            return None
        where = f"[{host}]" if ":" in host else host
        return urlunsplit((parts.scheme, f"{where}:{port}" if port else where, parts.path, "", ""))
    found = _SCP.fullmatch(url)
    # one letter before the colon is a drive
    return f"ssh://{found[1]}/{found[2].lstrip('/')}" if found and len(found[1]) > 1 else None


def _within(path: str, folders: Collection[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _is_ignored(folder: Path) -> bool:
    """Tell whether the work tree around a folder ignores it as a whole: git knows none of its files."""
    return _git(folder, "check-ignore", "--quiet", ".") is not None and not _git(folder, "ls-files", "-z")


def git_state(folder: Path, without: Collection[Path] = ()) -> GitState | None:
    """Return what git says of the work tree a folder belongs to, or ``None`` if it belongs to none.

    Args:
        folder: anywhere in the work tree.
        without: files and folders that do not make it dirty (absolute, links resolved).
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if commit is None or top is None or _is_ignored(folder):
        return None
    root = os.path.realpath(os.fsdecode(top.rstrip(b"\r\n")))
    said = _git(folder, "status", "--porcelain=v1", "--no-renames", "-z", "--untracked-files=normal") or b""
    left_out = {os.fspath(path) for path in without}
    dirty = any(
        not _within(os.path.join(root, os.fsdecode(line[3:]).rstrip("/")), left_out)  # noqa: PTH118 - may be no UTF-8
        for line in said.split(b"\0")
        if line
    )
    remote = _git(folder, "config", "--get", "remote.origin.url")
    url = public_url(remote.decode("utf-8", "replace")) if remote else None
    return GitState(commit.decode("ascii", "replace").strip(), dirty, url)


def _listed(root: Path) -> list[str] | None:
    """Return the paths below ``root`` that git tracks or would track, or ``None`` where git cannot say."""
    if _is_ignored(root):
        return None
    waiting, paths = [""], set[str]()
    while waiting:
        prefix = waiting.pop()
        said = _git(root / prefix, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if said is None:
            if not prefix:
                return None
            continue
        for each in said.split(b"\0"):
            name = os.fsdecode(each)
            path = prefix + name.rstrip("/")
            if not name or path in paths:
                continue
            # a submodule, or a repository inside the repository, comes as one entry
            if (root / path).is_dir() and not (root / path).is_symlink():
                if (root / path / ".git").exists():
                    waiting.append(f"{path}/")
            else:
                paths.add(path)
    return sorted(paths)


def _look(root: Path, paths: Sequence[str]) -> Iterator[Found | Offender]:
    """Yield the files behind paths; those git knows and nobody has any more are passed over."""
    real = os.path.realpath(root)
    with Root(real) as opened:
        for path in paths:
            place = path
            try:
                found = opened.status(path)
                if stat.S_ISLNK(found.st_mode):  # a link inside the work tree is read as what it leads to
                    place = os.path.relpath(os.path.realpath(f"{real}/{path}", strict=True), real)
                    if place.split(os.sep, 1)[0] == "..":
                        yield Offender(path, "a symbolic link that leaves the tree")
                        continue
                    found = opened.status(place)
                    if stat.S_ISDIR(found.st_mode):
                        continue  # its files are listed where they are
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                yield Offender(path, (error.strerror or str(error)).lower())
                continue
            problem = path_problem(path) or kind_problem(found.st_mode)
            if problem:
                yield Offender(path, problem)
            else:
                yield Found(path, place, found.st_size, status_of(found))


def _scan(root: Path, exclude: Sequence[str], without: Collection[Path]) -> tuple[Scan, bool]:
    """Return what counts as code below a folder, and whether git said so."""
    real = os.path.realpath(root)
    listed = _listed(root)
    if listed is None:
        scan = scan_tree(root, [*exclude, "**/.git"], symlinks=True)
        entries: list[Found | Offender] = [*scan.found, *scan.offenders]
        skipped = scan.skipped
    else:
        rules = Exclusions(exclude)
        kept = [path for path in listed if not _excluded(rules, path)] if rules else listed
        entries, skipped = list(_look(root, kept)), len(listed) - len(kept)
    left_out = {os.path.relpath(path, real).replace(os.sep, "/") for path in without}
    if "." in left_out:
        entries = []
    entries = [each for each in entries if not _within(each.path, left_out)]
    found = [each for each in entries if isinstance(each, Found)]
    offenders = [each for each in entries if isinstance(each, Offender)]
    # no directories: that something appears beside the code is nobody's business
    return Scan(
        real, sorted(found), offenders, skipped, [], tuple(exclude), symlinks=True
    ), listed is not None


def _excluded(rules: Exclusions, path: str) -> bool:
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return rules.match(path, directory=False) or any(rules.match(folder, directory=True) for folder in above)


def digest_code(
    root: Path,
    *,
    exclude: Sequence[str] = (),
    without: Collection[Path] = (),
    progress: Progress | None = None,
    cache: DigestCache | None = None,
) -> tuple[Measured, bool]:
    """Digest the code in a folder.

    Args:
        root: the folder.
        exclude: patterns of paths to leave out (``attest.exclusions.Exclusions``).
        without: files and folders that are no code, because they are outputs, other inputs or attest's own
            (absolute, links resolved).
        progress: who watches.
        cache: what remembers digests of files that have not changed; it lies in ``without``, or elsewhere.

    Returns:
        What was measured, and whether git said what belongs to it; otherwise all files of the folder do.

    Raises:
        DigestError: there is no code, or some of it cannot be digested; all such paths are named.
        UsageError: a pattern cannot be read.
    """
    scan, by_git = _scan(root, exclude, without)
    if not scan.found and not scan.offenders:
        hint = "does .gitignore leave out all of it? --code takes a folder or a file"
        raise DigestError("no code in this folder", str(root), hint)
    files = (cache.hash_scan if cache else hash_scan)(scan, progress=progress)
    manifest = Manifest.of((file.sha256, file.path) for file in files)
    size = sum(file.size for file in files)
    excluded = Excluded(tuple(exclude), scan.skipped)
    return Measured(root, manifest.digest, size, files, manifest, excluded, symlinks=True), by_git


def changed_code(measured: Measured, progress: Progress | None = None) -> list[str]:
    """Return the paths of digested code whose bytes differ by now.

    Files that were not there when it was digested are passed over: programs write beside their code.
    """
    known = {file.path: file for file in measured.files}
    try:
        entries = list(_look(measured.path, list(known)))
    except OSError:
        return sorted(known)
    found = {each.path: each for each in entries if isinstance(each, Found)}
    doubtful = [each for each in found.values() if not known[each.path].still(each.status)]
    different = known.keys() - found.keys()
    scan = Scan(os.path.realpath(measured.path), doubtful, [], 0, [])
    for each in doubtful:
        try:
            (again,) = hash_scan(scan._replace(found=[each]), progress=progress)
        except DigestError:
            different |= {each.path}
        else:
            different |= {each.path} if again.sha256 != known[each.path].sha256 else set()
    return sorted(different)

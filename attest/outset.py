"""What a recording starts from, made of its options: a desk, a manner of digesting, parameters."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attest.desk import Desk
from attest.digest_cache import CACHE_CHOICES, DigestCache, project_cache
from attest.engine import check_engine
from attest.errors import UsageError, nearest
from attest.exclusions import Exclusions
from attest.limits import DEFAULT
from attest.manner import Manner
from attest.parameters import Options, Parameters, own_command
from attest.settings import Project, find_project

__all__ = ["check_options", "desk_of", "manner_of", "parameters_of"]


def check_options(options: Options) -> None:
    """Refuse an option that is none.

    Raises:
        TypeError: there is one.
    """
    if unknown := sorted(options.keys() - Options.__annotations__.keys()):
        guess = nearest(unknown[0], Options.__annotations__)
        meant = f", did you mean {guess!r}?" if guess else ""
        raise TypeError(f"unexpected argument {unknown[0]!r}{meant}")


def desk_of(options: Options, tell: Callable[[str], None]) -> Desk:
    """Return the desk of the project here, with what the options put in place of its own.

    Raises:
        FormatError: the settings file cannot be read.
        UsageError: there is none, it is another user's, or it is not what it should be.
    """
    project = find_project(
        Path.cwd(),
        store=options.get("store"),
        signer=options.get("signer"),
        timestamps=options.get("timestamps", ()),
        log=options.get("log"),
        sigstore=options.get("sigstore"),
    )
    secret = options.get("passphrase") or os.fsencode(os.environ.get("ATTEST_PASSPHRASE", ""))
    return Desk(project, secret or None, tell=tell)


def manner_of(options: Options, project: Project, tell: Callable[[str], None]) -> Manner:
    """Return how the step's files are digested.

    Raises:
        UsageError: a pattern cannot be read, no such engine, or no such use of what is remembered.
    """
    Exclusions(options.get("exclude", ()))  # one that cannot be read is found now
    manner = Manner(
        tuple(options.get("exclude", ())),
        options.get("symlinks", False),
        options.get("progress"),
        cache=_cache(project, options.get("cache", "use"), tell),
        adopt=options.get("adopt_digests", False),
        engine=options.get("engine"),
        limits=options.get("limits", DEFAULT),
    )
    if manner.engine is not None:
        check_engine(manner.engine)
    return manner


def _cache(project: Project, choice: str, tell: Callable[[str], None]) -> DigestCache | None:
    if choice not in CACHE_CHOICES:
        raise UsageError(f"cache: got {str(choice)[:60]!r}, expected {', '.join(CACHE_CHOICES)}")
    return project_cache(project.file if project.file.is_file() else None, choice, tell)


def parameters_of(kind: str, options: Options) -> Parameters:
    """Return the parameters of a step, as far as the options name them.

    Raises:
        UsageError: one cannot be recorded.
        SecretError: one looks like a secret.
    """
    command = options.get("command")
    here = [] if options.get("past", False) else own_command()
    parameters = Parameters(
        kind,
        here if command is None else command,
        tuple(options.get("exclude", ())),
        {name: os.environ.get(name) for name in options.get("environment", ())},
        options.get("not_secret", ()),
    )
    seed = options.get("seed")
    if seed is not None:
        parameters.seed(seed)
    for name in options.get("secrets", ()):
        parameters.secret(name)
    return parameters

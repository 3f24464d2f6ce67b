"""Where a project is: the folder of the nearest ``attest.yaml``, found without reading it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from attest.errors import FormatError, UsageError

__all__ = ["FILE_NAME", "find_file"]

FILE_NAME = "attest.yaml"
"""The settings file; the folder it stands in is the project's root."""


def find_file(start: Path) -> Path | None:
    """Return the settings file that holds for ``start``, the nearest in it or above it, if there is one.

    Settings choose the key that signs and the store that is written, and anybody may put such a file into a
    folder like ``/tmp``. So it must belong to this user, to root, or to the owner of ``start``.

    Raises:
        FormatError: the file cannot be looked at.
        UsageError: it is another user's.
    """
    folder = start.absolute()
    for candidate in (folder, *folder.parents):
        file = candidate / FILE_NAME
        try:
            owners = {file.lstat().st_uid, file.stat().st_uid}
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", str(file)) from error
        _check_owners(file, owners, folder)
        return file
    return None


def _check_owners(file: Path, owners: set[int], start: Path) -> None:
    if os.name != "posix":
        return
    trusted = {0, os.geteuid()}
    with suppress(OSError):
        trusted.add(start.stat().st_uid)
    if foreign := owners - trusted:
        hint = "if you trust it, take it over with chown; otherwise `attest init` in a folder of your own"
        raise UsageError(f"belongs to another user (uid {min(foreign)})", str(file), hint)

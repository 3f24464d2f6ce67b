"""Git LFS pointers: taken at their word if they are whole, refused if they only begin like one."""

from __future__ import annotations

import pytest

from attest.adopter import Claim
from attest.adopters.git_lfs import MOST, GitLfs
from attest.errors import FormatError
from attest.scan import scan_file, scan_tree

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n"


def claims(root):
    return GitLfs().claims(scan_tree(root))


def test_a_pointer_names_its_object(tmp_path):
    (tmp_path / "weights.bin").write_text(POINTER)
    (tmp_path / "README.md").write_text("version https://git-lfs.github.com/")
    assert claims(tmp_path) == {"weights.bin": Claim(OID, 12345)}
    assert GitLfs().claims(scan_file(tmp_path / "weights.bin")) == {"weights.bin": Claim(OID, 12345)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("spec/v1", "spec/v2"),
        (OID, OID[:-1]),
        (OID, OID.upper()),
        (f"sha256:{OID}", "md5:900150983cd24fb0d6963f7d28e17f72"),
        ("size 12345", "size -1"),
        ("size 12345", "size 0"),
        ("size 12345", "size 012345"),
        ("size 12345", "size 12345678901234567"),
        ("size 12345\n", "size 12345"),
        ("size 12345\n", "size 12345\nmore\n"),
        ("oid", f"ext-0-foo sha256:{OID}\noid"),
        ("\n", "\r\n"),
    ],
)
def test_what_only_begins_like_a_pointer_is_refused(tmp_path, old, new):
    (tmp_path / "a").write_bytes(POINTER.replace(old, new).encode())
    with pytest.raises(FormatError, match="begins like a Git LFS pointer and is none") as error:
        claims(tmp_path)
    assert error.value.where == "a"


def test_a_huge_pointer_is_data(tmp_path):
    (tmp_path / "a").write_text(POINTER.ljust(MOST))
    assert claims(tmp_path) == {}


def test_an_object_of_another_size_is_refused(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_text(POINTER)
    place = tmp_path / ".git" / "lfs" / "objects" / OID[:2] / OID[2:4]
    place.mkdir(parents=True)
    assert claims(tmp_path / "d") == {"a": Claim(OID, 12345)}
    (place / OID).write_bytes(bytes(12345))
    assert claims(tmp_path / "d") == {"a": Claim(OID, 12345)}
    (place / OID).write_bytes(bytes(12344))
    with pytest.raises(FormatError, match=r"says 12345 bytes, the object in \.git/lfs has 12344"):
        claims(tmp_path / "d")

"""OCI image layouts: layers that a manifest describes, with the size it says."""

from __future__ import annotations

import json

import pytest

from attest.adopter import Claim
from attest.adopters import oci
from attest.adopters.oci import OciLayout
from attest.digest import sha256_bytes
from attest.errors import FormatError
from attest.scan import scan_file, scan_tree


class Image:
    """A layout on disk."""

    def __init__(self, root):
        self.root = root
        (root / "blobs" / "sha256").mkdir(parents=True)
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data):
        digest = sha256_bytes(data)
        self.place(digest).write_bytes(data)
        return {"mediaType": "application/octet-stream", "digest": f"sha256:{digest}", "size": len(data)}

    def place(self, digest):
        return self.root / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def document(self, **value):
        return self.blob(json.dumps({"schemaVersion": 2, **value}).encode())

    def index(self, *manifests):
        (self.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))

    def claims(self, path=None):
        return OciLayout().claims(scan_tree(path or self.root))


@pytest.fixture
def image(tmp_path):
    image = Image(tmp_path / "image")
    image.config, image.layer = image.blob(b"config"), image.blob(b"layer" * 100)
    image.manifest = image.document(config=image.config, layers=[image.layer])
    image.index(image.manifest)
    return image


def hexes(*descriptors):
    return {each["digest"].removeprefix("sha256:") for each in descriptors}


def test_layers_and_configuration_are_taken_over(image):
    image.blob(b"nobody describes this")
    layer, config = (each["digest"].removeprefix("sha256:") for each in (image.layer, image.config))
    assert image.claims() == {
        f"blobs/sha256/{layer}": Claim(layer, 500),
        f"blobs/sha256/{config}": Claim(config, 6),
    }


def test_a_layout_inside_a_tree_and_a_blob_alone(image):
    layer = image.layer["digest"].removeprefix("sha256:")
    assert f"image/blobs/sha256/{layer}" in image.claims(image.root.parent)
    assert OciLayout().claims(scan_file(image.place(layer))) == {layer: Claim(layer, 500)}
    assert len(image.claims(image.root / "blobs" / "sha256")) == 2


def test_an_index_within_an_index(image):
    image.index(image.document(manifests=[image.manifest]))
    assert len(image.claims()) == 2


def test_a_layer_of_another_size_is_refused(image):
    image.place(image.layer["digest"]).write_bytes(b"layer" * 99)
    with pytest.raises(FormatError, match="has 495 bytes, its image manifest says 500"):
        image.claims()


def test_a_manifest_that_is_not_what_its_name_says_is_refused(image):
    place = image.place(image.manifest["digest"])
    place.write_bytes(place.read_bytes() + b" ")
    with pytest.raises(FormatError, match="does not have the digest and size"):
        image.claims()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"digest": "sha256:../../../../etc/passwd"}, "got the digest"),
        ({"digest": "sha256:" + "A" * 64}, "got the digest"),
        ({"digest": 5}, "no digest and size"),
        ({"size": "500"}, "no digest and size"),
        ({"size": -1}, "no digest and size"),
        ({"size": True}, "no digest and size"),
    ],
)
def test_a_descriptor_that_is_none_is_refused(image, change, reason):
    image.index(image.document(config=image.config, layers=[image.layer | change]))
    with pytest.raises(FormatError, match=reason):
        image.claims()


def test_other_algorithms_are_measured(image):
    image.index(image.document(layers=[image.layer | {"digest": "sha512:" + "0" * 128}]))
    assert image.claims() == {}


def test_one_layer_of_two_sizes_is_refused(image):
    image.index(image.document(layers=[image.layer, image.layer | {"size": 5}]))
    with pytest.raises(FormatError, match="in one manifest and"):
        image.claims()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("oci-layout", '{"imageLayoutVersion": "2.0.0"}', "imageLayoutVersion"),
        ("oci-layout", "[]", "imageLayoutVersion"),
        ("index.json", "[]", "expected an object"),
        ("index.json", '{"manifests": {}}', "expected a list"),
        ("index.json", "{", "index.json"),
        ("index.json", None, "cannot be read"),
    ],
)
def test_what_is_no_layout_is_refused(image, name, text, reason):
    (image.root / name).unlink()
    if text is not None:
        (image.root / name).write_text(text)
    with pytest.raises(FormatError) as error:
        image.claims()
    assert reason in f"{error.value.where} {error.value.what}"


def test_a_manifest_that_is_a_link_is_not_followed(image):
    place = image.place(image.manifest["digest"])
    (image.root.parent / "outside").write_bytes(place.read_bytes())
    place.unlink()
    place.symlink_to(image.root.parent / "outside")
    with pytest.raises(FormatError, match="cannot be read"):
        image.claims()


def test_depth_and_size_are_bounded(image, monkeypatch):
    deep = image.manifest
    for _ in range(oci._DEEP + 1):
        deep = image.document(manifests=[deep])
    image.index(deep)
    with pytest.raises(FormatError, match="too many"):
        image.claims()
    monkeypatch.setattr(oci, "_DOCUMENT", 10)
    with pytest.raises(FormatError, match="is larger than 10 bytes"):
        image.claims()


def test_images_that_are_not_here_are_passed_over(image):
    image.index(image.manifest, {"mediaType": "", "digest": "sha256:" + "0" * 64, "size": 1})
    assert len(image.claims()) == 2
    assert hexes(image.layer, image.config) == {claim.sha256 for claim in image.claims().values()}

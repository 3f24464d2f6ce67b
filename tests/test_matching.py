"""What a delivery is: bytes and paths decide, the fewest extras win."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from world import Tree, World, good_world

from attest.matching import Delivery
from attest.resource import Artifact


def test_exactly_an_attested_tree():
    world, release = good_world()
    match = world.review(release).match
    assert (match.exact, match.roots, match.extras, match.missing) == (True, (release.artifact,), (), ())


def test_some_files_of_a_tree_with_a_stranger_beside_them():
    world, release = good_world()
    match = world.review(release.delivery(**{"config.json": None, "notes.txt": b"x"})).match
    assert not match.exact
    assert match.roots == (release.artifact,)
    assert match.extras == ("notes.txt",)
    assert match.missing == ("config.json",)


def test_the_tree_with_the_fewest_extras_wins():
    world = World()
    data = world.dataset("d")
    small, large = Tree("s", {"w.safetensors": b"w"}), Tree("l", {"w.safetensors": b"w", "config.json": b"c"})
    world.step("train", [(data, "dataset")], [small])
    world.step("release", [(small, "base-model")], [large])
    delivered = Tree("x", {"w.safetensors": b"w", "config.json": b"c", "README.md": b"r"}).delivery()
    match = world.review(delivered).match
    assert match.roots == (large.artifact,)
    assert match.extras == ("README.md",)


def test_a_single_weights_file_out_of_a_tree():
    world, release = good_world()
    sha = release.digests["model.safetensors"]
    delivered = Delivery("anything.safetensors", Artifact(sha), 10, {"anything.safetensors": sha})
    assert world.review(delivered).match.roots == (Artifact(sha), release.artifact)
    assert world.judge(delivered).verdict.accepts


def test_near_misses_show_the_closest_tree_first():
    world, release = good_world()
    match = world.review(release.delivery(**{"model.safetensors": b"changed"})).match
    assert match.near[0].tree == release.artifact
    assert [path for path, _, _ in match.near[0].changed] == ["model.safetensors"]


@given(st.sampled_from(["model.safetensors", "config.json", "README.md"]), st.binary(max_size=20))
def test_no_changed_file_is_ever_part_of_a_match(path, data):
    world, release = good_world()
    if data != release.files[path]:
        match = world.review(release.delivery(**{path: data})).match
        assert release.artifact not in match.roots

"""Rules over steps, base models, orders and recipients: what passes, what is refused, what stays open."""

from __future__ import annotations

from typing import Any

import pytest
from world import (
    DEFAULT_ROLES,
    FACTS,
    NOW,
    REGISTER,
    Tree,
    World,
    codes,
    descriptor,
    facts,
    make_trust,
    parse_policy,
)

from attest.digest import sha256_bytes
from attest.errors import UsageError
from attest.manifest import Manifest
from attest.outline import text_tree
from attest.resource import Artifact
from attest.sketch import picture_of
from attest.verdict import Result

ORDERS = f"not-under-order: {{register: {REGISTER}, maxAge: 7 days}}"


def only(rule: str) -> str:
    name, colon, parameters = rule.partition(": ")
    return f"policy: one\nversion: 1\nrules:\n  - {name}{colon}{parameters}\n"


def judged(world: World, model: Any, rule: str, **more: Any):
    judgement = world.judge(model, only(rule), **more)
    return judgement.judged[0].outcome, {each.partition("/")[2] for each in codes(judgement)}


def finetuned(**base: Any) -> tuple[World, Artifact, Artifact]:
    """A model fine-tuned from a base of which the step says this."""
    world = World()
    data, foundation, model = world.dataset("data"), world.file("base"), world.file("model")
    world.names[foundation] = "base"
    item = descriptor(foundation, "base", role="base-model", sizeBytes=100, **base)
    world.step("finetune", [(data, "dataset"), item], [model])
    return world, foundation, model


OPAQUE = {"opaque": True, "reason": "bought without its lineage"}


# -- base-models -----------------------------------------------------------------------------------------


def test_a_base_model_with_a_lineage_is_known():
    world, base, model = finetuned()
    world.step("train", [(world.dataset("web"), "dataset")], [base])
    result, found = judged(world, model, "base-models")
    assert (result.result, result.examined, found) == (Result.PASS, 1, set())


def test_a_base_model_nobody_explains_is_unknown():
    world, _, model = finetuned()
    result, found = judged(world, model, "base-models")
    assert result.result is Result.UNKNOWN
    assert "base-model-unexplained" in found
    assert result.findings[0].path == ("model", "finetune", "base")


def test_opaque_base_models_are_counted():
    world, _, model = finetuned(**OPAQUE)
    assert judged(world, model, "base-models")[0].result is Result.FAIL
    assert judged(world, model, "base-models")[1] == {"opaque-base-model"}
    assert judged(world, model, "base-models: {opaque: 1}")[0].result is Result.PASS


def test_only_listed_models_may_lie_at_the_bottom():
    world, base, model = finetuned(**OPAQUE)
    allowed = f"base-models: {{opaque: 1, allow: ['{base}']}}"
    assert judged(world, model, allowed)[0].result is Result.PASS
    other = f"base-models: {{opaque: 1, allow: ['sha256:{'0' * 64}']}}"
    assert judged(world, model, other)[1] == {"base-model-denied"}


def test_a_model_in_the_middle_need_not_be_listed():
    world, base, model = finetuned()
    bottom = world.file("bottom")
    world.step("quantize", [descriptor(bottom, "bottom", role="base-model", sizeBytes=9, **OPAQUE)], [base])
    allowed = f"base-models: {{opaque: 1, allow: ['{bottom}']}}"
    assert judged(world, model, allowed)[0].result is Result.PASS


def test_a_denied_model_is_found_at_any_depth_and_inside_directories():
    world, data = World(), None
    data = world.dataset("data")
    bad, middle, model = Tree("bad", {"w.safetensors": b"stolen"}), world.file("middle"), world.file("model")
    world.step("train", [(data, "dataset")], [bad])
    world.step("quantize", [(bad, "base-model")], [middle])
    world.step("quantize", [(middle, "base-model")], [model])
    for digest in (bad.artifact.sha256, bad.digests["w.safetensors"]):
        result, found = judged(world, model, f"base-models: {{deny: ['sha256:{digest}']}}")
        assert result.result is Result.FAIL
        assert found == {"base-model-denied"}
    assert judged(world, model, f"base-models: {{deny: ['sha256:{'0' * 64}']}}")[0].result is Result.PASS


def test_base_models_at_the_bottom_are_capped():
    world = World()
    data, model = world.dataset("data"), world.file("model")
    bases = [world.file(f"base{number}") for number in range(3)]
    for base in bases:
        world.step("train", [(data, "dataset")], [base])
    world.step("merge", [(base, "base-model") for base in bases], [model])
    assert judged(world, model, "base-models: {atMost: 3}")[0].result is Result.PASS
    result, found = judged(world, model, "base-models: {atMost: 2}")
    assert (result.result, found) == (Result.FAIL, {"too-many-base-models"})


def test_without_base_models_the_rule_does_not_apply_to_a_whole_lineage():
    world = World()
    data, model = world.dataset("data"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    assert judged(world, model, "base-models")[0].result is Result.NOT_APPLICABLE
    assert judged(world, model, "base-models", lines=[])[0].result is Result.UNKNOWN


def test_a_digest_in_a_policy_is_checked():
    with pytest.raises(UsageError, match="64 lowercase hex digits"):
        parse_policy(only("base-models: {allow: [resnet-50]}"))


# -- transformation-counts -------------------------------------------------------------------------------


def transformed(
    counts: dict[str, Any] | None, *, held: int | None = 1000, **external: Any
) -> tuple[World, Artifact]:
    world = World()
    data = world.dataset("raw", **facts(content={"recordCount": held}))
    clean, model = world.file("clean"), world.file("model")
    internal = {"counts": counts} if counts is not None else {}
    world.step("transform", [(data, "dataset")], [clean], internal=internal, **external)
    world.step("train", [(clean, "dataset")], [model])
    return world, model


COUNTS = [
    ({"in": 1000, "out": 900, "removed": 100}, {}, None, Result.PASS),
    ({"in": 1000.0, "out": 1000, "removed": 0}, {}, None, Result.PASS),
    (None, {}, "counts-missing", Result.UNKNOWN),
    ({"in": 1000, "out": 1000}, {}, "counts-missing", Result.UNKNOWN),
    ({"in": 1000, "out": "many", "removed": 0}, {}, "counts-missing", Result.UNKNOWN),
    ({"in": 1000, "out": 900, "removed": 50}, {}, "counts-wrong", Result.FAIL),
    ({"in": 1000, "out": 1000, "removed": 50}, {}, "counts-wrong", Result.FAIL),
    ({"in": 1000, "out": 3000, "removed": 0}, {}, "counts-wrong", Result.FAIL),
    ({"in": 1000, "out": 3000, "removed": 0}, {"operations": ["augment"]}, None, Result.PASS),
    ({"in": 1000, "out": 900, "removed": 50}, {"operations": ["augment"]}, "counts-wrong", Result.FAIL),
    ({"in": 999, "out": 999, "removed": 0}, {}, "counts-mismatch", Result.FAIL),
    ({"in": 1001, "out": 1001, "removed": 0}, {}, "counts-mismatch", Result.FAIL),
]


@pytest.mark.parametrize(("counts", "external", "code", "expected"), COUNTS)
def test_counts_of_a_transformation_add_up(counts, external, code, expected):
    world, model = transformed(counts, **external)
    result, found = judged(world, model, "transformation-counts")
    assert result.result is expected
    assert found == ({code} if code else set())


def test_a_dataset_that_does_not_say_how_many_records_it_holds():
    counts = {"in": 1000, "out": 1000, "removed": 0}
    world, model = transformed(counts, held=None)
    assert judged(world, model, "transformation-counts")[1] == {"counts-unlinked"}
    assert judged(world, model, "transformation-counts: {follow: no}")[0].result is Result.PASS


def test_what_one_step_wrote_is_what_the_next_one_reads():
    world, model = transformed({"in": 1000, "out": 900, "removed": 100})
    clean = next(a for a, name in world.names.items() if name == "clean")
    again, other = world.file("again"), world.file("other")
    world.step(
        "transform", [(clean, "dataset")], [again], internal={"counts": {"in": 950, "out": 950, "removed": 0}}
    )
    world.step("finetune", [(model, "base-model"), (again, "dataset")], [other])
    result, found = judged(world, other, "transformation-counts")
    assert (result.result, found) == (Result.FAIL, {"counts-mismatch"})
    assert result.findings[0].expected == "900 read"


def test_a_training_step_that_states_counts_is_held_to_them_too():
    world = World()
    data, model = world.dataset("raw", **FACTS), world.file("model")
    world.step("train", [(data, "dataset")], [model], internal={"counts": {"in": 2000, "out": 0}})
    assert "counts-mismatch" in judged(world, model, "transformation-counts")[1]


def test_two_numbers_of_records_for_the_same_bytes():
    world, model = transformed({"in": 1000, "out": 900, "removed": 100})
    clean = next(a for a, name in world.names.items() if name == "clean")
    world.describe(clean, "clean", **facts(content={"recordCount": 901}))
    result, found = judged(world, model, "transformation-counts")
    assert (result.result, found) == (Result.FAIL, {"counts-disagree"})


def test_leaving_out_a_transformation_does_not_make_the_counts_right():
    world, model = transformed({"in": 1000, "out": 900, "removed": 50})
    clean, third = next(a for a, name in world.names.items() if name == "clean"), world.file("third")
    bad = world.bundles[2]
    good = {"in": 900, "out": 900, "removed": 0}
    world.step("transform", [(clean, "dataset")], [third], internal={"counts": good})
    world.step("finetune", [(model, "base-model"), (third, "dataset")], [final := world.file("final")])
    assert judged(world, final, "transformation-counts")[0].result is Result.FAIL
    less = [each for each in world.bundles if each is not bad]
    assert judged(world, final, "transformation-counts", lines=less)[0].result is Result.UNKNOWN


def test_where_nothing_was_transformed_the_rule_does_not_apply():
    world = World()
    data, model = world.dataset("raw", **FACTS), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    assert judged(world, model, "transformation-counts")[0].result is Result.NOT_APPLICABLE


# -- completeness-class ----------------------------------------------------------------------------------


def recorded(claim: str, enforced: str, when: str | None) -> tuple[World, Artifact]:
    world = World()
    data, model = world.dataset("raw"), world.file("model")
    internal: dict[str, Any] = {"completeness": {"claim": claim, "enforcedBy": enforced}}
    world.step(
        "train", [(data, "dataset")], [model], internal={**internal, **({"recorded": when} if when else {})}
    )
    return world, model


@pytest.mark.parametrize(
    ("claim", "enforced", "when", "rule", "code", "expected"),
    [
        ("all-inputs-listed", "observed", "during", "", None, Result.PASS),
        ("all-inputs-listed", "sandbox", "during", "", None, Result.PASS),
        ("all-inputs-listed", "none", "during", "", "completeness-too-weak", Result.FAIL),
        ("all-inputs-listed", "none", "during", "enforced: none", None, Result.PASS),
        (
            "all-inputs-listed",
            "observed",
            "during",
            "enforced: sandbox",
            "completeness-too-weak",
            Result.FAIL,
        ),
        ("all-inputs-listed", "magic", "during", "", "completeness-unstated", Result.UNKNOWN),
        ("partial", "observed", "during", "", "completeness-too-weak", Result.FAIL),
        ("surely", "observed", "during", "", "completeness-unstated", Result.UNKNOWN),
        ("all-inputs-listed", "observed", "after-the-fact", "", "recorded-afterwards", Result.FAIL),
        ("all-inputs-listed", "observed", "after-the-fact", "recorded: any", None, Result.PASS),
        ("all-inputs-listed", "observed", None, "", "recording-unstated", Result.UNKNOWN),
    ],
)
def test_how_complete_a_step_says_its_inputs_are(claim, enforced, when, rule, code, expected):
    world, model = recorded(claim, enforced, when)
    result, found = judged(world, model, f"completeness-class: {{{rule}}}")
    assert result.result is expected
    assert found == ({code} if code else set())


def test_a_step_that_a_gap_hides_may_be_of_any_class():
    world, model = recorded("all-inputs-listed", "observed", "during")
    hidden, final = world.file("hidden"), world.file("final")
    world.step(
        "finetune",
        [(model, "base-model"), (hidden, "dataset")],
        [final],
        internal={
            "completeness": {"claim": "all-inputs-listed", "enforcedBy": "sandbox"},
            "recorded": "during",
        },
    )
    result, found = judged(world, final, "completeness-class")
    assert (result.result, found) == (Result.UNKNOWN, {"lineage-hidden"})


# -- measured-inputs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "rule", "expected"),
    [
        (None, "", Result.PASS),
        ("git-lfs", "", Result.FAIL),
        ("", "", Result.FAIL),
        ("git-lfs", "accept: [git-lfs]", Result.PASS),
        ("croissant, git-lfs", "accept: [git-lfs]", Result.FAIL),
        ("croissant, git-lfs", "accept: [git-lfs, croissant]", Result.PASS),
        ("declared", "accept: [git-lfs]", Result.FAIL),
    ],
)
def test_where_digests_of_inputs_are_from(source, rule, expected):
    said = {} if source is None else {"digestSource": source}
    world, base, model = finetuned(**said)
    world.step("train", [(world.dataset("web"), "dataset")], [base])
    result, found = judged(world, model, f"measured-inputs: {{{rule}}}")
    assert result.result is expected
    assert found == ({"input-not-measured"} if expected is Result.FAIL else set())


def test_digests_of_a_step_that_a_gap_hides_may_be_from_anywhere():
    world, _, model = finetuned()
    result, found = judged(world, model, "measured-inputs")
    assert (result.result, found) == (Result.UNKNOWN, {"lineage-hidden"})


# -- distribution ----------------------------------------------------------------------------------------


def shared(*statements: dict[str, Any], by: str = "ci") -> tuple[World, Artifact]:
    world = World()
    data, model = world.dataset("raw"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    for each in statements:
        world.sign("distribution", [descriptor(model, "model")], each, by)
    return world, model


ACME = {"recipient": {"legalName": "Acme Ltd"}, "when": "2026-05-01T00:00:00Z"}
NOBODY = {"nobody": "yes", "when": "2026-04-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("statements", "rule", "code", "expected"),
    [
        ([ACME], "", None, Result.PASS),
        ([NOBODY], "", None, Result.PASS),
        ([{"public": "yes"}], "", None, Result.PASS),
        ([NOBODY, ACME], "", None, Result.PASS),
        ([{**NOBODY, "when": "2026-06-01T00:00:00Z"}, ACME], "", "distribution-disagrees", Result.UNKNOWN),
        ([{"nobody": "yes"}, ACME], "", "distribution-disagrees", Result.UNKNOWN),
        ([], "", "distribution-missing", Result.UNKNOWN),
        ([{}], "", "recipient-unnamed", Result.UNKNOWN),
        ([{"recipient": {"legalName": "unknown"}}], "", "recipient-unnamed", Result.UNKNOWN),
        ([{**ACME, "what": 7}], "", "distribution-unreadable", Result.UNKNOWN),
        ([ACME], "deny: [ACME ltd]", "recipient-denied", Result.FAIL),
        ([ACME], "deny: [Other Ltd]", None, Result.PASS),
        ([{"public": "yes"}], "deny: [Acme Ltd]", "recipient-possible", Result.UNKNOWN),
        ([{"public": "yes"}], "public: denied", "distribution-public", Result.FAIL),
    ],
)
def test_who_received_the_model(statements, rule, code, expected):
    world, model = shared(*statements)
    result, found = judged(world, model, f"distribution: {{{rule}}}")
    assert result.result is expected
    assert found == ({code} if code else set())


def test_only_the_publisher_says_who_received_it():
    world, model = shared(NOBODY, by="desk")
    result, found = judged(world, model, "distribution")
    assert (result.result, found) == (Result.UNKNOWN, {"distribution-missing"})
    assert "trust role publisher" in result.findings[0].summary


def test_a_withdrawn_statement_still_names_its_recipient():
    world, model = shared(ACME, {**ACME, "recipient": {"legalName": "Other"}})
    world.withdraw(world.bundles[-2].statement_digest, by="ci")
    assert judged(world, model, "distribution: {deny: [Acme Ltd]}")[1] == {"recipient-denied"}
    world.withdraw(world.bundles[-2].statement_digest, by="ci")
    assert "distribution-missing" in judged(world, model, "distribution")[1]


def test_datasets_are_asked_too_where_the_policy_says_so():
    world, model = shared(NOBODY)
    rule = "distribution: {over: [model, datasets]}"
    result, found = judged(world, model, rule)
    assert (result.result, found) == (Result.UNKNOWN, {"distribution-missing"})
    data = next(a for a, name in world.names.items() if name == "raw")
    world.sign("distribution", [descriptor(data, "raw")], NOBODY, "ci")
    result, _ = judged(world, model, rule)
    assert (result.result, result.examined) == (Result.PASS, 2)


# -- not-under-order -------------------------------------------------------------------------------------


def chained() -> tuple[World, dict[str, Artifact]]:
    """faces → transform → train → finetune → quantize → release, with a register that lists nothing yet."""
    world = World()
    made = {name: world.file(name) for name in ("clean", "base", "tuned", "release")}
    made["faces"], made["other"] = world.dataset("faces"), world.dataset("other")
    world.step("transform", [(made["faces"], "dataset")], [made["clean"]])
    world.step("train", [(made["clean"], "dataset")], [made["base"]])
    world.step("finetune", [(made["base"], "base-model"), (made["other"], "dataset")], [made["tuned"]])
    world.step("quantize", [(made["tuned"], "base-model")], [made["release"]])
    return world, made


def test_no_order_and_a_fresh_register():
    world, made = chained()
    world.register()
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found, result.examined) == (Result.PASS, set(), 6)


@pytest.mark.parametrize("name", ["faces", "clean", "base", "tuned", "release"])
def test_an_order_that_names_anything_of_the_lineage(name):
    world, made = chained()
    order = world.order(made[name]) if name == "faces" else world.order(models=[made[name]])
    world.register(world.listed(order))
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found) == (Result.FAIL, {"under-order"})
    (finding,) = result.findings
    assert finding.subject == str(made[name])
    assert finding.path[0] == "release"
    assert finding.path[-1] == name
    assert order.statement_digest in finding.evidence
    assert "C-" in finding.summary


def test_the_path_names_every_hop():
    world, made = chained()
    world.register(world.listed(world.order(made["faces"])))
    path = judged(world, made["release"], ORDERS)[0].findings[0].path
    assert path == ("release", "quantize", "finetune", "train", "transform", "faces")


def test_an_order_about_something_else():
    world, made = chained()
    world.register(world.listed(world.order(world.dataset("elsewhere"))))
    result, _ = judged(world, made["release"], ORDERS)
    assert result.result is Result.PASS
    assert result.notes == ("1 order(s) in force, 0 suspended or vacated",)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", Result.FAIL),
        ("satisfied", Result.FAIL),
        ("suspended", Result.PASS),
        ("vacated", Result.PASS),
    ],
)
def test_only_a_register_lifts_an_order(status, expected):
    world, made = chained()
    world.register(world.listed(world.order(made["faces"]), status))
    assert judged(world, made["release"], ORDERS)[0].result is expected


def test_an_order_that_no_register_lists_counts_all_the_same():
    world, made = chained()
    world.register()
    world.order(made["faces"], by="ci")
    assert judged(world, made["release"], ORDERS)[1] == {"under-order"}


def test_a_register_that_lists_an_order_nobody_handed_over():
    world, made = chained()
    entry = {
        "kind": "order",
        "statement": {"sha256": "9" * 64},
        "status": "active",
        "artifacts": [descriptor(made["faces"], "faces")],
    }
    world.register(entry)
    assert judged(world, made["release"], ORDERS)[1] == {"under-order"}
    del entry["artifacts"]
    world, made = chained()
    world.register(entry)
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found) == (Result.UNKNOWN, {"order-not-shown"})


@pytest.mark.parametrize(
    ("rule", "more", "code"),
    [
        ("not-under-order", {}, "orders-unproven"),
        (ORDERS.replace(REGISTER, "https://nobody.example"), {}, "register-missing"),
        (ORDERS.replace("7 days", "30 minutes"), {}, "register-stale"),
    ],
)
def test_that_there_is_no_order_is_only_shown_by_a_fresh_register(rule, more, code):
    world, made = chained()
    world.register()
    result, found = judged(world, made["release"], rule, **more)
    assert (result.result, found) == (Result.UNKNOWN, {code})


def test_a_register_that_does_not_list_orders_shows_nothing():
    world, made = chained()
    world.register(scope=["contents"])
    assert judged(world, made["release"], ORDERS)[1] == {"register-scope"}


def test_a_vendor_who_keeps_its_own_register_of_orders():
    world, made = chained()
    world.trust = make_trust({**DEFAULT_ROLES, "keeper": [{"principal": "ci", "register": REGISTER}]})
    world.register(by="ci")
    assert judged(world, made["release"], ORDERS)[0].result is Result.PASS
    strict = ORDERS.replace("7 days", "7 days, independent: true")
    result, found = judged(world, made["release"], strict)
    assert (result.result, found) == (Result.UNKNOWN, {"register-self-kept"})


def test_a_stale_register_hides_no_order_that_is_seen():
    world, made = chained()
    world.register(world.listed(world.order(made["faces"])))
    result, found = judged(world, made["release"], ORDERS.replace("7 days", "30 minutes"))
    assert (result.result, found) == (Result.FAIL, {"under-order", "register-stale"})


def test_a_file_inside_a_directory_of_the_lineage():
    world = World()
    data, model = world.dataset("raw"), world.file("model")
    base = world.tree("base", "shard-1.safetensors", "shard-2.safetensors")
    world.step("train", [(data, "dataset")], [base])
    world.step("quantize", [(base, "base-model")], [model])
    world.order(models=[Artifact(base.digests["shard-2.safetensors"])])
    world.register()
    result, found = judged(world, model, ORDERS)
    assert (result.result, found) == (Result.FAIL, {"under-order"})
    assert result.findings[0].subject == str(base.artifact)


def test_one_shard_of_a_dataset_whose_list_is_in_hand():
    world = World()
    shards = [(sha256_bytes(b"%d" % n), f"shard-{n}.tar") for n in range(3)]
    manifest = Manifest.of(shards)
    tree, model = Artifact(manifest.digest, tree=True), world.file("model")
    world.dataset("shards", artifact=tree)
    world.step("train", [(tree, "dataset")], [model])
    world.order(Artifact(shards[1][0]))
    world.register()
    assert judged(world, model, ORDERS)[0].result is Result.PASS  # nobody shows what the tree holds
    world.manifests[manifest.digest] = manifest.data
    result, found = judged(world, model, ORDERS)
    assert (result.result, found) == (Result.FAIL, {"under-order"})


def test_a_delivered_file_that_no_statement_is_about():
    world, _ = chained()
    stolen = world.file("stolen")
    world.order(models=[stolen])
    world.register()
    result, found = judged(world, stolen, ORDERS)
    assert result.result is Result.FAIL
    assert "under-order" in found


def test_an_order_by_alias_alone():
    world, made = chained()
    alias = {"name": "faces", "digest": {"sha512": "a" * 128}}
    world.sign(
        "dataset",
        [
            {
                **descriptor(made["faces"], "faces"),
                "digest": {"sha256": made["faces"].sha256, **alias["digest"]},
            }
        ],
        {"name": "faces"},
        "desk",
    )
    world.order(targets={"datasets": [alias]})
    world.register()
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found) == (Result.FAIL, {"under-order"})
    assert result.findings[0].actual == "named by its alias"


def test_an_order_by_name_alone_leaves_it_open():
    world, made = chained()
    world.order(targets={"datasets": [{"name": "faces"}]})
    world.register()
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found) == (Result.UNKNOWN, {"order-names-alike"})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"targets": {"datasets": [], "exceptFor": "friends"}}, "order-unreadable"),
        ({"anythingNew": True}, "order-unreadable"),
        ({"targets": {"records": [{"space": "subject", "keys": ["0" * 64]}]}}, "order-unspecific"),
    ],
)
def test_an_order_that_may_name_anything_leaves_everything_open(change, code):
    world, made = chained()
    world.order(**change)
    world.register()
    result, found = judged(world, made["release"], ORDERS)
    assert (result.result, found) == (Result.UNKNOWN, {code})


def of_records(world: World, data: Artifact):
    return world.order(targets={"records": [{"dataset": descriptor(data, "faces"), "keys": ["0" * 64]}]})


def test_records_of_a_dataset_count_against_all_of_it_until_a_step_says_that_it_removed_them():
    world, made = chained()
    order = of_records(world, made["faces"])
    world.register(world.listed(order))
    assert judged(world, made["release"], ORDERS)[1] == {"under-order"}
    pruned, again = world.file("pruned"), world.file("again")
    world.step("transform", [(made["faces"], "dataset")], [pruned], order=order.statement_digest)
    world.step("train", [(pruned, "dataset")], [again])
    result, found = judged(world, again, ORDERS)
    assert (result.result, found) == (Result.UNKNOWN, {"order-records-unproven"})
    mixed = world.file("mixed")
    world.step("finetune", [(again, "base-model"), (made["faces"], "dataset")], [mixed])
    assert judged(world, mixed, ORDERS)[1] == {"under-order"}


def test_answering_an_order_saves_nothing_of_a_dataset_that_must_go_as_a_whole():
    world, made = chained()
    order = world.order(made["faces"])
    pruned, again = world.file("pruned"), world.file("again")
    world.step("transform", [(made["faces"], "dataset")], [pruned], order=order.statement_digest)
    world.step("train", [(pruned, "dataset")], [again])
    world.register()
    assert judged(world, again, ORDERS)[1] == {"under-order"}


def test_a_gap_hides_what_an_order_could_name():
    world, made = chained()
    world.register()
    train = next(
        each for each in world.bundles if b'"/train/' in each.payload or b"/train/v0.1" in each.payload
    )
    less = [each for each in world.bundles if each is not train]
    assert judged(world, made["release"], ORDERS, lines=less)[1] == {"lineage-hidden"}


def test_a_later_order_counts_in_a_historical_evaluation():
    world, made = chained()
    world.order(made["faces"], issued="2026-11-20T00:00:00Z")
    world.register()
    result, _ = judged(
        world, made["release"], ORDERS, as_of=NOW.replace(year=2026, month=11, day=20), historical=True
    )
    assert result.result is Result.FAIL


# -- paths -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 2, 9, 10, 11, 30])
def test_a_path_names_every_hop_or_the_two_ends_and_how_many_are_between(hops):
    world = World()
    data = last = world.dataset("data")
    for number in range(hops):
        made = world.file("model")
        world.step("train" if number == 0 else "quantize", [(last, "base-model")], [made])
        last = made
    labels = ("model", *["quantize"] * (hops - 1), "train", "data")
    expected = labels if len(labels) <= 12 else (*labels[:6], f"… {len(labels) - 12} more …", *labels[-6:])
    lineage = world.review(last).lineage
    assert lineage.path(data) == expected
    assert lineage.path(last) == ("model",)


def test_a_foreign_step_does_not_say_where_digests_are_from():
    world = World()
    data, model = world.dataset("raw"), world.file("model")
    world.step("https://ci.example/build/v3", [(data, "dataset")], [model])
    result, found = judged(world, model, "measured-inputs")
    assert result.result is Result.UNKNOWN
    assert "input-source-unstated" in found


def test_the_lineage_shows_what_was_not_measured():
    world, base, model = finetuned(digestSource="git-lfs")
    picture = picture_of(world.review(model))
    marked = [line for line in text_tree(picture).splitlines() if "[NOT MEASURED]" in line]
    assert [" base " in marked[0], marked[1:]] == [
        True,
        ["[NOT MEASURED] a step took its digest over and did not measure it: base"],
    ]
    (taken,) = [edge for edge in picture.edges if edge.digest_source is not None]
    assert picture.nodes[taken.source].digest == f"sha256:{base.sha256}"
    assert taken.to_json()["digestSource"] == "git-lfs"


def test_many_inputs_that_were_not_measured_are_counted():
    world = World()
    model = world.file("model")
    data = [world.dataset(f"data-{number}") for number in range(20)]
    items = [descriptor(each, "x", role="dataset", sizeBytes=1, digestSource="oci") for each in data]
    world.step("train", items, [model])
    assert "20 [NOT MEASURED]" in text_tree(picture_of(world.review(model)))

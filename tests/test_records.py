"""Records of every format: bytes that depend on the record alone, read in pieces, copied in part."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from pathlib import Path

import pytest
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st

from attest import census
from attest.census import take_census
from attest.commitment import Keyer, commit
from attest.errors import AttestError, DigestError, FormatError, LimitError, UsageError
from attest.leaves import LeafFile
from attest.record import find_records, read_unit
from attest.records import jsonl
from attest.resource import Artifact

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra records)")
pq = pytest.importorskip("pyarrow.parquet")
cbor2 = pytest.importorskip("cbor2", reason="cbor2 is not installed (group test)")

SECRET = bytes(range(32))


def rows(path, **options):
    """Canonical bytes, person and place of every record."""
    found = []
    for unit in find_records(path, **options).units():
        for batch in read_unit(unit):
            for number, record in enumerate(batch.records):
                data = record if isinstance(record, bytes) else b"".join(record)
                person = batch.people[number] if batch.people is not None else None
                found.append((data, person, batch.place(number)))
    return found


def values(path):
    return [cbor2.loads(data) for data, _, _ in rows(path)]


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


TYPES = {
    "id": pa.array([1, None], pa.int64()),
    "small": pa.array([255, 0], pa.uint8()),
    "name": pa.array(["ü", None]),
    "real": pa.array([1.5, float("nan")]),
    "half": pa.array([1.5, None], pa.float16()),
    "yes": pa.array([True, None]),
    "raw": pa.array([b"\xff", b""]),
    "time": pa.array([1, None], pa.timestamp("ns", "UTC")),
    "day": pa.array([dt.date(1970, 1, 2), None]),
    "clock": pa.array([5, None], pa.time32("ms")),
    "span": pa.array([5, -5], pa.duration("s")),
    "price": pa.array([decimal.Decimal("-1.20"), None], pa.decimal128(9, 2)),
    "word": pa.array(["p", "q"]).dictionary_encode(),
    "list": pa.array([[1, None], None], pa.list_(pa.int32())),
    "pair": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
    "struct": pa.array([{"a": 1, "b": ["x"]}, None]),
    "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int32())),
    "deep": pa.array([[{"t": [dt.datetime(2020, 1, 1)]}], None]),  # noqa: DTZ001 - Arrow's own
    "nothing": pa.nulls(2),
}


def test_the_canonical_bytes_of_rows_stay_what_they_are(tmp_path):
    found = [data.hex() for data, _, _ in rows(parquet(tmp_path / "t.parquet", TYPES))]
    (tmp_path / "t.csv").write_text('id,name\n1,"a\nb"\n,ü\n')
    (tmp_path / "t.jsonl").write_text(
        '{"b": [1, 1.0, null], "a": {"z": true, "y": "ü"}, "c": 18446744073709551615}\n'
    )
    more = {name: [data.hex() for data, _, _ in rows(tmp_path / f"t.{name}")] for name in ("csv", "jsonl")}
    check_golden("records/rows.json", json.dumps({"parquet": found, **more}, indent=1) + "\n")


def test_every_type_has_one_form(tmp_path):
    first, second = ({c: (t, v) for c, t, v in row} for row in values(parquet(tmp_path / "t.parquet", TYPES)))
    assert first["time"] == ("timestamp[ns, tz=UTC]", 1)
    assert first["price"] == ("decimal128(9, 2)", -120)
    assert first["word"] == ("string", "p")
    assert first["struct"] == ("struct<a: int64, b: list<string>>", [1, ["x"]])
    assert first["map"] == ("map<string, int32>", [["k", 1]])
    assert first["deep"] == ("list<struct<t: list<timestamp[us]>>>", [[[1577836800000000]]])
    assert first["pair"] == ("fixed_size_list<int8>[2]", [1, 2])
    assert [second[name][1] for name in ("id", "list", "pair", "struct", "deep", "nothing")] == [None] * 6


@pytest.mark.parametrize(
    ("plain", "packed"),
    [
        (pa.array(["a", "b", None]), pa.array(["a", "b", None]).dictionary_encode()),
        (pa.array(["a", "b", None]), pa.array(["a", "b", None], pa.large_string())),
        (pa.array([b"a", b"b", None]), pa.array([b"a", b"b", None], pa.large_binary())),
        (pa.array([[1], [], None]), pa.array([[1], [], None], pa.large_list(pa.int64()))),
    ],
)
def test_packing_makes_no_difference(tmp_path, plain, packed):
    one = parquet(tmp_path / "one.parquet", {"x": plain}, row_group_size=1, compression="none")
    other = parquet(tmp_path / "other.parquet", {"x": packed}, compression="zstd", version="1.0")
    assert [data for data, _, _ in rows(one)] == [data for data, _, _ in rows(other)]


def test_a_slice_of_nested_rows_is_read_like_the_whole(tmp_path):
    columns = {"m": pa.array([[("k", n)] for n in range(50)], pa.map_(pa.string(), pa.int32()))}
    columns["l"] = pa.array([None if n % 3 else [n] * n for n in range(50)], pa.list_(pa.int64()))
    columns["s"] = pa.array([None if n % 4 else {"a": [n]} for n in range(50)])
    whole = parquet(tmp_path / "whole.parquet", columns)
    parts = parquet(tmp_path / "parts.parquet", columns, row_group_size=7)
    assert [data for data, _, _ in rows(whole)] == [data for data, _, _ in rows(parts)]
    assert len({data for data, _, _ in rows(whole)}) == 50


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.jsonl"])
def test_copies_keep_the_canonical_bytes_of_rows_that_stay(tmp_path, name):
    path = tmp_path / name
    if name == "t.parquet":
        pq.write_table(pa.table(TYPES), path, row_group_size=1)
    elif name == "t.csv":
        path.write_text('a,b\n1,"x, ""y""\n"\n2,\n')
    else:
        path.write_text('{"a": 1}\n\n  {"a":  2.50}')
    records, (first, second) = find_records(path), rows(path)
    for keep, expected in (([True, True], [first, second]), ([False, True], [second]), ([False, False], [])):
        waiting = iter(keep)
        records.copy(tmp_path / f"new-{name}", lambda batch: [next(waiting) for _ in batch.records])  # noqa: B023
        left = rows(tmp_path / f"new-{name}")
        assert [data for data, _, _ in left] == [data for data, _, _ in expected]


def test_a_parquet_copy_keeps_schema_and_metadata(tmp_path):
    table = pa.table(TYPES).replace_schema_metadata({"who": "us"})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd")
    find_records(tmp_path / "t.parquet").copy(tmp_path / "new.parquet", lambda batch: [True, False])
    new = pq.ParquetFile(tmp_path / "new.parquet")
    assert new.schema_arrow.equals(table.schema)
    assert new.schema_arrow.metadata[b"who"] == b"us"
    assert new.metadata.row_group(0).column(0).compression == "ZSTD"


def test_json_rows_depend_on_nothing_but_themselves(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": "x"}\n')
    (tmp_path / "b.jsonl").write_text('{"c": 0.5}\n{"b":"\\u0078","a":1}\n')
    assert rows(tmp_path / "a.jsonl")[0][0] == rows(tmp_path / "b.jsonl")[1][0]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 40), st.booleans())
def test_lines_are_each_read_once_however_the_file_is_cut(lengths, part, ends):
    import tempfile

    lines = [json.dumps({"n": number, "x": "y" * length}) for number, length in enumerate(lengths)]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "PART", part)
        path = Path(name) / "t.jsonl"
        path.write_text("\n".join(lines) + ("\n" if ends else ""))
        assert [{c: v for c, _, v in row}["n"] for row in values(path)] == list(range(len(lines)))


def test_people_are_texts_or_integers(tmp_path):
    path = parquet(tmp_path / "t.parquet", {"who": [7, None], "x": ["a", "b"]})
    assert [person for _, person, _ in rows(path, subject="who")] == [b"7", None]
    assert [person for _, person, _ in rows(path, subject="x")] == [b"a", b"b"]
    (tmp_path / "t.csv").write_text("who\nada\n \n")
    assert [person for _, person, _ in rows(tmp_path / "t.csv", subject="who")] == [b"ada", b" "]
    with pytest.raises(UsageError, match="stands there 0 times, expected once") as raised:
        rows(path, subject="wo")
    assert raised.value.hint == "did you mean 'who'?"
    with pytest.raises(UsageError, match="holds float, and a person's id is text or an integer"):
        rows(parquet(tmp_path / "f.parquet", {"who": [0.5]}), subject="who")
    (tmp_path / "t.jsonl").write_text('{"who": 1}\n{}\n')
    with pytest.raises(UsageError, match="the row has no column 'who'"):
        rows(tmp_path / "t.jsonl", subject="who")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"a,a\n1,2\n", "two columns have one name"),
        ("t.csv", b"a,b\n1\n", "Expected 2 columns, got 1"),
        ("t.csv", b"a\n\xff\n", "invalid UTF8"),
        ("t.jsonl", b'{"a": 1}\n{"a": \xff}\n', "not UTF-8 at byte 6"),
        ("t.jsonl", b"[1]\n", "holds a list, expected an object"),
        ("t.jsonl", b'{"a": 1, "a": 2}\n', "duplicate key"),
        ("t.jsonl", b'{"a": 1e999}\n', "beyond what JSON readers agree on"),
        ("t.jsonl", b'{"a": 36893488147419103232}\n', "more than 64 bits"),
        ("t.jsonl", b'{"a": 1', "not JSON"),
        ("t.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_names_it(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FormatError, match=message) as raised:
        rows(tmp_path / name)
    assert name in str(raised.value)


def test_text_that_is_not_utf8_in_parquet_is_an_error(tmp_path):
    array = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pytest.raises(FormatError, match="not UTF-8"):
        rows(parquet(tmp_path / "t.parquet", {"x": array}))


def test_types_without_canonical_form_are_refused(tmp_path):
    from attest.records._arrow import canonical_rows

    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["a"])])
    batch = pa.record_batch({"u": union})
    with pytest.raises(FormatError, match="column 'u': values of the type sparse_union"):
        canonical_rows(batch, "t")


def test_rows_of_a_megabyte(tmp_path):
    path = parquet(tmp_path / "t.parquet", {"x": ["y" * (1 << 20)] * 40})
    assert len({data for data, _, _ in rows(path)}) == 1
    (tmp_path / "t.jsonl").write_text("\n".join([json.dumps({"x": "y" * (1 << 20)})] * 20))
    (tmp_path / "t.csv").write_text("x\n" + "\n".join(["y" * (1 << 20)] * 20))
    for name in ("t.jsonl", "t.csv"):
        assert len(rows(tmp_path / name)) == 20


def test_a_line_beyond_the_limit_is_named(tmp_path, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(jsonl, "DEFAULT", replace(jsonl.DEFAULT, line_bytes=50))
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n' + json.dumps({"a": "x" * 60}))
    with pytest.raises(LimitError, match="line bytes: 51 is above the limit of 50"):
        rows(tmp_path / "t.jsonl")


def test_files_are_records_unless_all_are_tables(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    assert find_records(tmp_path).unit == "row"
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    assert find_records(tmp_path).unit == "file"
    assert [data for data, _, _ in rows(tmp_path)] == [b"x\n1\n", b"\x89PNG"]
    assert find_records(tmp_path, exclude=["b.png"]).unit == "row"
    with pytest.raises(UsageError, match=r"'b.png' is no table: expected .csv, .jsonl, .ndjson, .parquet"):
        find_records(tmp_path, "row")
    with pytest.raises(UsageError, match="names people, and the records are files"):
        find_records(tmp_path, subject="x")
    with pytest.raises(DigestError):
        find_records(tmp_path / "none")


def test_large_files_are_read_in_pieces(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "large.bin").write_bytes(data)
    (found,) = find_records(tmp_path).units()
    (batch,) = read_unit(found)
    (record,) = batch.records
    assert not isinstance(record, bytes)
    assert b"".join(record) == b"".join(record) == data
    assert Keyer(SECRET).key(record) == Keyer(SECRET).key(data)


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"one")
    (unit,) = find_records(tmp_path).units()
    (tmp_path / "a.bin").write_bytes(b"other")
    with pytest.raises(DigestError, match="changed while it was read"):
        list(read_unit(unit))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_census_gives_the_commitment_whatever_runs_it(tmp_path, workers):
    data = tmp_path / "data"
    data.mkdir()
    lines = [{"who": f"p{number % 7}" if number % 5 else None, "n": number % 400} for number in range(1000)]
    for part in range(4):
        text = "\n".join(json.dumps(line) for line in lines[part::4])
        (data / f"{part}.jsonl").write_text(text)
    records = find_records(data, subject="who")
    artifact = Artifact("7" * 64, tree=True)
    found = take_census(records, SECRET, artifact, tmp_path / "c", tmp_path / "s", workers=workers)
    keyer = Keyer(SECRET)
    content = commit(keyer.keys(data for data, _, _ in rows(data)), "content", keyer.secret_digest)
    people = commit(keyer.keys(f"p{n}".encode() for n in range(7)), "subject", keyer.secret_digest)
    assert (found.records, found.nobody) == (1000, 200)
    assert (found.content, found.subject) == (content, people)
    for name, expected in (("c", content), ("s", people)):
        with LeafFile(tmp_path / name) as leaves:
            leaves.check()
            assert (leaves.commitment, leaves.owner.artifact) == (expected, artifact)
            assert leaves.owner.records == 1000
    assert {path.name for path in tmp_path.iterdir()} == {"data", "c", "s"}


@pytest.mark.parametrize("count", [0, 1, 5, 46, 256])
@pytest.mark.parametrize("workers", [1, 2, 64])
def test_work_is_cut_into_ever_smaller_tasks(count, workers):
    tasks = census._ever_less(range(count), workers, 16)
    assert [item for task in tasks for item in task] == list(range(count))
    sizes = [len(task) for task in tasks]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) <= set(range(1, 17))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_any_process_is_the_error(tmp_path, workers):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jsonl").write_text("{}\n")
    (data / "b.jsonl").write_text("nonsense\n")
    with pytest.raises(AttestError, match="not JSON") as raised:
        take_census(find_records(data), SECRET, Artifact("7" * 64), tmp_path / "c", workers=workers)
    assert raised.value.where == "b.jsonl: byte 0"
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_no_rows_are_a_commitment_too(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    found = take_census(find_records(tmp_path / "t.csv"), SECRET, Artifact("7" * 64), tmp_path / "c")
    assert found.content == commit([], "content", Keyer(SECRET).secret_digest)
    with LeafFile(tmp_path / "c") as leaves:
        assert not leaves.prove(bytes(32)).included

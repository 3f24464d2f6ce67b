"""What is the PostgreSQL store's own: places, rights, many writers, lost connections, foreign rows."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

import pytest
from stores.samples import bundle, entry, raws, sha, step

from attest.errors import AttestError, LimitError, StoreError, UsageError
from attest.limits import Limits
from attest.resource import Artifact
from attest.store import compact_store, migrate_store, open_store, without_password
from attest.stores import _postgres_link, _postgres_migrate, _postgres_rows, _postgres_schema
from attest.stores import postgres as postgres_store

CODE = {"name": "code", "digest": {"sha256": sha("code"), "sha512": "5" * 128}}
MANIFESTS = [b"a" * 64 + b"  weights\n", b"b" * 64 + b"  config\n"]


@pytest.fixture
def schema(postgres):
    return postgres.new_schema()


@pytest.fixture
def uri(postgres, schema):
    return postgres.uri(schema)


@pytest.fixture
def full(uri):
    """The URI of a store with a little of everything."""
    with open_store(uri, create=True) as store:
        store.put(
            [
                step([entry("model/", tree=True)], [entry("data/", tree=True), CODE]),
                step([entry("model/", tree=True)], [entry("data/", tree=True), CODE], signer="bob"),
                bundle("data", predicate={"notes": ["n" * 3000] * 9}),
            ],
            MANIFESTS,
        )
    return uri


@pytest.fixture
def alter(postgres, schema):
    """Does something behind the store's back."""

    def do(*statements):
        return postgres.sql(f"SET search_path TO {schema}", *statements)

    return do


@pytest.fixture
def roles(postgres, schema, full):
    """The URIs of a reader and a writer, with the rights the documentation names."""
    for role in ("reader", "writer"):
        name = f"{schema}_{role}"
        postgres.sql(
            f"CREATE ROLE {name} LOGIN",
            f"GRANT USAGE ON SCHEMA {schema} TO {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}",
        )
    postgres.sql(f"GRANT INSERT ON ALL TABLES IN SCHEMA {schema} TO {schema}_writer")
    yield [postgres.uri(schema, user=f"{schema}_{role}") for role in ("reader", "writer")]
    for role in ("reader", "writer"):
        postgres.sql(f"DROP OWNED BY {schema}_{role}", f"DROP ROLE {schema}_{role}")


# ── the place ──


@pytest.mark.parametrize(
    "rest",
    [
        "postgresql:here",
        "postgresql:",
        "postgresql:/somewhere",
        "postgresql://u:s3cret@h:port/d?x=y",
        "postgresql://u:s3cret@h/d?nonsense=1",
        "postgresql://u:s3cret%zz@h/d",
        "postgresql://u:s3cret@[h/d",
        "postgresql://u:s3cret@h/d?schema=a&schema=b",
    ],
)
def test_what_is_no_uri_is_refused_without_repeating_it(rest):
    with pytest.raises(UsageError, match=r"postgresql:…: is no URI of a PostgreSQL database") as caught:
        open_store(rest)
    assert "s3cret" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize("name", ["", "Attest", "a b", 'a"b', "1a", "pg_catalog", "a" * 64, "é", "a%3Bb"])
def test_a_schema_has_a_plain_name(name):
    with pytest.raises(UsageError, match=r"schema: got .*, expected lowercase letters, digits and _"):
        open_store(f"postgresql://h/d?schema={name}")


def test_another_spelling_of_the_scheme_is_named():
    with pytest.raises(UsageError, match="unknown store 'postgres'") as caught:
        open_store("postgres://h/d")
    assert caught.value.hint == "did you mean 'postgresql'?"


def test_without_psycopg_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match="a store in PostgreSQL needs psycopg") as caught:
        open_store("postgresql://h/d")
    assert caught.value.hint == "pip install 'attest-provenance[postgres]'"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("data/store.db", "data/store.db"),
        ("sqlite:/a:b@c", "sqlite:/a:b@c"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("postgresql://user:pass@host/db", "postgresql://user@host/db"),
        ("postgresql://user:p@ss:@host:5432/db", "postgresql://user@host:5432/db"),
        ("postgresql://host:5432/db?user=a@b", "postgresql://host:5432/db?user=a@b"),
        ("postgresql://host/db?password=x&schema=y", "postgresql://host/db?schema=y"),
        ("postgresql://host/db?ssl%50assword=x", "postgresql://host/db"),
        ("other://user:@host?a=b", "other://user@host?a=b"),
    ],
)
def test_a_uri_is_shown_without_its_password(uri, shown):
    assert without_password(uri) == shown
    assert without_password(shown) == shown


@pytest.mark.parametrize(
    ("rest", "where"),
    [
        ("//u:p@h:1/d", "postgresql://u@h:1/d"),
        ("//h:1,i:2/d?password=p", "postgresql://h:1,i:2/d"),
        ("//h,i/d?schema=team", "postgresql://h,i/d?schema=team"),
        ("///?service=s&host=/run/pg", "postgresql:///run/pg/?service=s"),
    ],
)
def test_errors_name_the_place_without_the_password(rest, where):
    assert _postgres_link.parse_place(rest).where == where


def test_a_password_comes_from_where_libpq_finds_it(postgres, full, schema, tmp_path, monkeypatch):
    role = f"{schema}_tcp"
    postgres.sql(
        f"CREATE ROLE {role} LOGIN PASSWORD 's3cr%t'",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
    )
    place = f"127.0.0.1:{postgres.port}/test?schema={schema}"
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{postgres.port}:test:{role}:s3cr%t\n")
    passfile.chmod(0o600)
    services = tmp_path / "services"
    services.write_text(
        f"[prov]\nhost=127.0.0.1\nport={postgres.port}\ndbname=test\nuser={role}\npassword=s3cr%t\n"
    )
    settings = [
        (f"postgresql://{role}:s3cr%25t@{place}", {}),
        (f"postgresql://{role}@{place}", {"PGPASSWORD": "s3cr%t"}),
        (f"postgresql://{role}@{place}", {"PGPASSFILE": str(passfile)}),
        (f"postgresql:///?service=prov&schema={schema}", {"PGSERVICEFILE": str(services)}),
    ]
    for uri, environment in settings:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            with open_store(uri, read_only=True) as store:
                assert len(raws(store)) == 3
    for uri in (f"postgresql://{role}:wr0ng@{place}", f"postgresql://{role}@{place}"):
        with pytest.raises(StoreError, match=r"cannot be (opened|reached): .*password") as caught:
            open_store(uri, read_only=True)
        assert str(caught.value).startswith(f"postgresql://{role}@127.0.0.1:{postgres.port}/test?schema=")
        assert "wr0ng" not in str(caught.value)
    postgres.sql(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_server_that_repeats_the_password_is_not_repeated(uri, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "tr0ub4dor")
    with open_store(uri, create=True) as store, pytest.raises(StoreError, match="you said …, I heard"):
        store._link.ask("DO $$ BEGIN RAISE EXCEPTION E'you said tr0ub4dor,\\n I heard'; END $$")


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(StoreError, match="cannot be reached: connection to server") as caught:
        open_store(
            "postgresql://nobody:hush@/db?host=/nowhere&port=5432"
        )  # no longer than a socket's name may be
    assert "hush" not in str(caught.value)
    assert caught.value.hint.startswith("is the server running")


def test_a_database_that_is_not_there_is_named(postgres):
    with pytest.raises(StoreError, match=r'cannot be opened: .*database "nowhere" does not exist') as caught:
        open_store(postgres.uri(database="nowhere"), create=True)
    assert caught.value.hint is None


def test_a_server_that_is_too_old_is_refused(full, monkeypatch):
    monkeypatch.setattr(_postgres_link, "_OLDEST", 990000)
    with pytest.raises(StoreError, match=r"the server is PostgreSQL \d+, expected 99 or newer"):
        open_store(full)


# ── what is no store ──


def test_an_empty_schema_can_become_a_store(postgres, uri, schema):
    postgres.sql(f"CREATE SCHEMA {schema}")
    with pytest.raises(StoreError, match="there is no store") as caught:
        open_store(uri)
    assert caught.value.hint == "`attest init --store URI` makes one"
    with open_store(uri, create=True) as store:
        assert store.put([bundle("a")]) == 1


@pytest.mark.parametrize("create", [True, False])
def test_another_programs_schema_is_refused_and_left_alone(postgres, uri, schema, create, alter):
    postgres.sql(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.bookmarks (url text)")
    with pytest.raises(StoreError, match="is another program's: it holds bookmarks") as caught:
        open_store(uri, create=create)
    assert caught.value.hint == "name another with ?schema=NAME"
    tables = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    assert alter(tables) == [("bookmarks",)]


def test_several_stores_live_in_one_database(postgres):
    places = [postgres.uri(postgres.new_schema()) for _ in range(2)]
    for number, place in enumerate(places):
        with open_store(place, create=True) as store:
            store.put([bundle(number)])
    for number, place in enumerate(places):
        with open_store(place) as store:
            assert raws(store) == [bundle(number).raw]


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_a_later_version_is_refused(full, alter, create):
    alter("UPDATE about SET version = 2")
    with pytest.raises(StoreError, match="has store version 2, this attest reads up to 1") as caught:
        open_store(full, create=create)
    assert caught.value.hint == "update attest"


@pytest.mark.parametrize("change", ["DELETE FROM about", "UPDATE about SET version = 0"])
def test_a_store_without_version_is_damaged(full, alter, change):
    alter(change)
    with pytest.raises(StoreError, match=r"is damaged: got store version (0|None), expected 1"):
        open_store(full)


def test_many_make_the_same_store_at_once(uri):
    failed = []

    def make(number):
        try:
            with open_store(uri, create=True) as store:
                store.put([bundle(number)])
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    with open_store(uri) as store:
        assert sorted(raws(store)) == sorted(bundle(number).raw for number in range(6))
        assert store.check().problems == ()


def test_creation_that_fails_leaves_nothing(uri, monkeypatch):
    monkeypatch.setattr(_postgres_schema, "SCHEMA", (*_postgres_schema.SCHEMA[:3], "CREATE NONSENSE"))
    with pytest.raises(StoreError, match="syntax error"):
        open_store(uri, create=True)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="there is no store"):
        open_store(uri)
    open_store(uri, create=True).close()


# ── compacting ──


def test_a_compact_store_holds_the_same(full):
    with open_store(full) as store:
        content = raws(store), list(store.manifests())
    before, after = compact_store(full)
    assert 0 < after <= before + (1 << 20)  # what the planner goes by may take room of its own
    with open_store(full, read_only=True) as store:
        assert (raws(store), list(store.manifests())) == content
        assert store.check().problems == ()


def test_only_the_owner_compacts(roles):
    for uri in roles:
        with pytest.raises(StoreError, match="its tables belong to another role"):
            compact_store(uri)


# ── older versions ──


def test_a_store_of_this_version_is_up_to_date(full):
    assert migrate_store(full) == (1, 1)


def test_an_older_store_is_brought_up_to_date_whole_or_not_at_all(full, alter, monkeypatch):
    def widen(link, limits, advance):
        link.ask_here("ALTER TABLE @statement ADD COLUMN extra integer")
        advance(2, 2)

    def fail(link, limits, advance):
        widen(link, limits, advance)
        raise StoreError("statement 1 is damaged")

    for module in (_postgres_schema, _postgres_migrate):
        monkeypatch.setattr(module, "VERSION", 2)
    with pytest.raises(StoreError, match="has store version 1, this attest reads version 2") as caught:
        open_store(full)
    assert caught.value.hint == "`attest store migrate` brings it up to date"
    told = []
    monkeypatch.setitem(_postgres_migrate.STEPS, 1, fail)
    with pytest.raises(StoreError, match="statement 1 is damaged"):
        migrate_store(full, advance=lambda *done: told.append(done))
    assert alter("SELECT version FROM about") == [(1,)]
    monkeypatch.setitem(_postgres_migrate.STEPS, 1, widen)
    assert migrate_store(full, advance=lambda *done: told.append(done)) == (1, 2)
    assert migrate_store(full) == (2, 2)
    assert told == [(2, 2)] * 2
    with open_store(full) as store:
        assert len(raws(store)) == 3


def test_a_store_that_is_not_there_cannot_be_brought_up_to_date(uri):
    with pytest.raises(StoreError, match="there is no store"):
        migrate_store(uri)


# ── rights ──


def test_a_reader_reads_and_a_writer_writes_and_neither_changes_anything(roles, postgres, schema):
    import psycopg

    reader, writer = roles
    with open_store(reader) as store:
        assert len(raws(store)) == 3
        assert store.check().problems == ()
        assert len(list(store.reach([Artifact(sha("code"))]).statements())) == 1
        for some in ([bundle("new")], []):
            with pytest.raises(StoreError, match="this role may only read: it has no right to insert into"):
                store.put(some)
    with open_store(reader, read_only=True) as store:
        assert len(raws(store)) == 3
    with open_store(writer, create=True) as store:
        assert store.put([bundle("new"), *(bundle(n) for n in range(1200))], [b"new manifest"]) == 1201
        assert store.put([bundle("new")]) == 0
        assert store.check().problems == ()
    for role in ("reader", "writer"):
        for change in (
            "DELETE FROM {}.bundle",
            "UPDATE {}.bundle SET raw = ''",
            "TRUNCATE {}.bundle CASCADE",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                postgres.sql(change.format(schema), user=f"{schema}_{role}")
    with pytest.raises(StoreError, match="this role may not do that"):
        migrate_with_a_step(writer)


def migrate_with_a_step(uri):
    with pytest.MonkeyPatch.context() as patch:
        for module in (_postgres_schema, _postgres_migrate):
            patch.setattr(module, "VERSION", 2)
        patch.setitem(_postgres_migrate.STEPS, 1, lambda *_: None)
        migrate_store(uri)


def test_a_role_without_rights_is_told_so(postgres, full, schema):
    role = f"{schema}_nobody"
    postgres.sql(f"CREATE ROLE {role} LOGIN")
    with pytest.raises(StoreError, match=r"this role may not do that \(42501: permission denied") as caught:
        open_store(postgres.uri(schema, user=role))
    assert "docs/store.md" in caught.value.hint
    with pytest.raises(StoreError, match=r"42501: permission denied for database"):
        open_store(postgres.uri(postgres.new_schema(), user=role), create=True)
    postgres.sql(f"DROP ROLE {role}")


def test_reading_only_is_what_the_server_is_told_too(full):
    with open_store(full, read_only=True) as store:
        assert store._link.ask("SHOW transaction_read_only") == [("on",)]
        with pytest.raises(StoreError, match=r"can only be read \(25006"):
            store._link.ask("DELETE FROM @about")


def test_a_session_is_as_the_store_needs_it(postgres, full, schema):
    role = f"{schema}_odd"
    postgres.sql(
        f"CREATE ROLE {role} SUPERUSER LOGIN",
        f"ALTER ROLE {role} SET default_transaction_isolation TO 'serializable'",
        f"ALTER ROLE {role} SET search_path TO public",
        f"ALTER ROLE {role} SET client_encoding TO 'LATIN1'",
        f"ALTER ROLE {role} SET jit TO on",
    )
    with open_store(postgres.uri(schema, user=role)) as store:
        for name, value in {
            "transaction_isolation": "read committed",
            "search_path": "pg_catalog, pg_temp",
            "client_encoding": "UTF8",
            "jit": "off",
            "lock_timeout": "30s",
            "idle_in_transaction_session_timeout": "10min",
        }.items():
            assert store._link.ask(f"SHOW {name}") == [(value,)]
        assert store.put([bundle("a")]) == 1
    postgres.sql(f"DROP ROLE {role}")


def test_nobody_can_put_a_function_in_the_place_of_ours(postgres, full, alter):
    postgres.sql(
        "CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$",
        "CREATE OPERATOR public.= (leftarg = bytea, rightarg = bytea, function = pg_catalog.byteane)",
    )
    try:
        with open_store(full) as store:
            assert store.by_type("https://example.org/any/v1") == [
                bundle("data", predicate={"notes": ["n" * 3000] * 9}).statement_digest
            ]
            assert store.by_subject(sha("nobody")) == []
    finally:
        postgres.sql("DROP OPERATOR public.= (bytea, bytea)", "DROP FUNCTION public.sha256(bytea)")


# ── many writers ──


def test_ids_are_given_out_in_the_order_of_commits(uri):
    """A reader who walks by id never passes a bundle that is committed later."""
    with open_store(uri, create=True) as store:
        store.put([bundle("first")])
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def slow():
        for number in range(1500):
            yield bundle("slow", number)
        begun.set()
        assert go_on.wait(20)

    def put(bundles):
        with open_store(uri) as one:
            one.put(bundles)

    with open_store(uri, read_only=True) as reader:
        writers = [threading.Thread(target=put, args=(slow(),))]
        writers[0].start()
        assert begun.wait(20)
        writers.append(threading.Thread(target=put, args=([bundle("quick")],)))
        writers[1].start()
        walk = reader.bundles()
        seen.append(next(walk).raw)
        time.sleep(0.3)
        assert next(walk, None) is None  # the quick one waits for its turn
        go_on.set()
        for each in writers:
            each.join()
        kept = raws(reader)
    assert kept[0] == bundle("first").raw
    assert kept[-1] == bundle("quick").raw
    assert len(kept) == 1502


def test_a_writer_that_never_ends_is_reported(full, monkeypatch):
    monkeypatch.setattr(_postgres_link, "LOCK_SECONDS", 0.2)

    def source():
        yield bundle("slow")
        with open_store(full) as other:
            assert len(raws(other)) == 3  # readers never wait
            with pytest.raises(StoreError, match="another process has been writing") as caught:
                other.put([bundle("other")])
            assert caught.value.hint == "try again"
        yield from (bundle(n) for n in range(1100))

    with open_store(full) as store:
        # the source is asked for the rest once the lock is held
        assert store.put(source_after_head(source())) == 2101
        assert store.check().problems == ()


def source_after_head(rest):
    """A thousand bundles, after which the transaction has begun, and then the rest."""
    yield from (bundle("head", number) for number in range(1000))
    yield from rest


def test_a_writer_without_the_lock_is_noticed(full, alter):
    def source():
        alter(
            "INSERT INTO bundle SELECT 1010, statement_id, sha256(raw || '!'), raw FROM bundle WHERE id = 1"
        )
        yield from (bundle(number) for number in range(20))

    with open_store(full) as store:
        with pytest.raises(StoreError, match="does not wait for its turn") as caught:
            store.put(source_after_head(source()))
        assert caught.value.hint == "nothing was changed; try again"
        assert store.put([bundle("later")]) == 1


def test_what_is_put_can_be_made_of_what_is_there(full):
    with open_store(full) as store:

        def source():
            yield from source_after_head([])
            for number, one in enumerate(list(store.bundles())):
                yield bundle(one.statement_digest, number)

        assert store.put(source()) == 1000 + 1003
        assert store.check().problems == ()


def test_a_put_inside_a_put_is_refused(full):
    with open_store(full) as store:

        def source():
            yield from source_after_head([])
            store.put([bundle("inner")])

        with pytest.raises(StoreError, match="being put through this connection already") as caught:
            store.put(source())
        assert caught.value.hint == "open the store a second time"
        assert len(raws(store)) == 3


# ── lost connections, slow servers ──


def end_connection(postgres, store):
    number = store._connection_number = store._link._connection.info.backend_pid
    postgres.sql(f"SELECT pg_terminate_backend({number}, 10000)")


def test_a_connection_lost_in_between_is_made_again(postgres, full):
    with open_store(full) as store:
        reader = store.bundles()
        next(reader)
        for use in (
            lambda: store.put([bundle("a")]) == 1,
            lambda: len(raws(store)) == 4,
            lambda: store.check().problems == (),
            lambda: store.manifest("0" * 64) is None,
            lambda: len(list(reader)) == 3,
        ):
            end_connection(postgres, store)
            assert use()


def test_a_connection_lost_in_a_put_leaves_nothing(postgres, full):
    with open_store(full) as store:

        def source():
            end_connection(postgres, store)
            yield bundle("after")

        with pytest.raises(StoreError, match="the connection was lost: ") as caught:
            store.put(source_after_head(source()))
        assert caught.value.hint == "nothing was changed; try again"
        assert len(raws(store)) == 3
        assert store.put([bundle("after")]) == 1
        assert store.check().problems == ()


def test_a_read_between_does_not_hide_a_lost_connection(postgres, full):
    """What was begun is gone: going on would put the rest without the beginning."""
    with open_store(full) as store:

        def source():
            end_connection(postgres, store)
            with pytest.raises(StoreError, match="the connection was lost"):
                raws(store)
            yield bundle("after")

        with pytest.raises(StoreError):
            store.put(source_after_head(source()))
        assert len(raws(store)) == 3


def test_a_connection_lost_at_the_very_end_says_that_nothing_is_known(postgres, full, monkeypatch):
    with open_store(full) as store:
        commit = store._link.commit

        def late():
            end_connection(postgres, store)
            monkeypatch.undo()
            commit()

        monkeypatch.setattr(store._link, "commit", late)
        with pytest.raises(StoreError, match="lost at the very end: all was stored or nothing") as caught:
            store.put([bundle("a")], [b"one"])
        assert caught.value.hint == "put it again: what is there already is not stored twice"
        assert store.put([bundle("a")], [b"one"]) == 1
        assert store.check().problems == ()


def test_a_server_that_does_not_come_back_is_reported(full, monkeypatch):
    monkeypatch.setattr(_postgres_link, "_PAUSES", (0.01,))
    with open_store(full) as store:
        store._link._connection.close()
        monkeypatch.setattr(store._link._psycopg, "connect", refuse)
        with pytest.raises(StoreError, match="cannot be reached: the server is gone"):
            raws(store)


def refuse(*_, **__):
    import psycopg

    raise psycopg.OperationalError("the server is gone")


def test_what_the_server_finds_too_slow_says_so(postgres, full, schema):
    with open_store(f"{full}&options=-c%20statement_timeout%3D300") as store:
        with pytest.raises(StoreError, match=r"took longer than the server allows \(57014") as caught:
            store._link.ask("SELECT pg_sleep(5)")
        assert "statement_timeout" in caught.value.hint
        assert len(raws(store)) == 3


def test_a_put_that_stands_still_is_ended_by_the_server(full):
    with open_store(full) as store:

        def source():
            store._link.ask_here("SET LOCAL idle_in_transaction_session_timeout TO '50ms'")
            time.sleep(0.5)
            yield bundle("late")

        with pytest.raises(StoreError, match=r"stood still for long|connection was lost") as caught:
            store.put(source_after_head(source()))
        assert caught.value.hint == "nothing was changed; try again"
        assert len(raws(store)) == 3


def test_a_writer_that_others_disturb_tries_again(full, monkeypatch):
    left = [2]
    began = _postgres_rows.Writer._add

    def disturbed(self, batch, there):
        if left[0]:
            left[0] -= 1
            self._link.ask_here("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
        began(self, batch, there)

    monkeypatch.setattr(_postgres_rows.Writer, "_add", disturbed)
    with open_store(full) as store:
        assert store.put([bundle("a")]) == 1
        left[0] = 99
        with pytest.raises(StoreError, match="was disturbed by another writer"):
            store.put([bundle("b")])
        assert left[0] == 99 - 3
        left[0] = 0
        assert len(raws(store)) == 4


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("53100", "the server's disk is full"),
        ("22003", "its ids are used up"),
        ("53300", "too many connections"),
        ("P0001", r"the server says: \\x1b\[2J not now \(P0001\)"),
    ],
)
def test_what_the_server_says_is_explained(uri, state, message):
    query = f"DO $$ BEGIN RAISE EXCEPTION E'\\\\x1b[2J not now' USING ERRCODE = '{state}'; END $$"
    with open_store(uri, create=True) as store, pytest.raises(StoreError, match=message):
        store._link.ask(query)


# ── what is large ──


def test_a_large_manifest_is_kept_in_parts(uri, alter, monkeypatch):
    monkeypatch.setattr(_postgres_rows, "PART_BYTES", 1000)
    data = bytes(range(250)) * 14
    with open_store(uri, create=True, limits=Limits(manifest_bytes=3500)) as store:
        store.put([], [data, data[:1000]])
        assert alter("SELECT count(*) FROM manifest_part") == [(5,)]
        first, second = store.manifests()
        assert (store.manifest(first), store.manifest(second)) == (data, data[:1000])
        assert store.check().problems == ()
    with open_store(uri, limits=Limits(manifest_bytes=3499)) as store:
        assert store.manifest(second) == data[:1000]
        with pytest.raises(LimitError, match="manifest bytes: 3500 is above the limit of 3499"):
            store.manifest(first)


def test_bundles_are_fetched_a_few_at_a_time(uri, monkeypatch):
    some = [bundle(number, predicate={"notes": ["n" * 500] * (number % 7)}) for number in range(40)]
    with open_store(uri, create=True) as store:
        store.put(some)
        for size in (1, 3000, 1 << 20):
            monkeypatch.setattr(postgres_store, "_PAGE_BYTES", size)
            assert raws(store) == [one.raw for one in some]


def test_a_line_beyond_the_limit_is_not_even_fetched(uri):
    with open_store(uri, create=True) as store:
        store.put([bundle("small"), bundle("large", predicate={"notes": ["n" * 3000] * 9}), bundle("last")])
    with open_store(uri, limits=Limits(line_bytes=9000)) as store:
        reader = store.bundles()
        assert next(reader).raw == bundle("small").raw
        with pytest.raises(LimitError, match=r"bundle 2: line bytes: \d+ is above the limit of 9000"):
            next(reader)
        (problem,) = store.check().problems
        assert problem.startswith("bundle 2: got ")


def test_any_predicate_type_is_kept(uri):
    types = ["https://example.org/" + os.urandom(9000).hex(), "https://example.org/\x00/ß", "x"]
    some = [odd(kind) for kind in types]
    with open_store(uri, create=True) as store:
        store.put(some)
        for kind, one in zip(types, some, strict=True):
            assert store.by_type(kind) == [one.statement_digest]
        assert store.by_type("\ud800") == []
        assert store.check().problems == ()


def odd(kind):
    from stores.samples import signed, statement

    return signed(statement([entry(kind)], kind).payload)


# ── damage, and rows of somebody else's ──

SHORT_DIGESTS = """ALTER TABLE statement DROP CONSTRAINT statement_sha256_check;
UPDATE statement SET sha256 = substr(sha256, 1, id)"""
DAMAGE = [
    ("UPDATE bundle SET raw = raw || '!' WHERE id = 2", "bundle 2: its bytes do not match their digest"),
    ("UPDATE bundle SET raw = '', sha256 = sha256('') WHERE id = 2", "bundle 2: cannot be read"),
    ("UPDATE bundle SET statement_id = 2 WHERE id = 1", "is filed under statement"),
    (
        "ALTER TABLE bundle DISABLE TRIGGER ALL; UPDATE bundle SET statement_id = 9 WHERE id = 3",
        "is filed under statement <damaged: None>",
    ),
    ("UPDATE statement SET predicate_type = 'x' WHERE id = 2", "is filed under predicate type 'x'"),
    ("UPDATE statement SET predicate_type = '\\xff' WHERE id = 2", "is filed under predicate type '\ufffd'"),
    ("UPDATE statement SET sha256 = sha256('x') WHERE id = 2", "is filed under statement 2d711642"),
    ("DELETE FROM product WHERE statement_id = 1", "is not indexed by its product sha256:"),
    ("DELETE FROM source WHERE statement_id = 1", "is not indexed by its source sha256:"),
    ("INSERT INTO source SELECT 2, id, 2 FROM artifact", "is indexed by source sha256:"),
    ("UPDATE source SET listed = 3", "is indexed as something else: got 3, expected 2"),
    ("UPDATE product SET listed = 0", "is indexed as something else: got 0, expected 1"),
    ("DELETE FROM alias", "is not indexed by its sha512"),
    ("UPDATE artifact SET tree = NOT tree", "is not indexed by its product"),
    ("UPDATE artifact SET sha256 = sha256('x') WHERE id = 1", "which it does not have"),
    ("DELETE FROM artifact WHERE id = 1", "refers to a row that is not there"),
    ("INSERT INTO source VALUES (77, 1, 2)", "table source, row (77, 1): refers to a row that is not there"),
    ("DELETE FROM bundle WHERE id = 3", "has no bundle"),
    ("UPDATE manifest_part SET data = data || data WHERE manifest_id = 1", "its bytes have digest"),
    ("DELETE FROM manifest_part WHERE manifest_id = 1", "its bytes have digest e3b0c44298fc1c149afb"),
    ("CREATE TABLE extra (x integer)", "the schema has an unknown column: x (integer) of table extra"),
    (
        "ALTER TABLE bundle ADD COLUMN x integer",
        "the schema has an unknown column: x (integer) of table bundle",
    ),
    (
        (
            "CREATE FUNCTION {schema}.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER t BEFORE INSERT ON bundle FOR EACH ROW EXECUTE FUNCTION {schema}.f()"
        ),
        "the schema has a trigger, t, of table bundle",
    ),
    ("CREATE RULE r AS ON INSERT TO bundle DO INSTEAD NOTHING", "the schema has a rule, r, of table bundle"),
    ("ALTER TABLE bundle ENABLE ROW LEVEL SECURITY", "the schema has security by rows, of table bundle"),
    ("CREATE TABLE below () INHERITS (bundle)", "the schema has another table below it, of table bundle"),
    (
        "ALTER TABLE bundle DROP CONSTRAINT bundle_sha256_key",
        "table bundle has no valid unique index over sha256",
    ),
    (
        "ALTER TABLE bundle ALTER raw TYPE text USING encode(raw, 'hex')",
        "lacks column raw (bytea) of table bundle",
    ),
    ("ALTER TABLE bundle RENAME raw TO cooked", "the list of bundles cannot be read to the end"),
    ("DROP TABLE manifest_part", "the list of manifests cannot be read to the end"),
    ("DROP TABLE bundle", "the list of bundles cannot be read to the end"),
]


def damage_by(alter, schema, change):
    alter(*(part.replace("{schema}", schema) for part in change.split(";") if part.strip()))


@pytest.mark.parametrize(("change", "problem"), DAMAGE)
def test_damage_is_reported(full, alter, schema, change, problem):
    if "FUNCTION" in change:
        alter(change.partition("END';")[0].replace("{schema}", schema) + "END'")
        alter(change.partition("END';")[2].replace("{schema}", schema))
    else:
        damage_by(alter, schema, change)
    with open_store(full, read_only=True) as store:
        assert any(problem in each for each in store.check().problems), store.check().problems


@pytest.mark.parametrize("change", [change for change, _ in DAMAGE if "FUNCTION" not in change])
def test_damage_is_an_error_or_makes_no_difference(full, alter, schema, change):
    with open_store(full) as store:
        whole = set(raws(store))
    damage_by(alter, schema, change)
    with open_store(full) as store:
        for use in (
            lambda: {one.raw for one in store.bundles()} <= whole,
            lambda: [store.manifest(each) for each in store.manifests()],
            lambda: [store.by_subject(sha(each)) for each in ("model/", "data")],
            lambda: [store.by_input(sha(each)) for each in ("code", "data/")],
            lambda: list(store.statements()),
            lambda: store.by_alias("sha512", "5" * 128),
            lambda: store.by_type("x"),
            lambda: list(store.by_subjects([Artifact(sha("data"))])),
            lambda: [*(walk := store.reach([Artifact(sha("code"))])).artifacts(), *walk.statements()],
            lambda: store.put([bundle("new"), step([entry("model/", tree=True)], [CODE])], [b"m"]),
        ):
            with contextlib.suppress(AttestError):
                assert use() is not False


@pytest.mark.parametrize(
    ("change", "use", "reason"),
    [
        (
            "UPDATE bundle SET raw = raw || '!' WHERE id = 1",
            raws,
            "bundle 1: is damaged: its bytes do not match their digest",
        ),
        (
            "UPDATE bundle SET raw = '[]', sha256 = sha256('[]') WHERE id = 1",
            raws,
            "bundle 1: is damaged: ",
        ),
        (
            "UPDATE bundle SET statement_id = 1 WHERE id = 3",
            lambda store: list(store.bundles(next(store.statements()))),
            "bundle 3: is damaged: got statement",
        ),
        (
            "UPDATE manifest_part SET data = 'x'",
            lambda store: store.manifest(next(store.manifests())),
            "manifest .* is damaged: its bytes have digest",
        ),
        ("DROP TABLE product", lambda store: store.by_subject(sha("data")), r"is damaged: .* \(42P01"),
        ("ALTER TABLE alias DROP value", lambda store: store.by_alias("sha512", "5" * 128), r"\(42703"),
        (
            SHORT_DIGESTS,
            lambda store: list(store.statements()),
            "a digest is not 32 bytes long",
        ),
        (
            "ALTER TABLE bundle ALTER id TYPE text",
            raws,
            "the server says: ",
        ),
    ],
)
def test_damage_that_is_read_is_an_error(full, alter, schema, change, use, reason):
    damage_by(alter, schema, change)
    with open_store(full, read_only=True) as store, pytest.raises(StoreError, match=reason):
        use(store)


def test_a_statement_about_a_large_directory_that_lost_its_bundle_is_an_error(uri, alter):
    large = {**entry("x/", tree=True, digest=sha("no manifest")), "annotations": {"weights": ["w"]}}
    with open_store(uri, create=True) as store:
        store.put([step([large])])
        alter("DELETE FROM bundle")
        with pytest.raises(StoreError, match="statement 1: is damaged: it has no bundle"):
            store.put([], [b"no manifest"])
        assert list(store.manifests()) == []


def test_a_dump_brings_a_store_to_another_server(full, postgres, schema, alter):
    dump = postgres.run("pg_dump", "-n", schema, "test")
    postgres.sql(f"ALTER SCHEMA {schema} RENAME TO {schema}_before")
    postgres.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "test", input=dump)
    with open_store(full) as store:
        assert store.check().problems == ()
        assert len(raws(store)) == 3
        assert store.put([bundle("a")]) == 1


def test_a_bundle_is_saved_without_attest(full, postgres, schema):
    query = f"COPY (SELECT convert_from(raw, 'UTF8') FROM {schema}.bundle ORDER BY id) TO STDOUT"  # noqa: S608
    lines = postgres.run("psql", "-q", "-c", query, "test").splitlines()
    with open_store(full, read_only=True) as store:
        assert [line.replace("\\\\", "\\").encode() for line in lines] == raws(store)

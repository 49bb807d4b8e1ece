"""A query to a real PostgreSQL server, which the test starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import UnverifiedError

if TYPE_CHECKING:
    from conftest import Place


@pytest.mark.slow
def test_a_query_to_a_server(place: Place, postgresql: str) -> None:
    sa = pytest.importorskip("sqlalchemy", reason="needs the extra `datasets`")
    url = postgresql.replace("@", ":geheim@") + "postgres"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)

    def execute(statement: str) -> Any:
        with engine.connect() as connection:
            return connection.exec_driver_sql(statement)

    execute("CREATE TABLE post (id bigint, text text, at timestamptz, price numeric(8, 2), tags text[], extra jsonb)")
    execute("CREATE SEQUENCE numbers")
    execute(
        "INSERT INTO post SELECT n, 't' || n, '2026-01-01Z'::timestamptz + n * interval '1 s', n / 7.0, ARRAY['a'], "
        """'{"k": 1}' FROM generate_series(1, 20000) n"""
    )
    made = place.create(query="SELECT * FROM post", database=url).manifest
    assert made.snapshot.query is not None
    assert (made.snapshot.query.rows, "geheim" in place.manifest.read_text()) == (20000, False)
    assert made.made.database_state
    assert made.schema_fingerprint is not None
    assert [column.type for column in made.schema_fingerprint.tables[0].columns] == [
        "int64", "string", "timestamp", "decimal", "list<item: string not null>",
        "struct<k: int64 not null>",
    ]  # fmt: skip
    literal = place.create(query="SELECT '12:30 50% %s'::text AS t", database=url).manifest
    assert literal.statistics.columns[0].longest == 12
    place.create(query="SELECT * FROM post", database=url)
    execute("CREATE TABLE again AS SELECT * FROM post ORDER BY id DESC")
    execute("DROP TABLE post")
    execute("ALTER TABLE again RENAME TO post")
    assert place.check(database=url).met, "another order of the same rows"
    execute("UPDATE post SET price = price + 0.01 WHERE id = 77")
    assert [one.code for one in place.check(database=url).findings] == ["RPK154"]
    for query in ("DELETE FROM post RETURNING id", "WITH gone AS (DELETE FROM post RETURNING id) SELECT id FROM gone",
                  "SELECT setval('numbers', 9)"):  # fmt: skip
        with pytest.raises(UnverifiedError, match="RPK160"):
            place.create(query=query, database=url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*), nextval('numbers') FROM post").one() == (20000, 1)
    engine.dispose()

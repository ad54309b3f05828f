"""Every key of a tenant's table begins with its business, so that it can be moved, or lie in a partition of its own.

That is what partitioning and Citus ask of a schema (docs/scaling.md), and what keeps a tenant's rows together.
"""

from __future__ import annotations

import pytest

from tests.support.databases import Database
from tests.whole_app.test_tenancy import OF_TENANTS

# Found by the hash of a random token alone, before anybody knows the business. On a partitioned
# table an index that is not unique finds it as well: two of 256 random bits never meet.
FOUND_WITHOUT_BUSINESS = {"invitations": [["token_hash"]]}

_UNIQUE = """
    SELECT ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS key (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = key.attnum ORDER BY key.place)
    FROM pg_index x WHERE x.indrelid = %s::regclass AND x.indisunique
"""
_FOREIGN = """
    SELECT c.confrelid::regclass::text,
           ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS key (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = key.attnum ORDER BY key.place)
    FROM pg_constraint c WHERE c.conrelid = %s::regclass AND c.contype = 'f'
"""


@pytest.mark.parametrize("table", OF_TENANTS)
def test_unique_keys_begin_with_the_business(database: Database, table: str) -> None:
    with database.as_superuser() as connection:
        keys = [columns for (columns,) in connection.execute(_UNIQUE, [table])]
    assert keys
    assert [key for key in keys if key[0] != "business_id"] == FOUND_WITHOUT_BUSINESS.get(table, [])


@pytest.mark.parametrize("table", OF_TENANTS)
def test_foreign_keys_between_tenants_tables_begin_with_the_business(database: Database, table: str) -> None:
    """One to a person or to the businesses themselves does not: those two tables stand on every node."""
    with database.as_superuser() as connection:
        keys = connection.execute(_FOREIGN, [table]).fetchall()
    assert [(other, key) for other, key in keys if other in OF_TENANTS and key[0] != "business_id"] == []

"""Links by the million, straight into a stack's database; load.lua knows the codes of the hot ones."""

import contextlib
import time

HOT = 10_000
MANY = 10_000_000

# Hot codes are h000001 and so on; the others are spread over the index: an odd factor modulo
# 2^32 makes no number twice.
FILL = """
INSERT INTO urls (id, short_code, original_url)
SELECT id,
    CASE WHEN id <= %(hot)s THEN 'h' || lpad(id::text, 6, '0')
        ELSE 'l' || lpad(to_hex(id * 2654435761 & 4294967295), 8, '0') END,
    'https://example.com/' || id
FROM generate_series(1::bigint, %(links)s) AS id
"""
# Indexes are made at the end, as by any bulk load.
INDEXES = """
SELECT format('ALTER TABLE urls DROP CONSTRAINT %I', conname),
    format('ALTER TABLE urls ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = 'urls'::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT format('DROP INDEX %I', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = 'urls'::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def fill(stack, count=HOT):
    """Makes the links 1..count of a stack that has none; returns the seconds it took."""
    began = time.monotonic()
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no trigger for each of them
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(INDEXES)
        indexes = cursor.fetchall() if count > HOT else []
        for drop, _ in indexes:
            cursor.execute(drop)
        cursor.execute(FILL, {"hot": HOT, "links": count})
        for _, create in indexes:
            cursor.execute(create)
        cursor.execute("SELECT ids_pass(pg_get_serial_sequence('urls', 'id')::regclass, %s)", (count,))
    with contextlib.closing(stack.connect()) as connection:
        connection.autocommit = True  # VACUUM wants no transaction
        connection.cursor().execute("VACUUM ANALYZE urls")
    return time.monotonic() - began

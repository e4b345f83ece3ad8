#!/bin/bash
# sqlite3: a script that inserts 100,000 rows, one statement each, and then works on them.
. "$top_srcdir/tests/preload/common.sh" || exit
needs sqlite3

{
  echo 'PRAGMA cache_size = -32000; CREATE TABLE item (id INTEGER PRIMARY KEY, kind, name, body); BEGIN;'
  awk 'BEGIN {
    for (i = 1; i <= 100000; i++) {
      seed = (seed * 16807 + 11) % 2147483647
      body = sprintf("%*s", seed % 90, "")
      gsub(/ /, "b", body)
      printf "INSERT INTO item VALUES (%d, %d, \"name %d\", \"%s\");\n", i, i % 97, seed, body
    }
  }'
  cat <<'SQL'
COMMIT;
CREATE INDEX by_name ON item (name, kind);
SELECT count(*), sum(length(body)), min(name), max(name) FROM item;
SELECT kind, count(*), max(body), length(group_concat(name, ',')) FROM item GROUP BY kind ORDER BY kind;
SELECT a.id, b.id FROM item a JOIN item b ON b.name = a.name AND b.id > a.id ORDER BY 1, 2 LIMIT 20;
UPDATE item SET body = body || name WHERE kind < 50;
DELETE FROM item WHERE kind % 3 = 0;
SELECT name FROM item ORDER BY body DESC, id LIMIT 20;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
  SELECT count(DISTINCT body) FROM n JOIN item ON id = i;
VACUUM;
PRAGMA integrity_check;
SQL
} >script.sql

takes_effect sqlite3 :memory: 'SELECT 1;'
same 'a script of 100,000 rows gives the same output' sqlite3 data.db '.read ../script.sql'
same_files 'it leaves the same database'
finish

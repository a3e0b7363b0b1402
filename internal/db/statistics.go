package db

// few are columns of which an organization has few values, each in many rows.
// Of every other column but those that tell rows apart, a value is in a few.
const few = `'product_id', 'benefit_id', 'discount_id', 'endpoint_id', 'meter_id', 'target_id', 'key', 'actor_id', 'actor_kind', 'type', 'processor', 'source'`

// apart are columns that tell rows apart.
const apart = `'id', 'seq', 'hash', 'created_at', 'started_at', 'due_at', 'check_at', 'expires_at', 'name_key', 'email_key', 'external_id', 'external_key', 'customer_seq'`

// statistics say to SQLite's planner what it would assume wrongly: that an
// organization has few rows, and that the shortest way to one page of all that
// a customer has is to walk through what all customers have in the right order.
// They are the same in every database, small or large, so that plans are, too.
// They are written anew for all indexes, in a table that is made anew, because
// that is how other connections notice.
const statistics = `DROP TABLE IF EXISTS sqlite_stat1;
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT tbl, idx, rows || ' ' || group_concat(each, ' ' ORDER BY seqno) || ' noskipscan' FROM (
  SELECT tbl, idx, seqno, rows, MIN(rows_each) OVER (PARTITION BY idx ORDER BY seqno) AS each FROM (
    SELECT t.name AS tbl, i.name AS idx, c.seqno, 100000000 AS rows,
      CASE
        WHEN i."unique" AND c.seqno = (SELECT MAX(seqno) FROM pragma_index_info(i.name)) THEN 1
        WHEN c.name = 'organization_id' THEN CASE WHEN i.partial THEN 900000 ELSE 1000000 END
        WHEN c.name IN (` + few + `) THEN 10000
        WHEN c.name IN (` + apart + `) THEN 1
        ELSE 10
      END AS rows_each
    FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
    WHERE t.type = 'table' AND (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) = 'organization_id'
  ) AS columns
) AS indexes GROUP BY tbl, idx, rows;`

package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
	_ "modernc.org/sqlite"             // the driver named sqlite
)

// tables are those that a new customer has rows in, without the search index.
var tables = []string{"customers", "members", "customer_metadata", "journal"}

// fill are the statements that make copies of the seeds whose seq lies in a
// range; @c and @m are the new ids. They follow the order of the seeds, so that
// rows lie on the disk as they would if the customers had come one by one.
// What is in a journal's line beside the numbers is left out: no request that
// is measured reads it.
var fill = []string{
	`INSERT INTO journal (organization_id, type, customer_id, customer_seq, subject_id, actor_kind, actor_id, request_id, created_at, before, after)
	SELECT c.organization_id, 'customer.created', @c, 1,
		@c, 'system', NULL, 'benchmark', c.created_at, NULL, '{}'
	FROM seeds c CROSS JOIN copies n WHERE c.seq BETWEEN ? AND ? ORDER BY c.seq, n.n`,
	`INSERT INTO members (id, organization_id, customer_id, created_at, email, email_key, name, role)
	SELECT @m, m.organization_id, @c,
		m.created_at, n.mark || m.email, n.mark || m.email_key, m.name, m.role
	FROM seeds c JOIN members m ON m.organization_id = c.organization_id AND m.customer_id = c.id AND m.role = 'owner' CROSS JOIN copies n
	WHERE c.seq BETWEEN ? AND ? ORDER BY c.seq, n.n`,
	`INSERT INTO customer_metadata (organization_id, customer_id, key, value)
	SELECT m.organization_id, @c, m.key, m.value
	FROM seeds c JOIN customer_metadata m ON m.organization_id = c.organization_id AND m.customer_id = c.id CROSS JOIN copies n
	WHERE c.seq BETWEEN ? AND ? AND n.noted ORDER BY c.seq, n.n, m.key`,
	`INSERT INTO customers (id, organization_id, created_at, modified_at, type, email, email_key, email_verified, name, name_key, billing_name,
		external_id, external_key, billing_address, tax_id, tax_id_format, locale, metadata, search)
	SELECT @c, c.organization_id, c.created_at, c.modified_at, c.type, n.mark || c.email, n.mark || c.email_key,
		c.email_verified, c.name, c.name_key, c.billing_name, c.external_id || n.mark, c.external_key || n.mark, c.billing_address,
		c.tax_id, c.tax_id_format, c.locale, CASE WHEN n.noted THEN c.metadata ELSE '{}' END,
		CASE WHEN c.email IS NULL THEN c.search ELSE n.mark || c.search END
	FROM seeds c CROSS JOIN copies n WHERE c.seq BETWEEN ? AND ? ORDER BY c.seq, n.n`,
}

// mark is what the n-th copy has before its e-mail and after its external id.
func mark(n int) string { return fmt.Sprintf("k%d.", n) }

// hex are the last digits of the n-th copy's id. The seeds differ before, and have others.
func hex(n int) string { return fmt.Sprintf("c0b1%04x", n) }

// noted copies have the metadata of their seed; the others have none.
func noted(n int) bool { return n%4 == 0 }

// script is a connection that statements run on until one fails.
type script struct {
	ctx  context.Context //nolint:containedctx // lives for one function
	conn *sql.Conn
	err  error
}

func (s *script) run(text string, args ...any) {
	if s.err != nil {
		return
	}
	if _, err := s.conn.ExecContext(s.ctx, text, args...); err != nil {
		s.err = fmt.Errorf("%.100s: %w", text, err)
	}
}

func (s *script) list(text string) (out []string) {
	if s.err != nil {
		return nil
	}
	rows, err := s.conn.QueryContext(s.ctx, text)
	if err != nil {
		s.err = err
		return nil
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v string
		s.err = errors.Join(s.err, rows.Scan(&v))
		out = append(out, v)
	}
	s.err = errors.Join(s.err, rows.Err())
	return out
}

// copies makes the copies while no index is there that can be made afterwards.
func (s *script) copies(set Set, postgres bool, indexes string, progress Progress) {
	remake := s.list(indexes)
	for _, text := range remake {
		s.run(`DROP INDEX ` + indexName(text))
	}
	s.run(`CREATE TEMPORARY TABLE copies (n int PRIMARY KEY, hex text, mark text, noted boolean)`)
	for n := 1; n <= set.copies(); n++ {
		s.run(spell(`INSERT INTO copies VALUES (?, ?, ?, ?)`, postgres), n, hex(n), mark(n), noted(n))
	}
	s.run(`CREATE TEMPORARY TABLE seeds AS SELECT * FROM customers`)
	s.run(`CREATE UNIQUE INDEX seeds_seq ON seeds (seq)`)
	step := max(1, min(set.Seeds/50, 200_000/max(set.copies(), 1)))
	for from := 1; from <= set.Seeds; from += step {
		s.run(`BEGIN`)
		for _, text := range fill {
			s.run(spell(text, postgres), from, min(from+step-1, set.Seeds))
		}
		s.run(`COMMIT`)
		progress("copies", min(from+step-1, set.Seeds)*set.copies(), set.Seeds*set.copies())
	}
	s.run(fmt.Sprintf(`UPDATE customer_totals SET live = live * %d`, set.copies()+1))
	for i, text := range remake {
		s.run(text)
		progress("indexes", i+1, len(remake))
	}
}

// spell writes a statement for an engine: the id of a copy (of the customer c,
// of the member m), and the marks of PostgreSQL.
func spell(text string, postgres bool) string {
	id := `substr(CAST(%s.id AS text), 1, 28) || n.hex`
	if postgres {
		id = "CAST(" + id + " AS uuid)"
	}
	for _, t := range []string{"c", "m"} {
		text = strings.ReplaceAll(text, "@"+t, fmt.Sprintf(id, t))
	}
	for n := 1; postgres && strings.Contains(text, "?"); n++ {
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", n), 1)
	}
	return text
}

// indexName is the name in CREATE INDEX name ON ….
func indexName(text string) string {
	before, _, _ := strings.Cut(text, " ON ")
	return before[strings.LastIndexByte(before, ' ')+1:]
}

func inList() string { return "('" + strings.Join(tables, "', '") + "')" }

func copySQLite(ctx context.Context, dir string, set Set, progress Progress) (err error) {
	if os.Getenv("SQLITE_TMPDIR") == "" { // sorts of large indexes
		_ = os.Setenv("SQLITE_TMPDIR", dir)
	}
	q := url.Values{"_pragma": {"journal_mode(off)", "synchronous(off)", "locking_mode(exclusive)", "cache_size(-1048576)", "foreign_keys(0)"}}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Join(dir, "floe.db")}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	s, err := newScript(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { _ = s.conn.Close() }()
	s.run(`CREATE TEMPORARY TABLE told AS SELECT * FROM sqlite_stat1`) // which an index takes along when it goes
	s.copies(set, false, `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN `+inList(), progress)
	s.run(`DELETE FROM sqlite_stat1`)
	s.run(`INSERT INTO sqlite_stat1 SELECT * FROM told`)
	progress("search index", 0, 1)
	s.run(`INSERT INTO customer_search (customer_search, rank) VALUES ('automerge', 4)`) // as a migration does
	s.run(`INSERT INTO customer_search (rowid, search) SELECT seq, search FROM customers WHERE seq > ? ORDER BY seq`, set.Seeds)
	s.run(`INSERT INTO customer_search (customer_search, rank) VALUES ('automerge', 0)`)
	progress("search index", 1, 1)
	s.run(`PRAGMA journal_mode = wal`)
	return s.err
}

func copyPostgres(ctx context.Context, address string, set Set, progress Progress) (err error) {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	s, err := newScript(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { _ = s.conn.Close() }()
	s.run(`SET session_replication_role = replica`) // no check of foreign keys row by row
	s.run(`SET synchronous_commit = off`)
	s.run(`SET maintenance_work_mem = '1GB'`)
	s.copies(set, true, `SELECT indexdef FROM pg_indexes WHERE tablename IN `+inList()+` AND schemaname = current_schema()
		AND indexname NOT IN (SELECT conname FROM pg_constraint)`, progress)
	for _, t := range tables {
		s.run(`VACUUM ANALYZE ` + t)
	}
	s.run(`CHECKPOINT`)
	return s.err
}

func newScript(ctx context.Context, pool *sql.DB) (*script, error) {
	conn, err := pool.Conn(ctx)
	return &script{ctx: ctx, conn: conn}, err
}

package db_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// Benchmarks report how long something takes as a multiple of the same work
// done with the driver alone, measured in turns in the same run, because the
// figures of a machine drift and their ratios do not.

// compare runs ours and bare in turns and reports the ratio of their times.
func compare(b *testing.B, ours, bare func(n int)) {
	const turn = 200
	var a, c time.Duration
	ours(turn)
	bare(turn)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn {
		n := min(left, turn)
		start := time.Now()
		ours(n)
		a += time.Since(start)
		b.StopTimer()
		start = time.Now()
		bare(n)
		c += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(float64(a)/float64(c), "x-bare")
}

// bareDriver opens the same database without this package.
func bareDriver(b *testing.B, d *db.DB) *sql.DB {
	b.Helper()
	if d.Engine() == "postgres" {
		b.Fatal("open it by its URL")
	}
	q := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)", "cache_size(-32000)"}}
	q.Set("_txlock", "immediate")
	pool, err := sql.Open("sqlite", "file:"+d.Path()+"?"+q.Encode())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pool.Close() })
	return pool
}

const rowText = `SELECT id, name, note, active, metadata, created_at FROM things WHERE id = ?`

type row struct {
	ID        id.ID
	Name      string
	Note      *string
	Active    bool
	Metadata  []byte
	CreatedAt time.Time
}

func rows(b *testing.B, d *db.DB, n int) []id.ID {
	b.Helper()
	createThings(b, d)
	ids := make([]id.ID, n)
	metadata := `{"plan":"` + strings.Repeat("x", 300) + `"}`
	err := d.Write(b.Context(), func(tx *db.Tx) error {
		for i := range ids {
			ids[i] = id.New()
			if _, err := db.Exec(b.Context(), tx, `INSERT INTO things (id, name, note, metadata, created_at) VALUES (?, ?, ?, ?, ?)`,
				ids[i], "name", ids[i], metadata, tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return ids
}

func BenchmarkOneByID(b *testing.B) {
	for _, kind := range []string{"background", "cancellable"} {
		b.Run(kind, func(b *testing.B) {
			ctx := context.Background()
			if kind == "cancellable" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			}
			d := dbtest.SQLite(b)
			ids := rows(b, d, 1000)
			stmt, err := bareDriver(b, d).PrepareContext(ctx, rowText)
			if err != nil {
				b.Fatal(err)
			}
			compare(b, func(n int) {
				for i := range n {
					if _, err := db.One[row](ctx, d, rowText, ids[i%len(ids)]); err != nil {
						b.Fatal(err)
					}
				}
			}, func(n int) {
				for i := range n {
					var r row
					var created string
					err := stmt.QueryRowContext(ctx, string(ids[i%len(ids)])).
						Scan(&r.ID, &r.Name, &r.Note, &r.Active, &r.Metadata, &created)
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

func BenchmarkOneByIDPostgres(b *testing.B) {
	ctx := context.Background()
	address := dbtest.URL(b)
	d, err := db.Open(ctx, db.Config{URL: address})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	ids := rows(b, d, 1000)
	pool, err := sql.Open("pgx", address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	text := strings.Replace(rowText, "?", "$1", 1)
	compare(b, func(n int) {
		for i := range n {
			if _, err := db.One[row](ctx, d, rowText, ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	}, func(n int) {
		for i := range n {
			var r row
			err := pool.QueryRowContext(ctx, text, string(ids[i%len(ids)])).
				Scan(&r.ID, &r.Name, &r.Note, &r.Active, &r.Metadata, &r.CreatedAt)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

const insertText = `INSERT INTO things (id, name, note, metadata, created_at) VALUES (?, ?, ?, ?, ?)`

// BenchmarkWrite compares one insert per Write with one transaction per
// insert on a single connection of the driver.
func BenchmarkWrite(b *testing.B) {
	const metadata = `{"plan":"pro"}`
	for _, callers := range []int{1, 64} {
		b.Run(sprintf("callers=%d", callers), func(b *testing.B) {
			ctx := context.Background()
			d := dbtest.SQLite(b)
			createThings(b, d)
			pool := bareDriver(b, d)
			pool.SetMaxOpenConns(1)
			before := d.Stats()
			compare(b, func(n int) {
				spread(callers, n, func() error {
					key := id.New()
					return d.Write(ctx, func(tx *db.Tx) error {
						_, err := db.Exec(ctx, tx, insertText, key, "name", key, metadata, tx.Now())
						return err
					})
				})
			}, func(n int) {
				spread(callers, n, func() error { return bareInsert(ctx, pool, metadata) })
			})
			s := d.Stats()
			b.ReportMetric(float64(s.BatchSize-before.BatchSize)/float64(s.Batches-before.Batches), "writes/commit")
		})
	}
}

func bareInsert(ctx context.Context, pool *sql.DB, metadata string) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	key := string(id.New())
	if _, err := tx.ExecContext(ctx, insertText, key, "name", key, metadata, db.FormatTime(time.Now())); err != nil {
		return err
	}
	return tx.Commit()
}

// spread runs fn n times in all, from so many goroutines.
func spread(callers, n int, fn func() error) {
	var wg sync.WaitGroup
	tickets := make(chan struct{}, n)
	for range n {
		tickets <- struct{}{}
	}
	close(tickets)
	for range callers {
		wg.Go(func() {
			for range tickets {
				if err := fn(); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		id.New()
	}
}

// BenchmarkReadersTogether has more callers than connections.
func BenchmarkReadersTogether(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d := dbtest.SQLite(b)
	ids := rows(b, d, 1000)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := db.One[row](ctx, d, rowText, ids[i%len(ids)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

package db_test

import (
	"strconv"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// A foreign key that was checked while its table was small goes on reading all
// of it when it has grown, until plans are made anew.
func TestReplan(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	ctx := t.Context()
	err := d.Write(ctx, func(tx *db.Tx) error {
		exec := func(text string) {
			t.Helper()
			if _, err := db.Exec(ctx, tx, text); err != nil {
				t.Fatal(err)
			}
		}
		read := func(parent int) int64 { // how many parents, to check ten children of one
			t.Helper()
			const text = `SELECT COALESCE(seq_tup_read, 0) FROM pg_stat_xact_user_tables WHERE relname = 'parents'`
			before, err := db.One[int64](ctx, tx, text)
			if err != nil {
				t.Fatal(err)
			}
			exec(`INSERT INTO children SELECT ` + strconv.Itoa(parent) + ` FROM generate_series(1, 10)`)
			after, err := db.One[int64](ctx, tx, text)
			if err != nil {
				t.Fatal(err)
			}
			return after - before
		}
		exec(`CREATE TABLE parents (id int PRIMARY KEY)`)
		exec(`CREATE TABLE children (parent int REFERENCES parents (id))`)
		exec(`INSERT INTO parents VALUES (1)`)
		exec(`ANALYZE parents`)
		read(1)
		exec(`INSERT INTO parents SELECT generate_series(2, 5000)`)
		if n := read(5000); n < 5000 {
			t.Logf("only %d rows were read before: this server needs no help", n)
		}
		if err := tx.Replan(ctx); err != nil {
			return err
		}
		if n := read(5000); n > 100 {
			t.Errorf("%d rows were read to check ten children", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

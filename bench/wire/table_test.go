package wire

import (
	"testing"
	"time"
)

// The bare table must hold what was written, or it is no measure of anything.
func TestBareTable(t *testing.T) {
	t.Parallel()
	table, err := OpenBareSQLite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	if err := table.Fill(1000); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct {
		name string
		Runner
		left, renamed int
	}{
		{"insert", table.Inserts(8), 1300, 0},
		{"update", table.Updates(8), 1300, 300},
		{"delete", table.Deletes(8), 1000, -1},
	} {
		sample, err := run.Runner(0, 300)
		if err != nil || sample.Done != 300 || sample.Took <= 0 {
			t.Fatalf("%s: %d in %v, %v", run.name, sample.Done, sample.Took, err)
		}
		var left, renamed int
		if err := table.pool.QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(*) FILTER (WHERE email LIKE 'renamed%') FROM bare`).Scan(&left, &renamed); err != nil {
			t.Fatal(err)
		}
		if left != run.left || run.renamed >= 0 && renamed != run.renamed {
			t.Errorf("%s leaves %d rows, %d of them renamed; want %d and %d", run.name, left, renamed, run.left, run.renamed)
		}
	}
	if sample, err := table.Inserts(2)(50*time.Millisecond, 0); err != nil || sample.Done == 0 || sample.Took < 50*time.Millisecond {
		t.Errorf("%d in %v, %v", sample.Done, sample.Took, err)
	}
}

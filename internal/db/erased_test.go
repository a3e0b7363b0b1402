package db_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"floe/internal/db"
)

// What was deleted or written over is not in the files any more, where SQLite
// would keep it in pages and parts of pages that are free.
func TestErasedFromTheFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), db.Config{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	createThings(t, d)
	for i := range 300 {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return insert(t.Context(), tx, "somebody-"+strconv.Itoa(i)+strings.Repeat("x", i*20))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, d, `UPDATE things SET name = 'nobody' || name WHERE name LIKE 'somebody-1%'`)
	mustExec(t, d, `UPDATE things SET name = 'else' WHERE name LIKE 'nobody%'`)
	mustExec(t, d, `DELETE FROM things WHERE name LIKE 'somebody-%'`)
	if err := d.Close(); err != nil { // which copies the log into the file
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // the log is one of them, if it stayed
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(content, []byte("somebody-")); n > 0 {
			t.Errorf("%d names are left in %s", n, f.Name())
		}
	}
}

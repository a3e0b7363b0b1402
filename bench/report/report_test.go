package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func example() Result {
	r := Result{Machine: Machine{Commands: []string{"go run ."}}}
	for i, system := range []string{FloeSQLite, FloePostgres, PocketBase, Bare} {
		r.Compared = append(r.Compared, Measurement{System: system, Operation: "get by id", Customers: 1000, PerSecond: float64(100 * (i + 1)), OfBare: 0.25 * float64(i+1)})
	}
	for _, n := range []int{1000, 10_000} {
		r.Grown = append(r.Grown, Measurement{System: FloeSQLite, Operation: "get by id", Customers: n, Organizations: 1, PerSecond: float64(2_000_000 / n), P99Millis: 1.25})
	}
	r.Facts = []Fact{{FloeSQLite, "start, empty", 50, "ms"}}
	return r
}

func TestWrite(t *testing.T) {
	t.Parallel()
	docs := t.TempDir()
	page := filepath.Join(docs, "performance.md")
	if err := os.WriteFile(page, []byte("before\n"+begin+"\nold\n"+end+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time replaces the first
		if err := example().Write(docs); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n", "\nafter\n", "| get by id | 0.25 | 0.50 | 0.75 | 0.33× |", "| get by id | 1.00 (1.2) | 10.00 (1.2) |", "| start, empty, ms | 50.0 |"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Error("what was there before is still there")
	}
	for _, name := range []string{"compared.svg", "growth-sqlite-1.svg"} {
		wellFormed(t, filepath.Join(docs, "performance", name))
	}
}

func wellFormed(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	r := example()
	r.Merge(Result{Machine: Machine{Commands: []string{"go run . grow"}},
		Compared: []Measurement{{System: Bare, Operation: "get by id", Customers: 1000, PerSecond: 7}, {System: Bare, Operation: "state", Customers: 1000, PerSecond: 8}},
		Facts:    []Fact{{FloeSQLite, "start, empty", 40, "ms"}}})
	got, _ := r.get(Bare, "get by id")
	if len(r.Compared) != 5 || got.PerSecond != 7 || len(r.Grown) != 2 || len(r.Facts) != 1 || r.Facts[0].Value != 40 || len(r.Machine.Commands) != 2 {
		t.Errorf("%+v", r)
	}
}

// TestFailed: what Floe could not do is an error, what others could not is none.
func TestFailed(t *testing.T) {
	t.Parallel()
	r := example()
	r.Compared[2].Fail(errors.New("PocketBase gave up"))
	if err := r.Failed(); err != nil {
		t.Error(err)
	}
	r.Grown[1].Fail(errors.New("answered 500"))
	if err := r.Failed(); err == nil || err.Error() != "Floe, SQLite, 10000 customers, get by id: answered 500" {
		t.Error(err)
	}
}

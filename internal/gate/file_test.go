package gate

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	f := File{"sqlite": {"get": {Costs: Costs{"allocations": 50, "statements": 1}, Reason: "as it was"}}}
	for _, c := range []struct {
		is   Costs
		want string
	}{
		{Costs{"allocations": 50, "statements": 1}, ""},
		{Costs{"allocations": 54.9, "statements": 1.4}, ""},
		{Costs{"allocations": 45.1, "statements": 1}, ""},
		{Costs{"allocations": 55, "statements": 1}, "55.0 allocations a request, which is worse than 50.0"},
		{Costs{"allocations": 55.1, "statements": 1}, "55.1 allocations a request, which is worse than 50.0"},
		{Costs{"allocations": 44.9, "statements": 1}, "44.9 allocations a request, which is better than 50.0"},
		{Costs{"allocations": 50, "statements": 2}, "2.0 statements a request, which is worse than 1.0"},
		{Costs{"allocations": 50, "statements": 0}, "0.0 statements a request, which is better than 1.0"},
		{Costs{"round trips": 3}, "round trips are not in the file"},
	} {
		got := strings.Join(f.Differences("sqlite", "get", c.is), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.is, got, c.want)
		}
	}
	if got := f.Differences("sqlite", "put", Costs{}); len(got) != 1 {
		t.Errorf("a path that is not in the file: %q", got)
	}
	f["sqlite"]["get"].Reason = " "
	if got := f.Differences("sqlite", "get", Costs{}); len(got) != 1 || !strings.Contains(got[0], "no reason") {
		t.Errorf("without a reason: %q", got)
	}
}

// TestUpdateKeepsWhatHasNotMoved: steps of a twentieth each do not add up to
// something that nobody has given a reason for.
func TestUpdateKeepsWhatHasNotMoved(t *testing.T) {
	t.Parallel()
	f := File{}
	f.Update("sqlite", "get", Costs{"allocations": 100, "statements": 1}, "first")
	f.Update("sqlite", "get", Costs{"allocations": 105, "statements": 1}, "second")
	f.Update("sqlite", "get", Costs{"allocations": 120, "statements": 1.2}, "third")
	want := &Entry{Costs: Costs{"allocations": 120, "statements": 1}, Reason: "third"}
	if got := f["sqlite"]["get"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	path := filepath.Join(t.TempDir(), "gate.json")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(path); err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("%v, %v", again, err)
	}
}

func TestMedians(t *testing.T) {
	t.Parallel()
	var runs []map[string]Costs
	for _, n := range []float64{100, 104, 90} {
		runs = append(runs, map[string]Costs{"get": {"allocations": n, "statements": 1 + n/1000}})
	}
	costs, spread := medians(runs, "get")
	if want := (Costs{"allocations": 100, "statements": 1.1}); !reflect.DeepEqual(costs, want) || spread != 0.1 {
		t.Errorf("%v, apart by %v; want %v, apart by 0.1", costs, spread, want)
	}
}

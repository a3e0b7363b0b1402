package main

import (
	"testing"
	"time"

	"floe/bench/wire"
)

// TestTimes: each event is found by the name that its change gave, counts once,
// and when it came before the answer it took next to nothing.
func TestTimes(t *testing.T) {
	t.Parallel()
	x := &times{answered: map[int64]time.Time{}, first: map[int64]time.Time{}}
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	x.answer(1, at(10))
	x.came([]byte(`{"data":{"id":"a","name":"Renamed 1","x":"Renamed 7"}}`), at(11))
	x.came([]byte(`{"data":{"name":"Renamed 1"}}`), at(99)) // again
	x.came([]byte(`{"data":{"name":"Renamed 2"}}`), at(19))
	x.came([]byte(`{"data":{"name":"Renamed by somebody"}}`), at(19))
	x.answer(2, at(20))
	var s wire.Sample
	if err := x.lags(&s); err != nil || s.Done != 2 {
		t.Fatalf("%d, %v", s.Done, x.lags(&s))
	}
	if least, most := s.Percentile(50), s.Percentile(99); least != time.Microsecond || most < time.Millisecond || most > 1100*time.Microsecond {
		t.Errorf("%v and %v, want a microsecond and 1 ms", least, most)
	}
	x.answer(3, at(30))
	if err := x.lags(&s); err == nil {
		t.Error("nobody was told of a change, and that was not noticed")
	}
}

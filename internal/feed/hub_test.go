package feed

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
	"floe/internal/journal"
)

const acme, other = id.ID("00000000-0000-4000-8000-00000000000a"), id.ID("00000000-0000-4000-8000-00000000000b")

func record(t *testing.T, d *db.DB) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		journal.Append(tx, auth.NewSystem("test"), journal.Entry{Organization: acme, Type: "a.b"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func woken(l *listener, within time.Duration) bool {
	select {
	case <-l.wake:
		return true
	case <-time.After(within):
		return false
	}
}

// TestHub: only those are woken whose organization has news; and the database
// is asked once a second while somebody listens, and never while nobody does.
func TestHub(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHub(d, &journal.Horizon{DB: d})
		record(t, d)
		l, foreign := h.listen(t.Context(), []id.ID{acme}), h.listen(t.Context(), []id.ID{other})
		if !woken(l, 10*time.Second) || !woken(foreign, 10*time.Second) {
			t.Fatal("the first look tells everybody")
		}
		record(t, d)
		if !woken(l, 10*time.Second) || woken(foreign, 50*time.Millisecond) {
			t.Error("not those were woken whom it concerns")
		}
		time.Sleep(50 * time.Millisecond)
		before := d.Stats().Queries
		time.Sleep(2200 * time.Millisecond)
		if n := d.Stats().Queries - before; n < 1 || n > 3 {
			t.Errorf("%d statements in two idle seconds", n)
		}
		h.leave(l)
		h.leave(foreign)
		time.Sleep(50 * time.Millisecond)
		before = d.Stats().Queries
		time.Sleep(1200 * time.Millisecond)
		if n := d.Stats().Queries - before; n != 0 {
			t.Errorf("%d statements while nobody listens", n)
		}
	})
}

// TestHubHearsOthers: what another process commits is heard of in a second or
// two.
func TestHubHearsOthers(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		mine, theirs := open(), open()
		h := newHub(mine, &journal.Horizon{DB: mine})
		record(t, mine)
		l := h.listen(t.Context(), []id.ID{acme})
		defer h.leave(l)
		woken(l, time.Second)
		record(t, theirs)
		if !woken(l, 10*time.Second) {
			t.Error("not heard of")
		}
	})
}

package journal_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
	"floe/internal/journal"
)

const org id.ID = "00000000-0000-4000-8000-00000000000a"

var actor = auth.Subject{Kind: auth.Organization, ID: org, TokenID: "00000000-0000-4000-8000-00000000000b", RequestID: "request"}

func entry(customer id.ID, after string) journal.Entry {
	return journal.Entry{Organization: org, Type: "test.changed", Customer: customer, Subject: customer, After: json.RawMessage(after)}
}

func TestEntriesAreNumberedPerCustomer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		one, two := id.New(), id.New()
		refused := errors.New("refused")
		for i := range 3 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				journal.Append(tx, actor, entry(one, `{"n":1}`), entry(two, `{"n":2}`))
				journal.Append(tx, actor, entry(one, `{"n":3}`), journal.Entry{Organization: org, Type: "other"})
				if i == 1 {
					return refused
				}
				return nil
			})
			if err != nil && !errors.Is(err, refused) {
				t.Fatal(err)
			}
		}
		for customer, want := range map[id.ID]int{one: 4, two: 2} {
			rows, err := journal.OfCustomer(t.Context(), d, []id.ID{org}, customer)
			if err != nil || len(rows) != want {
				t.Fatalf("%d rows, want %d, %v", len(rows), want, err)
			}
			for i, r := range rows {
				if *r.CustomerSeq != int64(i+1) || *r.ActorID != actor.TokenID || *r.RequestID != "request" {
					t.Errorf("row %d: %+v", i, r)
				}
			}
		}
		if rows, err := journal.OfCustomer(t.Context(), d, []id.ID{"00000000-0000-4000-8000-00000000000c"}, one); err != nil || len(rows) > 0 {
			t.Errorf("another organization reads %d rows, %v", len(rows), err)
		}
	})
}

// Many customers at once are numbered like one: those who have a last number
// and those who have none, with as many entries as others or more.
func TestManyAreNumbered(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		customers := make([]id.ID, 60)
		for i := range customers {
			customers[i] = id.New()
		}
		want := map[id.ID]int64{}
		for _, some := range [][]id.ID{customers[:20], customers[:50], customers} {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for i, c := range some {
					for range 1 + i%2 {
						journal.Append(tx, actor, entry(c, `{}`))
						want[c]++
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range customers {
			rows, err := journal.OfCustomer(t.Context(), d, []id.ID{org}, c)
			if err != nil || int64(len(rows)) != want[c] {
				t.Fatalf("%d rows, want %d, %v", len(rows), want[c], err)
			}
			for i, r := range rows {
				if *r.CustomerSeq != int64(i+1) {
					t.Fatalf("row %d has number %d", i, *r.CustomerSeq)
				}
			}
			last, err := db.One[int64](t.Context(), d, `SELECT seq FROM journal_heads WHERE organization_id = ? AND customer_id = ?`, org, c)
			if err != nil || last != want[c] {
				t.Fatalf("the last number is %d, want %d, %v", last, want[c], err)
			}
		}
	})
}

// Concurrent writers leave no gap and no double.
func TestConcurrentNumbers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		customer := id.New()
		var wait sync.WaitGroup
		for range 40 {
			wait.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					journal.Append(tx, actor, entry(customer, `{}`), entry(customer, `{}`))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		rows, err := journal.OfCustomer(t.Context(), d, []id.ID{org}, customer)
		if err != nil || len(rows) != 80 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, r := range rows {
			if *r.CustomerSeq != int64(i+1) {
				t.Fatalf("row %d has number %d", i, *r.CustomerSeq)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	type thing struct {
		A int     `json:"a"`
		B *string `json:"b"`
		C []int   `json:"c"`
	}
	text := "x"
	was, is := journal.Changes(&thing{A: 1, C: []int{1}}, &thing{A: 1, B: &text, C: []int{2}})
	if string(was) != `{"b":null,"c":[1]}` || string(is) != `{"b":"x","c":[2]}` {
		t.Errorf("%s to %s", was, is)
	}
	if was, is := journal.Changes(&thing{}, &thing{}); string(was) != "{}" || string(is) != "{}" {
		t.Errorf("%s to %s", was, is)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		one, two := id.New(), id.New()
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			journal.Append(tx, actor, entry(one, `{"email":"a@b.co","plan":"x"}`), entry(two, `{"email":"c@d.co"}`))
			return nil
		})
		if err == nil {
			err = d.Write(t.Context(), func(tx *db.Tx) error { return journal.Erase(t.Context(), tx, org, one, []string{"email", "name"}) })
		}
		if err != nil {
			t.Fatal(err)
		}
		for customer, want := range map[id.ID]string{one: `{"email":null,"plan":"x"}`, two: `{"email":"c@d.co"}`} {
			rows, err := journal.OfCustomer(t.Context(), d, []id.ID{org}, customer)
			if err != nil || string(rows[0].After) != want {
				t.Errorf("%s, want %s, %v", rows[0].After, want, err)
			}
		}
	})
}

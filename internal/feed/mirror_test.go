package feed_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"floe/internal/feed"
	"floe/internal/floetest"
	"floe/internal/id"
)

// mirror is what a client keeps: customers and members as objects of fields.
type mirror struct {
	t         *testing.T
	f         *floetest.Floe
	seq       int64
	customers map[id.ID]map[string]json.RawMessage
	members   map[id.ID]map[string]json.RawMessage
	heads     map[id.ID]int64 // the last change of each customer
	overlap   int             // changes that the snapshot had already
}

func (m *mirror) get(path string, into any) {
	m.t.Helper()
	r := m.f.Do("GET", path, m.f.AllToken, nil)
	if r.Status != 200 {
		m.t.Fatalf("GET %s: %d %s", path, r.Status, r.Body)
	}
	if err := json.Unmarshal([]byte(r.Body), into); err != nil {
		m.t.Fatal(err)
	}
}

// load reads the snapshot, in small pages so that much happens between them.
func (m *mirror) load() {
	cursor := ""
	for {
		var page struct {
			Items []struct {
				Customer    map[string]json.RawMessage   `json:"customer"`
				Members     []map[string]json.RawMessage `json:"members"`
				CustomerSeq int64                        `json:"customer_seq"`
			} `json:"items"`
			Seq  int64   `json:"seq"`
			Next *string `json:"next"`
		}
		m.get("/v1/changes/snapshot?limit=7"+cursor, &page)
		m.seq = page.Seq
		for _, x := range page.Items {
			c := idOf(x.Customer["id"])
			m.customers[c], m.heads[c] = x.Customer, x.CustomerSeq
			for _, member := range x.Members {
				m.members[idOf(member["id"])] = member
			}
		}
		if page.Next == nil {
			return
		}
		cursor = "&cursor=" + *page.Next
	}
}

func idOf(text json.RawMessage) (out id.ID) {
	_ = json.Unmarshal(text, &out)
	return out
}

// read applies the feed up to a number, or to its end when that is 0.
func (m *mirror) read(upTo int64) {
	for {
		var page struct {
			Items   []change `json:"items"`
			Next    int64    `json:"next"`
			HasMore bool     `json:"has_more"`
		}
		m.get(fmt.Sprintf("/v1/changes?limit=50&after=%d", m.seq), &page)
		for _, c := range page.Items {
			if upTo != 0 && c.Seq > upTo {
				return
			}
			m.apply(&c)
			m.seq = c.Seq
		}
		if m.seq = max(m.seq, page.Next); upTo != 0 && m.seq >= upTo || upTo == 0 && !page.HasMore {
			return
		}
	}
}

func (m *mirror) apply(c *change) {
	if c.CustomerID == "" {
		return
	}
	head := m.heads[c.CustomerID]
	if c.CustomerSeq <= head {
		m.overlap++
		return
	}
	if _, known := m.customers[c.CustomerID]; c.CustomerSeq != head+1 && known {
		m.t.Errorf("customer %s: change %d after %d", c.CustomerID, c.CustomerSeq, head)
	}
	m.heads[c.CustomerID] = c.CustomerSeq
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(c.After, &fields); err != nil {
		m.t.Error(err)
	}
	switch c.Type {
	case "customer.deleted":
		delete(m.customers, c.SubjectID)
	case "member.deleted":
		delete(m.members, c.SubjectID)
	case "customer.created":
		m.customers[c.SubjectID] = fields
	case "member.created":
		m.members[c.SubjectID] = fields
	case "customer.updated":
		if of := m.customers[c.SubjectID]; of != nil {
			maps.Copy(of, fields)
		}
	default: // of members: member.updated, member.followed_email
		if of := m.members[c.SubjectID]; of != nil {
			maps.Copy(of, fields)
		}
	}
}

func (m *mirror) digest() string {
	var sum feed.Sum
	add := func(kind string, of map[id.ID]map[string]json.RawMessage) {
		for key, fields := range of {
			text, err := json.Marshal(fields)
			if err == nil {
				err = sum.Add(kind, string(key), text)
			}
			if err != nil {
				m.t.Error(err)
			}
		}
	}
	add("customer", m.customers)
	add("member", m.members)
	total := sum.Bytes()
	return hex.EncodeToString(total[:])
}

// write changes things at random until it has done enough, with several
// requests at once so that transactions overlap.
func write(f *floetest.Floe, n int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	var mine []string
	for i := range n {
		switch op := r.IntN(10); {
		case op < 4 || len(mine) == 0:
			typ := []string{"individual", "team"}[r.IntN(2)]
			mine = append(mine, f.Customer(map[string]any{"type": typ, "name": fmt.Sprint("N", i), "email": fmt.Sprintf("w%d-%d@example.com", seed, i),
				"metadata": map[string]any{"n": 1.0, "é": i, "b": true, "big": 12345678901234567890.0}}).ID())
		case op < 7:
			f.Do("PATCH", "/v1/customers/"+mine[r.IntN(len(mine))], f.AllToken, map[string]any{"name": fmt.Sprint("M", i), "email": fmt.Sprintf("v%d-%d@example.com", seed, i)})
		case op < 9:
			f.Do("POST", "/v1/customers/"+mine[r.IntN(len(mine))]+"/members", f.AllToken, map[string]any{"email": fmt.Sprintf("m%d-%d@example.com", seed, i)})
		default:
			k := r.IntN(len(mine))
			f.Do("DELETE", "/v1/customers/"+mine[k]+[]string{"", "?anonymize=true"}[r.IntN(2)], f.AllToken, nil)
			mine = slices.Delete(mine, k, k+1)
		}
	}
}

const writers = 8

// TestMirror: a mirror that is built through the public interface while
// writers run is equal to what it mirrors, at every moment it is compared; and
// a stream meanwhile misses nothing and gets nothing twice.
func TestMirror(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		each := 60
		if testing.Short() {
			each = 15
		}
		streamed := follow(t, f, "", "")
		var wait sync.WaitGroup
		for w := range writers {
			wait.Go(func() { write(f, each, uint64(w)) })
		}
		m := &mirror{t: t, f: f, customers: map[id.ID]map[string]json.RawMessage{}, members: map[id.ID]map[string]json.RawMessage{}, heads: map[id.ID]int64{}}
		m.load()
		done := make(chan struct{})
		go func() { wait.Wait(); close(done) }()
		compared := 0
		for running := true; running; compared++ {
			select {
			case <-done:
				running = false
			default:
			}
			m.compare()
			if t.Failed() {
				<-done
				return
			}
		}
		t.Logf("compared %d times, %d customers, %d changes of the snapshot came again", compared, len(m.customers), m.overlap)
		all := f.EventsSince(0)
		count := 0
		for _, typ := range all {
			if typ != "organization_access_token.created" {
				count++
			}
		}
		last := int64(0)
		for range count {
			c := streamed.next(t)
			if c.Seq <= last {
				t.Fatalf("change %d came after %d", c.Seq, last)
			}
			last = c.Seq
		}
	})
}

// compare asks for the digest, reads up to its moment and compares. When a
// person is erased between the two, the feed shows them erased before the
// digest does; so a difference counts when the next digests show one too.
func (m *mirror) compare() {
	m.t.Helper()
	difference := ""
	for range 100 {
		var d struct {
			Seq       int64  `json:"seq"`
			Customers int    `json:"customers"`
			Members   int    `json:"members"`
			Digest    string `json:"digest"`
		}
		m.get("/v1/changes/digest", &d)
		m.read(d.Seq)
		if len(m.customers) == d.Customers && len(m.members) == d.Members && m.digest() == d.Digest {
			return
		}
		difference = fmt.Sprintf("at %d the mirror has %d customers, %d members and digest %s, not %+v", d.Seq, len(m.customers), len(m.members), m.digest(), d)
	}
	m.t.Error(difference)
}

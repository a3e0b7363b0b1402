package nodes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"floe/internal/db/dbtest"
)

// replicated are two nodes on a primary with a replica that lags.
type replicated struct {
	t                *testing.T
	primary, replica *dbtest.Server
	nodes            [2]*node
	token            string
}

const (
	header   = "Floe-Consistency"
	eventual = "eventual"
)

func newReplicated(t *testing.T) *replicated {
	r := &replicated{t: t, primary: dbtest.Primary(t)}
	r.replica = r.primary.Replica(t)
	binary := build(t, "1.0.0", 0)
	for i := range r.nodes {
		n := newNode(t, "--database-url", r.primary.URL, "--database-read-url", r.replica.URL)
		t.Cleanup(n.kill)
		r.nodes[i] = n
		if token := n.start(t, binary); token != "" {
			r.token = token
		}
	}
	return r
}

// ask sends a request to one of the nodes; consistency is the header, or "".
func (r *replicated) ask(of int, consistency, method, path string, body any) (status int, answer map[string]any, token string) {
	r.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + r.token}}
	if consistency != "" {
		h.Set(header, consistency)
	}
	w, text, err := ask(r.t.Context(), http.DefaultClient, method, "http://"+r.nodes[of].address+path, h, body)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = json.Unmarshal(text, &answer)
	return w.StatusCode, answer, w.Header.Get(header)
}

// served is how many reads each server has answered.
func (r *replicated) served() (replica, primary float64) {
	for _, n := range r.nodes {
		replica += n.metric(r.t, `floe_db_reads_total{server="replica"}`)
		primary += n.metric(r.t, `floe_db_reads_total{server="primary"}`)
	}
	return replica, primary
}

// until waits for what takes a while.
func (r *replicated) until(what string, ok func() bool) {
	r.t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			r.t.Fatal("not within a minute: " + what)
		}
	}
}

// TestReadYourWrites has a replica that is always a second behind. Who says
// nothing never sees the past; who sends what the last write answered sees that
// write; both whichever node answers. Reads go to the replica once it is there.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	r.replica.Exec(t, `ALTER SYSTEM SET recovery_min_apply_delay = '1s'`)
	r.replica.Exec(t, `SELECT pg_reload_conf()`)
	r.until("a node reads from the replica", func() bool {
		for of := range r.nodes {
			r.ask(of, eventual, "GET", "/v1/customers/", nil)
		}
		replica, _ := r.served()
		return replica > 0
	})
	stale, last, id := 0, "", ""
	for i := range 20 {
		body, method, path, want := map[string]any{"name": fmt.Sprint(i)}, "PATCH", "/v1/customers/"+id, 200
		if id == "" {
			body["email"], method, path, want = "jane@example.com", "POST", "/v1/customers/", 201
		}
		status, answer, token := r.ask(i%2, "", method, path, body)
		if status != want || token == "" {
			t.Fatalf("%s: %d %v, token %q", method, status, answer, token)
		}
		id, last = answer["id"].(string), token
		for of := range r.nodes {
			for _, consistency := range []string{"", token} {
				status, answer, _ := r.ask(of, consistency, "GET", "/v1/customers/"+id, nil)
				if status != 200 || answer["name"] != fmt.Sprint(i) {
					t.Errorf("node %d, %s %q: %d, read %v after %d was written", of, header, consistency, status, answer["name"], i)
				}
				status, answer, _ = r.ask(of, consistency, "GET", "/v1/customers/"+id+"/state", nil)
				if status != 200 || answer["name"] != fmt.Sprint(i) {
					t.Errorf("node %d, %s %q: %d, state has %v after %d was written", of, header, consistency, status, answer["name"], i)
				}
			}
			status, answer, _ := r.ask(of, eventual, "GET", "/v1/customers/"+id, nil)
			if status != 200 || answer["name"] != fmt.Sprint(i) {
				stale++
			}
		}
	}
	if stale == 0 {
		t.Error("the replica was never behind: nothing was tested")
	}
	r.reaches(id, last)
	r.headers(id)
	r.feed()
	r.without(id, last)
}

// reaches waits until the replica has the last write; then it answers.
func (r *replicated) reaches(id, last string) {
	t := r.t
	r.until("the replica answers who asks for the last write", func() bool {
		before, _ := r.served()
		status, answer, _ := r.ask(0, last, "GET", "/v1/customers/"+id, nil)
		if status != 200 || answer["name"] != "19" {
			t.Fatalf("%d, read %v", status, answer["name"])
		}
		after, _ := r.served()
		return after > before
	})
	replica, primary := r.served()
	for i := range 100 {
		if status, answer, _ := r.ask(i%2, last, "GET", "/v1/customers/"+id+"/state", nil); status != 200 || answer["name"] != "19" {
			t.Fatalf("%d, state has %v", status, answer["name"])
		}
	}
	if now, _ := r.served(); now-replica != 100 {
		t.Errorf("of 100 reads that a fresh replica could answer it answered %v", now-replica)
	}
	for i := range 20 {
		r.ask(i%2, "", "GET", "/v1/customers/"+id, nil)
	}
	if now, all := r.served(); now-replica != 100 || all-primary < 20 {
		t.Errorf("of 20 reads of those who say nothing the replica answered %v, the primary %v", now-replica-100, all-primary)
	}
	for _, n := range r.nodes {
		if n.metric(t, "floe_db_replica_up") != 1 || n.metric(t, `floe_db_replica_fallbacks_total{reason="behind"}`) == 0 {
			t.Error("the metrics do not say that the replica is up and was behind")
		}
	}
}

// headers are refused when they mean nothing.
func (r *replicated) headers(id string) {
	for _, text := range []string{"strong", "1", "0/x", "EVENTUAL"} {
		if status, answer, _ := r.ask(0, text, "GET", "/v1/customers/"+id, nil); status != 400 || answer["detail"] == nil {
			r.t.Errorf("%q: %d %v", text, status, answer)
		}
	}
}

// feed asks for changes, which only the primary knows all of.
func (r *replicated) feed() {
	status, answer, _ := r.ask(1, eventual, "GET", "/v1/changes?limit=1000", nil)
	items, _ := answer["items"].([]any)
	if status != 200 || len(items) < 20 {
		r.t.Errorf("the feed: %d, %d changes", status, len(items))
	}
}

// without kills the replica: the primary answers, and goes on doing so until
// the replica is back.
func (r *replicated) without(id, last string) {
	t := r.t
	r.replica.Kill()
	for i := range 40 {
		for _, consistency := range []string{"", last, eventual} {
			if status, answer, _ := r.ask(i%2, consistency, "GET", "/v1/customers/"+id, nil); status != 200 || answer["name"] != "19" {
				t.Fatalf("without the replica, %q: %d %v", consistency, status, answer)
			}
		}
	}
	_, _, token := r.ask(0, "", "PATCH", "/v1/customers/"+id, map[string]any{"name": "without"})
	if status, answer, _ := r.ask(1, token, "GET", "/v1/customers/"+id, nil); status != 200 || answer["name"] != "without" {
		t.Errorf("without the replica: %d %v", status, answer)
	}
	for _, n := range r.nodes {
		r.until("the replica is missed", func() bool { return n.metric(t, "floe_db_replica_up") == 0 })
	}
	r.replica.Start(t)
	for _, n := range r.nodes {
		r.until("the replica is back", func() bool { return n.metric(t, "floe_db_replica_up") == 1 })
	}
	r.until("the replica answers again", func() bool {
		before, _ := r.served()
		status, answer, _ := r.ask(0, token, "GET", "/v1/customers/"+id, nil)
		if status != 200 || answer["name"] != "without" {
			t.Fatalf("%d, read %v", status, answer["name"])
		}
		after, _ := r.served()
		return after > before
	})
}

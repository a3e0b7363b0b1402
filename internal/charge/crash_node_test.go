package charge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"floe/internal/db"
)

// node is a server that is killed.
type node struct {
	orders
	cmd   *exec.Cmd
	stdin io.Closer
	log   bytes.Buffer // of the process that runs
	ended chan struct{}
	mu    sync.Mutex
}

// start starts it and waits until it serves. It may be ordered to die before it
// does.
func (n *node) start(t *testing.T, ahead time.Duration, die db.Point, after int64) {
	t.Helper()
	n.Ahead, n.Die, n.After = ahead, die, after
	text, err := json.Marshal(&n.orders)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0]) //nolint:gosec // this program
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	n.log.Reset()
	cmd.Stderr = &n.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	n.mu.Lock()
	n.cmd, n.stdin, n.ended = cmd, stdin, ended
	n.mu.Unlock()
	for range 3000 {
		r, err := caller.Get("http://" + n.Address + "/readyz")
		if err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("the server does not start:\n%s", n.log.String())
}

// kill ends it in the way in which it learns nothing of it.
func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
	}
}

// dump ends it when it has said at what all its goroutines are.
func (n *node) dump() {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = n.cmd.Process.Signal(syscall.SIGQUIT)
}

// caller keeps connections.
var caller = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// heard are the webhooks that have arrived, and what was wrong with them.
type heard struct {
	t       *testing.T
	mu      sync.Mutex
	arrived map[string]bool
	last    map[string]string // number of the last one, by customer
}

func (h *heard) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		Data struct {
			ID         string `json:"id"`
			CustomerID string `json:"customer_id"`
		}
	}
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return // the server was killed while it told
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	name, seq := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Sequence")
	if h.arrived[name] {
		return
	}
	h.arrived[name] = true
	if seq == "" {
		return
	}
	customer := e.Data.CustomerID
	if customer == "" {
		customer = e.Data.ID
	}
	if before := h.last[customer]; before != "" && before != r.Header.Get("Webhook-Previous-Sequence") {
		h.t.Errorf("webhook %s of customer %s came after %s and says that it comes after %s", seq, customer, before, r.Header.Get("Webhook-Previous-Sequence"))
	}
	h.last[customer] = seq
}

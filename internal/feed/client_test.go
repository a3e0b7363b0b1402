package feed_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/id"
)

// change is a change as clients read it.
type change struct {
	Seq         int64           `json:"seq"`
	Type        string          `json:"type"`
	CustomerID  id.ID           `json:"customer_id"`
	CustomerSeq int64           `json:"customer_seq"`
	SubjectID   id.ID           `json:"subject_id"`
	Before      json.RawMessage `json:"before"`
	After       json.RawMessage `json:"after"`
}

// stream is a connection that receives server-sent events.
type stream struct {
	changes chan change
	ended   chan error
	close   func()
}

// follow connects over TCP.
func follow(t testing.TB, f *floetest.Floe, query, lastID string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL()+"/v1/changes"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.AllToken)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", lastID)
	w, err := http.DefaultClient.Do(r) //nolint:bodyclose // closed when the test ends
	if err != nil {
		t.Fatal(err)
	}
	if w.StatusCode != 200 {
		t.Fatalf("status %d", w.StatusCode)
	}
	s := &stream{changes: make(chan change, 100), ended: make(chan error, 1), close: func() { _ = w.Body.Close() }}
	t.Cleanup(s.close)
	go s.read(w.Body)
	return s
}

func (s *stream) read(body io.Reader) {
	defer close(s.changes)
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			s.ended <- err
			return
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var c change
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				s.ended <- err
				return
			}
			s.changes <- c
		}
	}
}

func (s *stream) next(t testing.TB) change {
	t.Helper()
	select {
	case c, ok := <-s.changes:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return c
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came for 30 seconds")
	}
	return change{}
}

// end waits for the end and answers how it came.
func (s *stream) end() error {
	select {
	case err := <-s.ended:
		return err
	case <-time.After(10 * time.Second):
		return errors.New("it did not end")
	}
}

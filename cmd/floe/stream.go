package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"floe/internal/id"
)

// change is one change of the feed, as far as it is forwarded.
type change struct {
	Seq         int64           `json:"seq"`
	Type        string          `json:"type"`
	Timestamp   time.Time       `json:"timestamp"`
	CustomerID  id.ID           `json:"customer_id"`
	CustomerSeq int64           `json:"customer_seq"`
	SubjectID   id.ID           `json:"subject_id"`
	Data        json.RawMessage `json:"data"`
}

// follower follows the change feed of a server through broken connections.
type follower struct {
	server *remote
	types  []string
	after  string // where to begin
	last   string // the id of the last event
	opened func() // called with each connection
	lost   func(error)
}

// silence is how long nothing may come: the server sends a sign of life four
// times as often.
const silence = time.Minute

// run passes changes on until ctx ends or the server refuses for good. Only
// the first connection has to succeed.
func (f *follower) run(ctx context.Context, to chan<- change) error {
	connected := false
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		started := time.Now()
		err := f.once(ctx, to, &connected)
		refused, _ := errors.AsType[*refusal](err)
		switch {
		case ctx.Err() != nil:
			return nil
		case !connected, refused != nil && refused.final():
			return err
		}
		f.lost(err)
		if time.Since(started) > silence {
			pause = time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (f *follower) once(ctx context.Context, to chan<- change, connected *bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	q, err := f.server.request(ctx, http.MethodGet, "/v1/changes?"+url.Values{"full": {"true"}, "after": {f.after}, "type": f.types}.Encode(), nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "text/event-stream")
	if f.last != "" {
		q.Header.Set("Last-Event-ID", f.last)
	}
	w, err := f.server.send(q)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	*connected = true
	f.opened()
	lines := bufio.NewReader(w.Body)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return errors.New("the server ended the connection")
		}
		if err != nil {
			return err
		}
		watchdog.Reset(silence)
		if err := f.line(ctx, strings.TrimRight(line, "\r\n"), to); err != nil {
			return err
		}
	}
}

// line reads a line of the stream. Our server sends the id of an event before
// its data, and the data in one line.
func (f *follower) line(ctx context.Context, line string, to chan<- change) error {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch name {
	case "id":
		f.last = value
	case "data":
		var c change
		if err := json.Unmarshal([]byte(value), &c); err != nil {
			return err
		}
		select {
		case to <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

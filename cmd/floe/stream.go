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

// heard is what an endpoint would be sent.
type heard struct {
	ID          id.ID  `json:"id"`
	Type        string `json:"type"`
	CustomerSeq *int64 `json:"customer_seq"`
	PreviousSeq *int64 `json:"previous_seq"`
	Body        string `json:"body"`
}

// follower listens to the events of a server through broken connections.
type follower struct {
	server  *remote
	session id.ID // by which the server knows that it is the same again
	types   []string
	opened  func() // called with each connection
	lost    func(error)
}

// silence is how long nothing may come: the server sends a sign of life four
// times as often.
const silence = time.Minute

// run passes events on until ctx ends or the server refuses for good. Only
// the first connection has to succeed.
func (f *follower) run(ctx context.Context, to chan<- heard) error {
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

func (f *follower) once(ctx context.Context, to chan<- heard, connected *bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	q, err := f.server.request(ctx, http.MethodGet, "/v1/webhooks/listen?"+url.Values{"session": {string(f.session)}, "type": f.types}.Encode(), nil)
	if err != nil {
		return err
	}
	q.Header.Set("Accept", "text/event-stream")
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

// line reads a line of the stream. Our server sends the data of an event in
// one line.
func (f *follower) line(ctx context.Context, line string, to chan<- heard) error {
	name, value, _ := strings.Cut(line, ":")
	if name != "data" {
		return nil
	}
	var e heard
	if err := json.Unmarshal([]byte(strings.TrimPrefix(value, " ")), &e); err != nil {
		return err
	}
	select {
	case to <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"floe/bench/report"
	"floe/bench/wire"
)

// receiver counts what webhooks bring.
type receiver struct {
	got     atomic.Int64
	body    atomic.Pointer[[]byte] // the last one
	server  *http.Server
	address string
}

func newReceiver(ctx context.Context) (*receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{address: l.Addr().String()}
	r.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err == nil {
			r.body.Store(&body)
			r.got.Add(1)
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

func (r *receiver) wait(ctx context.Context, want int64) error {
	for start := time.Now(); r.got.Load() < want; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil || time.Since(start) > 2*time.Minute {
			return errors.Join(ctx.Err(), fmt.Errorf("%d of %d webhooks arrived", r.got.Load(), want))
		}
	}
	return nil
}

// told is how many events each turn of the webhooks has.
const told = 2000

// webhooks measures events a second from the first of many updates to the last
// delivery: each update is on disk, its event is signed, sent, answered, and
// its delivery recorded. Beside it, a loop of net/http's client sends as many
// bodies of that size.
func (c *comparison) webhooks(ctx context.Context, s *stage) (out []report.Measurement, err error) {
	r, err := newReceiver(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.server.Close()) }()
	end, err := s.subscribe(ctx, "http://"+r.address+"/")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	o, _ := find("update, 64 clients")
	conns, err := c.dial(ctx, s, o, o.Clients)
	if err != nil {
		return nil, err
	}
	defer conns.Close()
	ours := func(time.Duration, int64) (wire.Sample, error) {
		start, before := time.Now(), r.got.Load()
		sample, err := conns.Run(0, told)
		if err == nil {
			err = r.wait(ctx, before+told)
		}
		sample.Took = time.Since(start)
		return sample, err
	}
	bare := func(time.Duration, int64) (wire.Sample, error) { return r.flood(ctx, told) }
	none := func() time.Duration { return 0 }
	samples := wire.Turns([]wire.Side{{Run: ours, CPU: s.server.CPU}, {Run: bare, CPU: none}}, 0, max(1, c.Turns/2))
	if err := errors.Join(samples[0].Err, samples[1].Err); err != nil {
		return nil, err
	}
	bareName := report.Bare
	if s.system == report.FloePostgres {
		bareName = report.BarePostgres
	}
	for i, system := range []string{s.system, bareName} {
		out = append(out, report.Measurement{System: system, Operation: "webhooks", Customers: s.set.Rows, Organizations: s.set.Organizations,
			Clients: o.Clients, Done: samples[i].Done, PerSecond: samples[i].PerSecond(), CPUMicros: float64(samples[i].CPUEach().Nanoseconds()) / 1000})
	}
	out[0].OfBare = out[0].PerSecond / out[1].PerSecond
	return out, nil
}

// subscribe makes an endpoint for updates and answers what deletes it.
func (s *stage) subscribe(ctx context.Context, url string) (end func() error, err error) {
	text, err := s.send(ctx, http.MethodPost, "/v1/webhooks/endpoints", map[string]any{"url": url, "format": "raw", "events": []string{"customer.updated"}})
	if err != nil {
		return nil, err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, err
	}
	return func() error {
		_, err := s.send(context.WithoutCancel(ctx), http.MethodDelete, "/v1/webhooks/endpoints/"+made.ID, nil)
		return err
	}, nil
}

func (s *stage) send(ctx context.Context, method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, method, "http://"+s.server.Address+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+s.set.Tenants[0].Token)
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Body.Close() }()
	out, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode >= 300 {
		err = fmt.Errorf("%s %s answers %s: %s", method, path, r.Status, out)
	}
	return out, err
}

// flood posts the last body so often, over 16 connections that stay.
func (r *receiver) flood(ctx context.Context, n int64) (out wire.Sample, err error) {
	const conns = 16
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}}
	defer client.CloseIdleConnections()
	body := *r.body.Load()
	var wg sync.WaitGroup
	var sent, failed atomic.Int64
	start := time.Now()
	for range conns {
		wg.Go(func() {
			for sent.Add(1) <= n {
				q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.address+"/", bytes.NewReader(body))
				if err != nil {
					failed.Add(1)
					return
				}
				answer, err := client.Do(q)
				if err != nil {
					failed.Add(1)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		return out, errors.New("the receiver does not answer")
	}
	out.Done, out.Took = n, time.Since(start)
	return out, nil
}

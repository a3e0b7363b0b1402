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
	"strconv"
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
	times   atomic.Pointer[times]  // where it is noted when each came, unless nil
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
			if t := r.times.Load(); t != nil {
				t.came(body, time.Now())
			}
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

// times are when changes were answered and when their events came, by the number
// that is in the name which a change gives.
type times struct {
	mu              sync.Mutex
	answered, first map[int64]time.Time
}

func (t *times) answer(n int64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered[n] = at
}

func (t *times) came(body []byte, at time.Time) {
	_, rest, _ := bytes.Cut(body, []byte(`"name":"`+renamedTo))
	digits, _, found := bytes.Cut(rest, []byte(`"`))
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if !found || err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.first[n]; !again {
		t.first[n] = at
	}
}

// lags adds how long events took from the answers to their changes; what came
// before its answer took a microsecond. It begins anew.
func (t *times) lags(to *wire.Sample) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, at := range t.answered {
		came, ok := t.first[n]
		if !ok {
			return fmt.Errorf("of change %d nobody was told", n)
		}
		to.Add(max(came.Sub(at), time.Microsecond))
	}
	clear(t.answered)
	clear(t.first)
	return nil
}

// told is how many events each turn of the webhooks has.
const told = 2000

// webhooks measures events a second from the first of many updates to the last
// delivery: each update is on disk, its event is signed, sent, answered, and
// its delivery recorded. Beside it, a loop of net/http's client sends as many
// bodies of that size. Then one client makes one change after the other.
func (c *comparison) webhooks(ctx context.Context, s *stage) (out []report.Measurement, err error) {
	t, err := c.telling(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	bare := func(time.Duration, int64) (wire.Sample, error) { return t.r.flood(ctx, told) }
	none := func() time.Duration { return 0 }
	turns := max(1, c.Turns/2)
	samples := append(wire.Turns([]wire.Side{t.side(t.all), {Run: bare, CPU: none}}, 0, turns), wire.Turns([]wire.Side{t.side(t.one)}, 0, turns)...)
	bareName := report.Bare
	if s.system == report.FloePostgres {
		bareName = report.BarePostgres
	}
	beside := t.measurement(t.all)
	beside.System, beside.P50Millis, beside.P95Millis, beside.P99Millis = bareName, 0, 0, 0
	for i, m := range []report.Measurement{t.measurement(t.all), beside, t.measurement(t.one)} {
		if samples[i].Err != nil {
			return nil, samples[i].Err
		}
		counted(&m, &samples[i])
		out = append(out, m)
	}
	out[0].OfBare = out[0].PerSecond / out[1].PerSecond
	return out, nil
}

// grownWebhooks measures the same of all sizes in turns, with many clients.
func (c *comparison) grownWebhooks(ctx context.Context) (out []report.Measurement, err error) {
	var sides []wire.Side
	var all []*telling
	for _, s := range c.stages {
		t, err := c.telling(ctx, s)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, t.close()) }()
		all, sides = append(all, t), append(sides, t.side(t.all))
	}
	samples := wire.Turns(sides, 0, max(1, c.Turns/2))
	for i, t := range all {
		m := t.measurement(t.all)
		counted(&m, &samples[i])
		out = append(out, m)
	}
	return out, ctx.Err()
}

const webhooksName = "webhooks"

// manyTell is how many clients make changes.
const manyTell = 64

// telling is a stage whose changes a receiver is told of.
type telling struct {
	s        *stage
	r        *receiver
	end      func() error
	all, one *teller
}

func (c *comparison) telling(ctx context.Context, s *stage) (*telling, error) {
	r, err := newReceiver(ctx)
	if err != nil {
		return nil, err
	}
	end, err := s.subscribe(ctx, "http://"+r.address+"/")
	if err != nil {
		return nil, errors.Join(err, r.server.Close())
	}
	update, _ := find("update, 64 clients")
	return &telling{s, r, end, c.tell(ctx, s, update, r, manyTell), c.tell(ctx, s, update, r, 1)}, nil
}

func (t *telling) close() error {
	t.all.Close()
	t.one.Close()
	return errors.Join(t.end(), t.r.server.Close())
}

func (t *telling) side(of *teller) wire.Side { return wire.Side{Run: of.run, CPU: t.s.server.CPU} }

func (t *telling) measurement(of *teller) report.Measurement {
	m := report.Measurement{System: t.s.system, Operation: webhooksName, Clients: manyTell, Customers: t.s.set.Rows, Organizations: t.s.set.Organizations}
	if of == t.one {
		m.Operation, m.Clients = webhooksName+", 1 client", 1
	}
	m.Waits(of.lag.Percentile)
	return m
}

// counted notes the rate, and what ended it.
func counted(m *report.Measurement, s *wire.Sample) {
	m.Done, m.PerSecond, m.CPUMicros = s.Done, s.PerSecond(), float64(s.CPUEach().Nanoseconds())/1000
	m.Fail(s.Err)
}

// teller makes changes of which a receiver is told.
type teller struct {
	*wire.Clients
	ctx   context.Context //nolint:containedctx // of the measurement, which a Runner is not given
	r     *receiver
	times times
	turns int
	lag   wire.Sample // of all turns but the first, which warms up
}

func (c *comparison) tell(ctx context.Context, s *stage, o *operation, r *receiver, clients int) *teller {
	conns := c.clients(ctx, s, o, clients)
	t := &teller{Clients: conns, ctx: ctx, r: r, times: times{answered: map[int64]time.Time{}, first: map[int64]time.Time{}}}
	conns.Answered = t.times.answer
	return t
}

// run makes changes until all of them are told.
func (t *teller) run(time.Duration, int64) (wire.Sample, error) {
	t.r.times.Store(&t.times)
	defer t.r.times.Store(nil)
	start, before := time.Now(), t.r.got.Load()
	sample, err := t.Run(0, told)
	if err == nil {
		err = t.r.wait(t.ctx, before+told)
	}
	sample.Took = time.Since(start)
	var lag wire.Sample
	if err == nil {
		err = t.times.lags(&lag)
	}
	if t.turns++; t.turns > 1 {
		t.lag.Merge(&lag)
	}
	return sample, err
}

// subscribe makes an endpoint for updates in every organization whose customers
// are changed, and answers what deletes them.
func (s *stage) subscribe(ctx context.Context, url string) (end func() error, err error) {
	var made []func() error
	end = func() (err error) {
		for _, remove := range made {
			err = errors.Join(err, remove())
		}
		return err
	}
	for _, t := range s.set.Tenants {
		remove, err := s.endpoint(ctx, t.Token, url)
		if err != nil {
			return nil, errors.Join(err, end())
		}
		made = append(made, remove)
	}
	return end, nil
}

// endpoint makes one with an organization's token, and answers what deletes it.
func (s *stage) endpoint(ctx context.Context, token, url string) (remove func() error, err error) {
	text, err := s.send(ctx, token, http.MethodPost, "/v1/webhooks/endpoints", map[string]any{"url": url, "format": "raw", "events": []string{"customer.updated"}})
	if err != nil {
		return nil, err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, err
	}
	return func() error {
		_, err := s.send(context.WithoutCancel(ctx), token, http.MethodDelete, "/v1/webhooks/endpoints/"+made.ID, nil)
		return err
	}, nil
}

func (s *stage) send(ctx context.Context, token, method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, method, "http://"+s.server.Address+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+token)
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

package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what to ask, and how often.
type Config struct {
	URLs     []string // of servers on one database; each request goes to one of them
	Token    string   // may do everything in one organization
	Clients  int      // that ask side by side
	Requests int      // to send at least
	Seed     uint64
}

// Record lets clients change and read customers side by side until enough has
// been recorded. What is neither right nor wrong (a 500, a connection that
// breaks) is an error: nothing here should cause it.
func Record(outer context.Context, c Config) ([]Event, error) {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	transport := &http.Transport{MaxIdleConnsPerHost: c.Clients}
	defer transport.CloseIdleConnections()
	w := &world{config: c, http: &http.Client{Transport: transport, Timeout: time.Minute}, start: time.Now()}
	var (
		wait sync.WaitGroup
		errs = make([]error, c.Clients)
	)
	for i := range c.Clients {
		k := &client{world: w, number: i, random: rand.New(rand.NewPCG(c.Seed, uint64(i)))} //nolint:gosec // to be repeated, not to be secret
		wait.Go(func() {
			if err := k.work(ctx); err != nil && ctx.Err() == nil {
				errs[i] = err
				cancel() // the others' requests, whose errors say nothing
			}
		})
	}
	wait.Wait()
	return w.log.Events(), errors.Join(append(errs, context.Cause(outer))...)
}

// world is what the clients share.
type world struct {
	config Config
	http   *http.Client
	start  time.Time
	log    Log
	sent   atomic.Int64
	values atomic.Int64 // each that is written is written once

	mu     sync.Mutex
	shared []person // that everybody reads and writes
}

// person is a customer whose existence is known.
type person struct{ id, external, email string }

// client is one of those who ask.
type client struct {
	*world
	number   int
	random   *rand.Rand
	named    []person // its own, with an external id that others want, too
	reached  []person // its own, with an e-mail address that others want, too
	unnamed  []person // its own, without an external id
	sequence int
}

// Few cells are hot at a time, so that clients meet; and each is for a while
// only, because the longer the history of one cell, the harder to check.
const (
	hotPeople = 6
	hotKeys   = 5
	epoch     = 1500 // requests
)

func (k *client) work(ctx context.Context) error {
	for int(k.sent.Load()) < k.config.Requests {
		if err := k.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (k *client) step(ctx context.Context) error {
	switch n := k.random.IntN(100); {
	case n < 60:
		return k.register(ctx)
	case n < 80:
		return k.externalID(ctx)
	default:
		return k.address(ctx)
	}
}

// request is one request on its way.
type request struct {
	k            *client
	how          string
	status       int
	body         []byte
	call, answer time.Duration
}

func (k *client) do(ctx context.Context, method, path string, body any) (*request, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	node := k.random.IntN(len(k.config.URLs))
	r, err := http.NewRequestWithContext(ctx, method, k.config.URLs[node]+path, text)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+k.config.Token)
	r.Header.Set("Content-Type", "application/json")
	k.sent.Add(1)
	out := &request{k: k, how: fmt.Sprintf("%s %s of server %d", method, path, node), call: time.Since(k.start)}
	w, err := k.http.Do(r)
	if err != nil {
		return nil, err
	}
	out.status = w.StatusCode
	out.body, err = io.ReadAll(w.Body)
	out.answer = time.Since(k.start)
	return out, errors.Join(err, w.Body.Close())
}

// event is what the request says of a cell.
func (r *request) event(cell string, action Action, value string, outcome Outcome) Event {
	return Event{Client: r.k.number, Cell: cell, Action: action, Value: value, Outcome: outcome, How: r.how, Call: r.call, Return: r.answer}
}

func (r *request) unexpected() error { return fmt.Errorf("%s: %d %s", r.how, r.status, r.body) }

// seen is what is asked about of a customer in an answer.
type seen struct {
	ID       string
	Name     string
	Metadata struct{ Name string }
}

// value is what the answer says the customer is called. It is said twice, and
// an answer that is half old and half new has a value that nobody wrote.
func (s *seen) value() string {
	if s.Metadata.Name == s.Name {
		return s.Name
	}
	return fmt.Sprintf("%q and %q", s.Name, s.Metadata.Name)
}

func (r *request) customer() (*seen, error) {
	var s seen
	if err := json.Unmarshal(r.body, &s); err != nil {
		return nil, r.unexpected()
	}
	return &s, nil
}

// first is the customer of a list of at most one; nil of none.
func (r *request) first() (*seen, error) {
	var list struct{ Items []seen }
	if err := json.Unmarshal(r.body, &list); err != nil || len(list.Items) > 1 {
		return nil, r.unexpected()
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	return &list.Items[0], nil
}

// refused are the fields that a 422 complains of.
func (r *request) refused() []string {
	var problem struct{ Detail []struct{ Loc []string } }
	if json.Unmarshal(r.body, &problem) != nil {
		return nil
	}
	var out []string
	for _, d := range problem.Detail {
		out = append(out, d.Loc[len(d.Loc)-1])
	}
	return out
}

func (k *client) fresh() string { return "v" + strconv.FormatInt(k.values.Add(1), 10) }

// unique is a text that no other client makes.
func (k *client) unique() string {
	k.sequence++
	return fmt.Sprintf("c%d-%d", k.number, k.sequence)
}

// hot is one of the keys of now.
func (k *client) hot(kind string) string {
	return fmt.Sprintf("%s-%d-%d", kind, k.sent.Load()/epoch, k.random.IntN(hotKeys))
}

func anyCase(random *rand.Rand, s string) string {
	if random.IntN(2) == 0 {
		return s
	}
	return strings.ToUpper(s)
}

func escape(s string) string { return url.PathEscape(s) }

func query(name, value string) string {
	return "/v1/customers/?" + url.Values{name: {value}}.Encode()
}

// take removes a random one of the list, and answers none of an empty one.
func (k *client) take(list *[]person) (p person, ok bool) {
	if len(*list) == 0 {
		return person{}, false
	}
	i := k.random.IntN(len(*list))
	p = (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return p, true
}

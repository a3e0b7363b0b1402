package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
)

// client changes customers that nobody else touches, so that it knows what
// each must be.
type client struct {
	number       int
	random       *rand.Rand
	made         int
	acknowledged int
	customers    []*customer
	wrong        []string // answers that should not have been
}

// customer is what is known of one: the state that was acknowledged last, and
// what was asked for and not answered.
type customer struct {
	email, external, id string
	state               state
	doubt               *state
}

// state is absent, alive with a version, or deleted.
type state struct {
	version   int // 0 is not there
	deleted   bool
	anonymous bool
}

// work goes on until the server answers no more or the end is asked for.
func (c *client) work(done context.Context, s *server) {
	for done.Err() == nil {
		if !c.step(s) {
			return
		}
	}
}

// step does one thing; false says that no answer came.
func (c *client) step(s *server) bool {
	target := c.pick()
	var (
		method, path = "POST", "/v1/customers/"
		body         any
		next         = state{version: target.state.version + 1}
		want         = 201
	)
	switch kind := c.random.IntN(10); {
	case target.state.version == 0:
		body = map[string]any{"email": target.email, "external_id": target.external, "name": name(1), "metadata": metadata(1)}
	case kind < 7:
		method, path, want = "PATCH", "/v1/customers/"+target.id, 200
		body = map[string]any{"name": name(next.version), "metadata": metadata(next.version)}
	default:
		next = state{version: target.state.version, deleted: true, anonymous: kind == 9}
		method, path, want = "DELETE", fmt.Sprintf("/v1/customers/%s?anonymize=%v", target.id, next.anonymous), 204
	}
	target.doubt = &next
	status, answer, err := s.do(context.Background(), method, path, body)
	switch {
	case err != nil:
		return false
	case status == 503: // it says that it cannot: it may have, before it lost the connection
		return false
	case status != want:
		c.wrong = append(c.wrong, fmt.Sprintf("%s %s: %d %s", method, path, status, answer))
		return false
	}
	target.state, target.doubt = next, nil
	if want == 201 {
		var made struct{ ID string }
		_ = json.Unmarshal(answer, &made)
		target.id = made.ID
	}
	c.acknowledged++
	return true
}

// pick is a new customer or one of the living.
func (c *client) pick() *customer {
	var living []*customer
	for _, x := range c.customers[max(0, len(c.customers)-8):] {
		if !x.state.deleted && x.state.version > 0 && x.doubt == nil {
			living = append(living, x)
		}
	}
	if len(living) > 0 && c.random.IntN(3) > 0 {
		return living[c.random.IntN(len(living))]
	}
	c.made++
	x := &customer{email: fmt.Sprintf("client-%d-%d@example.com", c.number, c.made), external: fmt.Sprintf("ext-%d-%d", c.number, c.made)}
	c.customers = append(c.customers, x)
	return x
}

func name(version int) string { return fmt.Sprintf("Name %d", version) }

func metadata(version int) map[string]any {
	m := map[string]any{"version": version}
	for i := range version % 4 {
		m[fmt.Sprintf("key%d", i)] = fmt.Sprintf("value %d", version)
	}
	return m
}

func (s *server) do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, text)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = w.Body.Close() }()
	answer, err = io.ReadAll(w.Body)
	return w.StatusCode, answer, err
}

package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// client works on customers that nobody else touches, so that it knows what
// each must be.
type client struct {
	number    int
	random    *rand.Rand
	base      string
	header    http.Header
	http      *http.Client
	customers []*customer
	answered  int
	lost      int      // requests that were in the hands of a node that was killed
	over      func()   // waits until the database is done with them, nil where no node is killed
	wrong     []string // what should not have been
}

// customer is what is known of one: the version that was acknowledged last, and
// the one that was asked for and not answered.
type customer struct {
	external, id   string
	version, doubt int // 0 is none
}

func (x *customer) email() string { return x.external + "@example.com" }

func newClient(number int, base, token string) *client {
	return &client{
		number: number, base: base, header: http.Header{"Authorization": {"Bearer " + token}}, http: &http.Client{Transport: &http.Transport{}},
		random: rand.New(rand.NewPCG(uint64(number), 7)), //nolint:gosec // the same work each time
	}
}

func (c *client) work(done context.Context) {
	for done.Err() == nil {
		c.step()
	}
}

// step writes or reads one customer. What is in doubt is read first.
func (c *client) step() {
	x := c.pick()
	switch {
	case x.doubt != 0:
		c.settle(x)
	case x.version == 0:
		c.write(x, "POST", "/v1/customers/", 201, map[string]any{"email": x.email(), "external_id": x.external, "name": name(1)})
	case c.random.IntN(3) == 0:
		c.read(x)
	default:
		c.write(x, "PATCH", "/v1/customers/"+x.id, 200, map[string]any{"name": name(x.version + 1)})
	}
}

func name(version int) string { return fmt.Sprintf("Version %d", version) }

// pick is a customer in doubt, one of the latest, or a new one.
func (c *client) pick() *customer {
	recent := c.customers[max(0, len(c.customers)-8):]
	for _, x := range recent {
		if x.doubt != 0 {
			return x
		}
	}
	if len(recent) > 0 && c.random.IntN(4) > 0 {
		return recent[c.random.IntN(len(recent))]
	}
	x := &customer{external: fmt.Sprintf("client-%d-%d", c.number, len(c.customers))}
	c.customers = append(c.customers, x)
	return x
}

// do asks; ok is false when no answer came, which only a killed node may cause.
func (c *client) do(method, path string, body any) (status int, answer map[string]any, ok bool) {
	w, text, err := ask(context.Background(), c.http, method, c.base+path, c.header, body)
	switch {
	case err != nil:
		c.complain("%s %s: %v", method, path, err)
		return 0, nil, false
	case w.StatusCode == http.StatusBadGateway:
		c.lost++
		return 0, nil, false
	case w.StatusCode == http.StatusTeapot || w.StatusCode >= 500:
		c.complain("%s %s: %d %s", method, path, w.StatusCode, text)
		return 0, nil, false
	}
	c.answered++
	_ = json.Unmarshal(text, &answer)
	return w.StatusCode, answer, true
}

func (c *client) complain(format string, args ...any) {
	if len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Sprintf("client %d: ", c.number)+fmt.Sprintf(format, args...))
	}
}

func (c *client) write(x *customer, method, path string, want int, body map[string]any) {
	x.doubt = x.version + 1
	status, answer, ok := c.do(method, path, body)
	if !ok {
		return
	}
	x.version, x.doubt = x.doubt, 0
	if status != want {
		c.complain("%s %s: %d %v", method, path, status, answer)
		return
	}
	x.id, _ = answer["id"].(string)
}

// read expects what was acknowledged last, whichever node answers.
func (c *client) read(x *customer) {
	status, answer, ok := c.do("GET", "/v1/customers/"+x.id, nil)
	if ok && (status != 200 || answer["name"] != name(x.version)) {
		c.complain("%s is at version %d, read %d %v", x.external, x.version, status, answer["name"])
	}
}

// settle finds out what became of a write that was not answered: it was done or
// it was not. It may still be under way, at a node that lives; nobody asks
// before its answer or its end. Nor does PostgreSQL drop what it has of a node that
// was killed: its commit may come after a look that finds nothing.
func (c *client) settle(x *customer) {
	if c.over != nil {
		c.over()
	}
	status, answer, ok := c.do("GET", "/v1/customers/external/"+x.external, nil)
	if !ok {
		return
	}
	version := 0
	if status == 200 {
		_, _ = fmt.Sscanf(strings.TrimSpace(fmt.Sprint(answer["name"])), "Version %d", &version)
		x.id, _ = answer["id"].(string)
	}
	if version != x.version && version != x.doubt {
		c.complain("%s is at version %d; %d was acknowledged and %d asked for", x.external, version, x.version, x.doubt)
	}
	x.version, x.doubt = version, 0
}

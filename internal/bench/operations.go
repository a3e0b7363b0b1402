package bench

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Operation is one kind of request that is measured.
type Operation struct {
	Name    string
	Status  int
	Clients int
	Writes  string // "insert" or "update" when the disk is waited for
	Request Request
	Counter *atomic.Int64
}

// readers is how many connections read at the same time.
const readers = 64

// Operations are what is measured, for an organization that holds data.
func Operations(data Data, keys Keys, run string) []Operation {
	at := func(prefix string, list []string, suffix string) func([]byte, int64) []byte {
		return func(buf []byte, n int64) []byte {
			// A step far from its neighbours, so that caches meet what users would.
			return append(append(append(buf, prefix...), list[int(n*7919)%len(list)]...), suffix...)
		}
	}
	fixed := func(path string) func([]byte, int64) []byte {
		return func(buf []byte, _ int64) []byte { return append(buf, path...) }
	}
	var created, updated, read atomic.Int64
	create := Send(data.Token, http.MethodPost, fixed("/v1/customers/"), func(buf []byte, n int64) []byte { return newCustomer(buf, run, n) })
	update := Send(data.Token, http.MethodPatch, at("/v1/customers/", keys.IDs, ""), func(buf []byte, n int64) []byte {
		return fmt.Appendf(buf, `{"name":"Renamed %d"}`, n)
	})
	get := func(name string, path func([]byte, int64) []byte) Operation {
		return Operation{Name: name, Status: http.StatusOK, Clients: readers, Request: Get(data.Token, path), Counter: &read}
	}
	return []Operation{
		get("get by id", at("/v1/customers/", keys.IDs, "")),
		get("get by external id", at("/v1/customers/external/", keys.Externals, "")),
		get("state", at("/v1/customers/", keys.IDs, "/state")),
		get("list by e-mail", at("/v1/customers/?limit=10&email=", keys.Emails, "")),
		get("list, first page", fixed("/v1/customers/?limit=10")),
		get("list, page 50", fixed("/v1/customers/?limit=10&page=50")),
		{Name: "create, 1 client", Status: http.StatusCreated, Clients: 1, Writes: "insert", Request: create, Counter: &created},
		{Name: "create, 64 clients", Status: http.StatusCreated, Clients: 64, Writes: "insert", Request: create, Counter: &created},
		{Name: "update, 64 clients", Status: http.StatusOK, Clients: 64, Writes: "update", Request: update, Counter: &updated},
	}
}

// newCustomer is a body as an application would send it.
func newCustomer(buf []byte, run string, n int64) []byte {
	number := run + strconv.FormatInt(n, 10)
	buf = append(append(buf, `{"email":"user`...), number...)
	buf = append(append(buf, `@example.com","external_id":"usr_`...), number...)
	buf = append(append(buf, `","name":"Customer `...), number...)
	return append(buf, `","billing_address":{"line1":"1 Main Street","city":"San Francisco","state":"CA","postal_code":"94105","country":"US"},`+
		`"metadata":{"plan":"pro"},"locale":"en-US"}`...)
}

// Start connects the clients of an operation.
func (o Operation) Start(ctx context.Context, address string) (*Clients, error) {
	return Dial(ctx, address, o.Clients, o.Status, o.Counter, o.Request)
}

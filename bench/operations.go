package main

import (
	"fmt"
	"net/http"
	"strconv"

	"floe/bench/data"
	"floe/bench/wire"
)

// kind says what an operation is compared with.
type kind string

const (
	reads   kind = "net/http" // a handler that writes the same bytes
	inserts kind = "inserts"  // a loop of group-committed inserts into one table
	updates kind = "updates"
	deletes kind = "deletes"
)

// operation is one kind of request that is measured.
type operation struct {
	Name    string
	Kind    kind
	Clients int
	// Hot asks for so many customers, over and over; 0 is for all of the sample,
	// who are more than a run gets to.
	Hot int
	// floe and pocketBase build the call; pocketBase is nil where there is no
	// such thing.
	floe       func(s *sample) wire.Call
	pocketBase func(s *sample) wire.Call
}

// sample is what requests are made of.
type sample struct {
	set  data.Set
	keys []data.Key
	// token is that of PocketBase, whose keys have their ids.
	token string
	run   string // makes names of this run unlike those of others
	hot   int    // how many keys are asked for; 0 is all
}

// The numbers of connections: those of many who look one customer up, and of
// few who look at lists.
const (
	many = 32
	few  = 8
	pair = 2 // of those who search: PocketBase gives up when more do
)

// besideChanges says which operations are measured while somebody changes
// customers, so many a second.
const (
	besideChanges    = ", beside changes"
	changesPerSecond = 20
)

// active is how many customers are asked for over and over: those whose
// applications are in use.
const active = 5000

var (
	floeID   = floeGet(func(b []byte, k data.Key) []byte { return append(append(b, "/v1/customers/"...), k.ID...) })
	pocketID = pocketGet(func(b []byte, k data.Key) []byte { return append(append(b, records+"/"...), k.ID...) })
	state    = floeGet(func(b []byte, k data.Key) []byte {
		return append(append(append(b, "/v1/customers/"...), k.ID...), "/state"...)
	})
)

var operations = []operation{
	{"get by id", reads, many, 0, floeID, pocketID},
	{"get by id, of 5,000", reads, many, active, floeID, pocketID},
	{"get by external id", reads, many, 0,
		floeGet(func(b []byte, k data.Key) []byte {
			return append(append(b, "/v1/customers/external/"...), k.External...)
		}),
		pocketGet(func(b []byte, k data.Key) []byte {
			return append(append(append(b, records+"?perPage=1&skipTotal=1&filter=external_id%3D%27"...), k.External...), "%27"...)
		})},
	{"state", reads, many, 0, state, nil},
	{"state, of 5,000", reads, many, active, state, nil},
	{"get by id" + ofOwners, reads, many, 0, floeID, nil},
	{"state" + ofOwners, reads, many, 0, state, nil},
	{"get by id" + besideChanges, reads, many, 0, floeID, pocketID},
	{"state" + besideChanges, reads, many, 0, state, nil},
	{"list, first page", reads, few, 0, floeList(0, nil), pocketList(0, nil)},
	{"list, page 10,000", reads, few, 0, floeList(10_000, nil), pocketList(10_000, nil)},
	{"list by e-mail", reads, few, 0,
		floeGet(func(b []byte, k data.Key) []byte {
			return append(append(b, "/v1/customers/?limit=10&email="...), k.Email...)
		}),
		pocketGet(func(b []byte, k data.Key) []byte {
			return append(append(append(b, records+"?perPage=10&sort=-created&filter=email%3D%27"...), k.Email...), "%27"...)
		})},
	{"list, last e-mail first", reads, few, 0, floeLists("sorting=-email", 0), nil},
	{"list in the order of e-mails, page 10,000", reads, few, 0, floeLists("sorting=email", 10_000), nil},
	{"list by metadata", reads, few, 0, floeLists("metadata%5Bplan%5D=free", 0), nil},
	{"list, active", reads, few, 0, floeLists("active=true", 0), nil},
	{"list, not active", reads, few, 0, floeLists("active=false", 0), nil},
	{"subscriptions of a customer" + ofOwners, reads, few, 0, floeOwned("/v1/subscriptions/?customer_id="), nil},
	{"grants of a customer" + ofOwners, reads, few, 0, floeOwned("/v1/benefit-grants/?customer_id="), nil},
	{"search, selective", reads, pair, 0, floeList(0, data.Key.Needle), pocketList(0, data.Key.Needle)},
	{"search, broad", reads, pair, 0, floeList(0, common), pocketList(0, common)},
	{"create, 1 client", inserts, 1, 0, floeCreate, pocketCreate},
	{"create, 64 clients", inserts, 64, 0, floeCreate, pocketCreate},
	{"update, 64 clients", updates, 64, 0,
		floeSend(http.MethodPatch, "/v1/customers/", http.StatusOK, renamed), pocketSend(http.MethodPatch, http.StatusOK, renamed)},
	{"delete, 64 clients", deletes, 64, 0,
		floeSend(http.MethodDelete, "/v1/customers/", http.StatusNoContent, nil), pocketSend(http.MethodDelete, http.StatusNoContent, nil)},
}

func common(data.Key) string { return data.Common }

// key chooses far from the neighbours, so that caches meet what users would.
func (s *sample) key(n int64) data.Key {
	if s.hot > 0 && s.hot < len(s.keys) {
		stride := len(s.keys) / s.hot
		return s.keys[int(n*7919)%s.hot*stride+stride/2] // between the owners, whose answers are long
	}
	return s.keys[int(n*7919)%len(s.keys)]
}

func (s *sample) floeToken(n int64) string { return s.set.Tenants[s.key(n).Tenant].Token }

type pathOf func(b []byte, k data.Key) []byte

func floeGet(path pathOf) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return wire.Call{Method: http.MethodGet, Status: http.StatusOK, Token: s.floeToken,
			Path: func(b []byte, n int64) []byte { return path(b, s.key(n)) }}
	}
}

const records = "/api/collections/customers/records"

func pocketGet(path pathOf) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return wire.Call{Method: http.MethodGet, Status: http.StatusOK, Token: s.pocketToken,
			Path: func(b []byte, n int64) []byte { return path(b, s.key(n)) }}
	}
}

func (s *sample) pocketToken(int64) string { return s.token }

// page is a page of ten, not beyond what an organization has.
func (s *sample) page(n int) int { return max(1, min(n, s.set.Rows/s.set.Organizations/10)) }

// floeList is a page of the list, of all or of those that a search finds.
func floeList(page int, query func(data.Key) string) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return floeGet(func(b []byte, k data.Key) []byte {
			b = strconv.AppendInt(append(b, "/v1/customers/?limit=10&page="...), int64(s.page(page)), 10)
			if query != nil {
				b = append(append(b, "&query="...), query(k)...)
			}
			return b
		})(s)
	}
}

// floeLists is a page of the list with other parameters.
func floeLists(parameters string, page int) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return floeGet(func(b []byte, _ data.Key) []byte {
			b = append(append(b, "/v1/customers/?limit=10&"...), parameters...)
			return strconv.AppendInt(append(b, "&page="...), int64(s.page(page)), 10)
		})(s)
	}
}

// floeOwned is what a customer has of something.
func floeOwned(path string) func(s *sample) wire.Call {
	return floeGet(func(b []byte, k data.Key) []byte { return append(append(b, path...), k.ID...) })
}

// pocketList is the same of PocketBase: its documentation has ~ for a search.
func pocketList(page int, query func(data.Key) string) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return pocketGet(func(b []byte, k data.Key) []byte {
			b = strconv.AppendInt(append(b, records+"?perPage=10&sort=-created&page="...), int64(s.page(page)), 10)
			if query != nil {
				q := query(k)
				b = fmt.Appendf(b, "&filter=(email~%%27%s%%27%%7C%%7Cname~%%27%s%%27%%7C%%7Cbilling_name~%%27%s%%27)", q, q, q)
			}
			return b
		})(s)
	}
}

func floeCreate(s *sample) wire.Call {
	return wire.Call{Method: http.MethodPost, Status: http.StatusCreated, Token: s.floeToken, Body: s.customer,
		Path: func(b []byte, _ int64) []byte { return append(b, "/v1/customers/"...) }}
}

func pocketCreate(s *sample) wire.Call {
	return wire.Call{Method: http.MethodPost, Status: http.StatusOK, Token: s.pocketToken,
		Path: func(b []byte, _ int64) []byte { return append(b, records...) },
		Body: func(b []byte, n int64) []byte {
			b = s.customer(b, n)
			return append(b[:len(b)-1], `,"type":"individual"}`...)
		}}
}

// customer is a body as an application would send it.
func (s *sample) customer(b []byte, n int64) []byte {
	number := s.run + strconv.FormatInt(n, 10)
	b = append(append(b, `{"email":"user`...), number...)
	b = append(append(b, `@example.com","external_id":"usr_`...), number...)
	b = append(append(b, `","name":"Customer `...), number...)
	return append(b, `","billing_address":{"line1":"1 Main Street","city":"San Francisco","state":"CA","postal_code":"94105","country":"US"},`+
		`"metadata":{"plan":"pro"},"locale":"en-US"}`...)
}

// renamedTo is what a changed name begins with; the number of the change follows.
const renamedTo = "Renamed "

func renamed(b []byte, n int64) []byte { return fmt.Appendf(b, `{"name":"%s%d"}`, renamedTo, n) }

type bodyOf func(b []byte, n int64) []byte

func floeSend(method, path string, status int, body bodyOf) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return wire.Call{Method: method, Status: status, Token: s.floeToken, Body: body,
			Path: func(b []byte, n int64) []byte { return append(append(b, path...), s.key(n).ID...) }}
	}
}

func pocketSend(method string, status int, body bodyOf) func(s *sample) wire.Call {
	return func(s *sample) wire.Call {
		return wire.Call{Method: method, Status: status, Token: s.pocketToken, Body: body,
			Path: func(b []byte, n int64) []byte { return append(append(b, records+"/"...), s.key(n).ID...) }}
	}
}

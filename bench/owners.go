package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"floe/bench/data"
	"floe/bench/report"
	"floe/bench/wire"
)

// What an owner has: as many subscriptions, with as many benefits each.
const (
	ownedSubscriptions = 5
	ownedBenefits      = 4
	// most is how many owners there are: more than are asked for in a run, so
	// that nobody is answered from memory.
	mostOwners = 5000
)

// ofOwners says which operations are about owners.
const ofOwners = ", of owners"

// wantsOwners says whether anything about owners is measured.
func (o *options) wantsOwners() bool {
	for i := range operations {
		if strings.HasSuffix(operations[i].Name, ofOwners) && o.wants(operations[i].Name) {
			return true
		}
	}
	return false
}

// endow makes owners of some of a stage's customers, through the API as anybody
// would; data that is kept has them the next time.
func (s *stage) endow(ctx context.Context) error {
	if s.owners = min(s.owners, len(s.keys)); s.owners > 0 {
		return nil
	}
	want := min(mostOwners, len(s.keys))
	token := s.set.Tenants[s.keys[0].Tenant].Token
	if s.set.Organizations > 1 {
		return errors.New("owners are made in one organization")
	}
	post := func(path, body string) ([]byte, error) {
		conns := wire.New(ctx, s.server.Address, 1, new(atomic.Int64), posting(token, path, http.StatusCreated, func(int64) string { return body }))
		defer conns.Close()
		answers, err := conns.All(1)
		if err != nil {
			return nil, fmt.Errorf("POST %s: %w", path, err)
		}
		return answers[0], nil
	}
	progress := progressOf("Making owners in " + s.system)
	for n := range ownedSubscriptions {
		product, err := made(post("/v1/products/", `{"name":"Product","recurring_interval":"month","prices":[{"amount_type":"free"}]}`))
		if err != nil {
			return err
		}
		var benefits []string
		for range ownedBenefits {
			b, err := made(post("/v1/benefits/", `{"type":"custom","description":"Benefit","properties":{"note":null}}`))
			if err != nil {
				return err
			}
			benefits = append(benefits, b)
		}
		list, _ := json.Marshal(map[string]any{"benefits": benefits})
		attach := posting(token, "/v1/products/"+product+"/benefits", http.StatusOK, func(int64) string { return string(list) })
		if err := send(ctx, s, 1, attach, 1); err != nil {
			return err
		}
		subscribe := posting(token, "/v1/subscriptions/", http.StatusCreated, func(n int64) string {
			return `{"product_id":"` + product + `","customer_id":"` + s.ownerKey(int(n), want).ID + `"}`
		})
		if err := send(ctx, s, few, subscribe, want); err != nil {
			return err
		}
		progress("subscriptions", (n+1)*want, ownedSubscriptions*want)
	}
	if s.system == report.FloePostgres {
		if err := s.postgres.Settle(ctx, s.name); err != nil {
			return err
		}
	}
	s.owners = want
	return s.remember(s.name, kept{Set: s.set, Keys: s.keys, Owners: s.owners})
}

// ownerKey is one of so many owners, spread over the sample.
func (s *stage) ownerKey(n, of int) data.Key { return s.keys[n%of*(len(s.keys)/of)] }

// ownerKeys are all owners.
func (s *stage) ownerKeys() []data.Key {
	out := make([]data.Key, s.owners)
	for i := range out {
		out[i] = s.ownerKey(i, s.owners)
	}
	return out
}

func posting(token, path string, status int, body func(n int64) string) wire.Call {
	return wire.Call{Method: http.MethodPost, Status: status, Token: func(int64) string { return token },
		Path: func(b []byte, _ int64) []byte { return append(b, path...) },
		Body: func(b []byte, n int64) []byte { return append(b, body(n)...) }}
}

func send(ctx context.Context, s *stage, clients int, call wire.Call, times int) error {
	conns := wire.New(ctx, s.server.Address, clients, new(atomic.Int64), call)
	defer conns.Close()
	_, err := conns.All(times)
	return err
}

// made is the id in an answer to a creation.
func made(answer []byte, err error) (string, error) {
	var out struct{ ID string }
	if err == nil {
		err = json.Unmarshal(answer, &out)
	}
	return out.ID, err
}

// ofGet prints what part of the gets by id the states are, both of owners.
func ofGet(list []report.Measurement) (lines []string) {
	rates := map[string]float64{}
	for _, m := range list {
		rates[m.System+m.Operation] = m.PerSecond
	}
	for _, m := range list {
		if get := rates[m.System+"get by id"+ofOwners]; m.Operation == "state"+ofOwners && get > 0 && m.System != report.Bare {
			lines = append(lines, fmt.Sprintf("  %-22s state is %.2f of get by id", m.System, m.PerSecond/get))
		}
	}
	return lines
}

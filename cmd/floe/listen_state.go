package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"floe/internal/webhook"
)

// stateKinds are the kinds of change that can change what a customer may do.
var stateKinds = []string{"customer", "subscription", "benefit_grant", "customer_meter"}

// wants says whether a type is among those that were asked for.
func wants(types []string, typ string) bool {
	return len(types) == 0 || slices.ContainsFunc(types, func(t string) bool {
		stem, all := strings.CutSuffix(t, "*")
		return t == typ || all && strings.HasSuffix(stem, ".") && strings.HasPrefix(typ, stem)
	})
}

// asked are the types to ask the server for. The feed has no state of a
// customer, only what changes it.
func asked(types []string) []string {
	if len(types) == 0 || !wants(types, string(webhook.StateChanged)) {
		return types
	}
	out := slices.Clone(types)
	for _, k := range stateKinds {
		out = append(out, k+".*")
	}
	return out
}

// stateAfter makes customer.state_changed of a change: with the state as it
// is now, which the server is asked for. Nil where there is nothing to tell.
func stateAfter(ctx context.Context, server *remote, c *change) (*change, error) {
	kind, _, _ := strings.Cut(c.Type, ".")
	if c.CustomerID == "" || c.Type == string(webhook.StateChanged) || c.Type == "customer.deleted" || !slices.Contains(stateKinds, kind) {
		return nil, nil
	}
	var state json.RawMessage
	err := server.call(ctx, http.MethodGet, "/v1/customers/"+string(c.CustomerID)+"/state", nil, &state)
	if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusNotFound {
		return nil, nil // deleted meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be told of: %w", webhook.StateChanged, err)
	}
	return &change{Seq: c.Seq, Type: string(webhook.StateChanged), Timestamp: c.Timestamp, CustomerID: c.CustomerID, SubjectID: c.CustomerID, Data: state}, nil
}

// pass forwards a change, and the state that it brings about, as far as they
// were asked for.
func (c *listenCommand) pass(ctx context.Context, io *streams, server *remote, f *forwarder, e change) {
	if wants(c.Types, e.Type) {
		f.deliver(ctx, e)
	}
	if !wants(c.Types, string(webhook.StateChanged)) {
		return
	}
	state, err := stateAfter(ctx, server, &e)
	switch {
	case err != nil && ctx.Err() == nil:
		_, _ = fmt.Fprintln(io.err, err)
	case state != nil:
		f.deliver(ctx, *state)
	}
}

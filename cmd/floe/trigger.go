package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"floe/internal/id"
)

type triggerCommand struct {
	remoteOptions
	Event string `arg:"" enum:"customer.created,customer.updated,customer.deleted,member.created,member.updated,member.deleted,organization.updated" help:"What is to happen: ${enum}."`
	Keep  bool   `help:"Leave the customer that was made for it."`
	JSON  bool   `name:"json" help:"Print one JSON object a line."`
}

// Help shows examples.
func (triggerCommand) Help() string {
	return `It makes the event happen through the API, with a customer of its own that is deleted
afterwards, so the events of making and deleting it are seen too. The token needs the
scopes customers:write and members:write, or organizations:write.

Examples:
  floe trigger customer.created
  floe trigger member.created --keep
  floe trigger organization.updated --url https://billing.example.com --token polar_oat_…`
}

// trigger is one run of the command.
type trigger struct {
	*triggerCommand
	server *remote
	say    func(did, what string)
}

// Run makes it happen.
func (c *triggerCommand) Run(ctx context.Context, io *streams) error {
	server, err := c.remote()
	if err != nil {
		return err
	}
	t := &trigger{c, server, func(did, what string) {
		if c.JSON {
			_ = printLine(io.out, map[string]string{"did": did, "id": what})
			return
		}
		_, _ = fmt.Fprintf(io.out, "%-26s %s\n", did, what)
	}}
	if c.Event == "organization.updated" {
		return t.organization(ctx)
	}
	return t.customer(ctx)
}

type made struct {
	ID id.ID `json:"id"`
}

// organization changes nothing, and that is an event all the same.
func (t *trigger) organization(ctx context.Context) error {
	var list struct {
		Items []made `json:"items"`
	}
	if err := t.server.call(ctx, http.MethodGet, "/v1/organizations/?limit=1", nil, &list); err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return errors.New("the token reaches no organization")
	}
	o := string(list.Items[0].ID)
	if err := t.server.call(ctx, http.MethodPatch, "/v1/organizations/"+o, struct{}{}, nil); err != nil {
		return err
	}
	t.say("organization.updated", o)
	return nil
}

func (t *trigger) customer(ctx context.Context) (err error) {
	name := "trigger-" + strings.ToLower(rand.Text()[:8])
	kind := "individual"
	if strings.HasPrefix(t.Event, "member.") {
		kind = "team" // an individual has one member only
	}
	var c made
	body := map[string]any{"type": kind, "email": name + "@example.com", "name": "Made by floe trigger"}
	if err := t.server.call(ctx, http.MethodPost, "/v1/customers/", body, &c); err != nil {
		return err
	}
	t.say("customer.created", string(c.ID))
	path := "/v1/customers/" + string(c.ID)
	defer func() {
		if t.Keep && t.Event != "customer.deleted" {
			return
		}
		failed := t.server.call(context.WithoutCancel(ctx), http.MethodDelete, path, nil, nil)
		if failed == nil {
			t.say("customer.deleted", string(c.ID))
		}
		err = errors.Join(err, failed)
	}()
	switch t.Event {
	case "customer.updated":
		if err := t.server.call(ctx, http.MethodPatch, path, map[string]string{"name": "Changed by floe trigger"}, nil); err != nil {
			return err
		}
		t.say("customer.updated", string(c.ID))
	case "member.created", "member.updated", "member.deleted":
		return t.member(ctx, path, name)
	}
	return nil
}

func (t *trigger) member(ctx context.Context, path, name string) error {
	var m made
	if err := t.server.call(ctx, http.MethodPost, path+"/members", map[string]string{"email": name + "-member@example.com"}, &m); err != nil {
		return err
	}
	t.say("member.created", string(m.ID))
	at := path + "/members/" + string(m.ID)
	switch t.Event {
	case "member.updated":
		if err := t.server.call(ctx, http.MethodPatch, at, map[string]string{"name": "Changed by floe trigger"}, nil); err != nil {
			return err
		}
		t.say("member.updated", string(m.ID))
	case "member.deleted":
		if err := t.server.call(ctx, http.MethodDelete, at, nil, nil); err != nil {
			return err
		}
		t.say("member.deleted", string(m.ID))
	}
	return nil
}

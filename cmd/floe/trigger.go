package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"floe/internal/id"
	"floe/internal/money"
)

type triggerCommand struct {
	remoteOptions
	Event string `arg:"" enum:"${triggered}" help:"What is to happen; the list is above."`
	Keep  bool   `help:"Leave what was made for it."`
	JSON  bool   `name:"json" help:"Print one JSON object a line."`
}

// Help lists the events and shows examples.
func (triggerCommand) Help() string {
	return `It makes the event happen through the API, with a customer, product and so on of its own,
which are deleted afterwards, so those events are seen too; a product that was sold is
archived, and its orders stay. A token of an organization needs the scopes to write all
that, and to read the organization for its currency, as one without --scope has them.

Events:
  ` + strings.Join(triggered(), "\n  ") + `

What takes time (subscription.cycled, .past_due, .paused, .resumed, benefit_grant.cycled)
happens when a test clock is advanced: see "floe clock --help". refund.updated comes from a
payment processor.

Examples:
  floe trigger subscription.created
  floe trigger member.created --keep
  floe trigger organization.updated --url https://billing.example.com --token polar_oat_…`
}

// action is a request that makes something happen. {customer} and the like stand
// for the ids of what was made before, {name} for a word that is new each time,
// {currency} and {price} for the organization's own currency and a price in it.
type action struct {
	event        string // what it brings about, of the kind that it begins with
	method, path string
	body         string
}

// recipe is how to make an event happen.
type recipe struct {
	event   string
	actions []action
}

const (
	triggerName    = `"Made by floe trigger"`
	triggerChanged = `"Changed by floe trigger"`
)

var (
	customerMade    = action{"customer.created", http.MethodPost, "/v1/customers/", `{"type": "individual", "email": "{name}@example.com", "name": ` + triggerName + `}`}
	teamMade        = action{"customer.created", http.MethodPost, "/v1/customers/", `{"type": "team", "email": "{name}@example.com", "name": ` + triggerName + `}`}
	customerChanged = action{"customer.updated", http.MethodPatch, "/v1/customers/{customer}", `{"name": ` + triggerChanged + `}`}
	customerGone    = action{"customer.deleted", http.MethodDelete, "/v1/customers/{customer}", ""}

	memberMade    = action{"member.created", http.MethodPost, "/v1/customers/{customer}/members", `{"email": "{name}-member@example.com"}`}
	memberChanged = action{"member.updated", http.MethodPatch, "/v1/customers/{customer}/members/{member}", `{"name": ` + triggerChanged + `}`}
	memberGone    = action{"member.deleted", http.MethodDelete, "/v1/customers/{customer}/members/{member}", ""}

	planMade        = action{"product.created", http.MethodPost, "/v1/products/", `{"name": ` + triggerName + `, "recurring_interval": "month", "prices": [{"amount_type": "free", "price_currency": "{currency}"}]}`}
	goodsMade       = action{"product.created", http.MethodPost, "/v1/products/", `{"name": ` + triggerName + `, "recurring_interval": null, "prices": [{"amount_type": "fixed", "price_currency": "{currency}", "price_amount": {price}}]}`}
	productChanged  = action{"product.updated", http.MethodPatch, "/v1/products/{product}", `{"name": ` + triggerChanged + `}`}
	productGone     = action{"product.deleted", http.MethodDelete, "/v1/products/{product}", ""}
	productArchived = action{"product.updated", http.MethodPatch, "/v1/products/{product}", `{"is_archived": true}`}

	discountMade    = action{"discount.created", http.MethodPost, "/v1/discounts/", `{"name": ` + triggerName + `, "type": "percentage", "duration": "forever", "basis_points": 1000}`}
	discountChanged = action{"discount.updated", http.MethodPatch, "/v1/discounts/{discount}", `{"name": ` + triggerChanged + `}`}
	discountGone    = action{"discount.deleted", http.MethodDelete, "/v1/discounts/{discount}", ""}

	benefitMade    = action{"benefit.created", http.MethodPost, "/v1/benefits/", `{"type": "license_keys", "description": ` + triggerName + `, "properties": {"limit_usage": 5}}`}
	benefitChanged = action{"benefit.updated", http.MethodPatch, "/v1/benefits/{benefit}", `{"type": "license_keys", "properties": {"limit_usage": 9}}`}
	benefitGone    = action{"benefit.updated", http.MethodDelete, "/v1/benefits/{benefit}", ""}
	benefitSold    = action{"product.updated", http.MethodPost, "/v1/products/{product}/benefits", `{"benefits": ["{benefit}"]}`}

	subscriptionMade     = action{"subscription.created", http.MethodPost, "/v1/subscriptions/", `{"product_id": "{product}", "customer_id": "{customer}"}`}
	subscriptionCanceled = action{"subscription.canceled", http.MethodPatch, "/v1/subscriptions/{subscription}", `{"cancel_at_period_end": true}`}
	subscriptionKept     = action{"subscription.uncanceled", http.MethodPatch, "/v1/subscriptions/{subscription}", `{"cancel_at_period_end": false}`}
	subscriptionGone     = action{"subscription.revoked", http.MethodDelete, "/v1/subscriptions/{subscription}", ""}

	orderMade     = action{"order.created", http.MethodPost, "/v1/orders/", `{"product_id": "{product}", "customer_id": "{customer}"}`}
	orderInvoiced = action{"order.updated", http.MethodPost, "/v1/orders/{order}/finalize", `{"collection_method": "send_invoice"}`}
	orderPaid     = action{"order.paid", http.MethodPost, "/v1/orders/{order}/payments", `{"status": "succeeded", "amount": {price}, "reference": "{name}"}`}
	refundMade    = action{"refund.created", http.MethodPost, "/v1/refunds/", `{"order_id": "{order}", "reason": "other", "amount": {price}}`}

	// What has no event of its own is only looked up.
	organizationFound   = action{"organization", http.MethodGet, "/v1/organizations/?limit=1", ""}
	organizationChanged = action{"organization.updated", http.MethodPatch, "/v1/organizations/{organization}", `{}`} // changes nothing, and that is an event all the same
	grantFound          = action{"benefit_grant", http.MethodGet, "/v1/benefit-grants/?customer_id={customer}", ""}

	subscribing = []action{organizationFound, customerMade, planMade, subscriptionMade}
	granting    = []action{organizationFound, customerMade, benefitMade, planMade, benefitSold, subscriptionMade, grantFound}
	ordering    = []action{organizationFound, customerMade, goodsMade, orderMade}
	paying      = slices.Concat(ordering, []action{orderInvoiced, orderPaid})
)

var recipes = []recipe{
	{"customer.created", []action{customerMade}},
	{"customer.updated", []action{customerMade, customerChanged}},
	{"customer.deleted", []action{customerMade, customerGone}},
	{"customer.state_changed", subscribing},
	{"member.created", []action{teamMade, memberMade}},
	{"member.updated", []action{teamMade, memberMade, memberChanged}},
	{"member.deleted", []action{teamMade, memberMade, memberGone}},
	{"product.created", []action{organizationFound, planMade}},
	{"product.updated", []action{organizationFound, planMade, productChanged}},
	{"discount.created", []action{discountMade}},
	{"discount.updated", []action{discountMade, discountChanged}},
	{"discount.deleted", []action{discountMade, discountGone}},
	{"benefit.created", []action{benefitMade}},
	{"benefit.updated", []action{benefitMade, benefitChanged}},
	{"benefit_grant.created", granting},
	{"benefit_grant.updated", slices.Concat(granting, []action{benefitChanged})},
	{"benefit_grant.revoked", slices.Concat(granting, []action{subscriptionGone})},
	{"subscription.created", subscribing},
	{"subscription.active", subscribing},
	{"subscription.updated", slices.Concat(subscribing, []action{subscriptionCanceled})},
	{"subscription.canceled", slices.Concat(subscribing, []action{subscriptionCanceled})},
	{"subscription.uncanceled", slices.Concat(subscribing, []action{subscriptionCanceled, subscriptionKept})},
	{"subscription.revoked", slices.Concat(subscribing, []action{subscriptionGone})},
	{"order.created", ordering},
	{"order.updated", slices.Concat(ordering, []action{orderInvoiced})},
	{"order.paid", paying},
	{"order.refunded", slices.Concat(paying, []action{refundMade})},
	{"refund.created", slices.Concat(paying, []action{refundMade})},
	{"organization.updated", []action{organizationFound, organizationChanged}},
}

// triggered are the events that there is a recipe for.
func triggered() (out []string) {
	for _, r := range recipes {
		out = append(out, r.event)
	}
	return out
}

// trigger is one run of the command.
type trigger struct {
	server *remote
	say    func(did, what string)
	ids    map[string]string // of what was made, by its kind; and the name, the currency and the price
}

// Run makes it happen.
func (c *triggerCommand) Run(ctx context.Context, io *streams) (err error) {
	server, err := c.remote(ctx)
	if err != nil {
		return err
	}
	t := &trigger{server: server, ids: map[string]string{"name": "trigger-" + strings.ToLower(rand.Text()[:8])}, say: func(did, what string) {
		if c.JSON {
			_ = printLine(io.out, map[string]string{"did": did, "id": what})
			return
		}
		_, _ = fmt.Fprintf(io.out, "%-26s %s\n", did, what)
	}}
	if !c.Keep {
		defer func() { err = errors.Join(err, t.undo(context.WithoutCancel(ctx))) }()
	}
	r := recipes[slices.Index(triggered(), c.Event)]
	said := false
	for _, a := range r.actions {
		if err := t.do(ctx, a); err != nil {
			return err
		}
		said = said || a.event == c.Event
	}
	if !said { // an action has brought it about beside its own
		t.say(c.Event, t.ids[kindOf(c.Event)])
	}
	return nil
}

// kindOf is what an event is about.
func kindOf(event string) string {
	kind, _, _ := strings.Cut(event, ".")
	return kind
}

// usualPrice is what goods cost, where the currency has prices that low.
const usualPrice = 1000

// do makes the request of an action, and keeps the id of what it has made or
// found.
func (t *trigger) do(ctx context.Context, a action) error {
	var answer struct {
		ID    id.ID `json:"id"`
		Items []struct {
			ID       id.ID  `json:"id"`
			Currency string `json:"default_presentment_currency"` // of organizations
		} `json:"items"`
	}
	var body any
	if a.body != "" {
		body = json.RawMessage(t.fill(a.body))
	}
	var into any = &answer
	if a.method == http.MethodDelete {
		into = nil
	}
	if err := t.server.call(ctx, a.method, t.fill(a.path), body, into); err != nil {
		return err
	}
	kind := kindOf(a.event)
	switch {
	case a.method == http.MethodGet && len(answer.Items) == 0:
		return fmt.Errorf("the token reaches no %s", kind)
	case a.method == http.MethodGet:
		t.ids[kind] = string(answer.Items[0].ID)
		if currency := answer.Items[0].Currency; currency != "" {
			t.ids["currency"], t.ids["price"] = currency, strconv.FormatInt(max(usualPrice, money.Minimum(currency)), 10)
		}
		return nil
	case strings.HasSuffix(a.event, ".created"):
		t.ids[kind] = string(answer.ID)
	}
	t.say(a.event, t.ids[kind])
	if strings.HasSuffix(a.event, ".deleted") {
		delete(t.ids, kind)
	}
	return nil
}

// fill puts ids in their places.
func (t *trigger) fill(text string) string {
	for kind, id := range t.ids {
		text = strings.ReplaceAll(text, "{"+kind+"}", id)
	}
	return text
}

// undo removes what was made; what was sold can only be put away.
func (t *trigger) undo(ctx context.Context) (all error) {
	for _, a := range []action{customerGone, productGone, benefitGone, discountGone} {
		if t.ids[kindOf(a.event)] == "" {
			continue
		}
		err := t.do(ctx, a)
		if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusConflict && kindOf(a.event) == "product" {
			err = t.do(ctx, productArchived)
		}
		all = errors.Join(all, err)
	}
	return all
}

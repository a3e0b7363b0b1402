package organization_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

// TestListShowsWhatTheCallerCanReach: cases 1 and 2.
func TestListShowsWhatTheCallerCanReach(t *testing.T) {
	each(t, func(b *bench) {
		one, two := b.organization("one"), b.organization("two")
		other := b.organization("other")
		r := b.call(b.orgToken(one), "GET", "/v1/organizations/", "").is(200)
		if got := slugs(r); got != "one" {
			t.Errorf("an organization's token sees %q", got)
		}
		user := b.user("a@example.com", "", two, one)
		for query, want := range map[string]string{
			"": "one two", "?slug=TWO": "two", "?slug=other": "", "?sorting=-slug": "two one", "?sorting=-name&sorting=slug": "two one",
			"?sorting=-created_at": "two one", "?sorting=-days_in_status&limit=1": "two", "?sorting=next_review_threshold": "one two",
			"?page=2": "",
		} {
			if got := slugs(b.call(user, "GET", "/v1/organizations/"+query, "").is(200)); got != want {
				t.Errorf("list%s is %q, want %q", query, got, want)
			}
		}
		narrow := b.call(user, "GET", "/v1/organizations/", "", "Polar-Organization", string(two))
		if got := slugs(narrow); got != "two" {
			t.Errorf("a narrowed credential sees %q", got)
		}
		b.call(user, "GET", "/v1/organizations/?sorting=nope", "").is(422, `"loc":["query","sorting",0]`, `'days_in_status' or '-days_in_status'`)
		b.call(b.user("new@example.com", ""), "GET", "/v1/organizations/", "").is(200, `{"items":[],"pagination":{"total_count":0,"max_page":0}}`)
		_ = other
	})
}

func slugs(r reply) string {
	var out []string
	items, _ := r.json["items"].([]any)
	for _, i := range items {
		out = append(out, i.(map[string]any)["slug"].(string))
	}
	return strings.Join(out, " ")
}

func TestGet(t *testing.T) {
	each(t, func(b *bench) {
		org, other := b.organization("mine"), b.organization("other")
		member := b.user("a@example.com", auth.Plain, org)
		for _, bearer := range []string{b.orgToken(org), member} {
			b.call(bearer, "GET", "/v1/organizations/"+string(org), "").is(200).has("mine", "slug")
			b.call(bearer, "GET", "/v1/organizations/"+string(other), "").is(404, `{"error":"ResourceNotFound","detail":"Not found"}`)
			b.call(bearer, "GET", "/v1/organizations/"+string(id.New()), "").is(404)
			b.call(bearer, "GET", "/v1/organizations/x", "").is(422, "uuid_parsing")
		}
		b.call(b.orgToken(org, auth.CustomersRead), "GET", "/v1/organizations/"+string(org), "").is(403, "insufficient_scope")
		b.call("", "GET", "/v1/organizations/"+string(org), "").is(401, "Unauthorized")
	})
}

// TestCreate: case 4.
func TestCreate(t *testing.T) {
	each(t, func(b *bench) {
		user := b.user("a@example.com", "")
		r := b.call(user, "POST", "/v1/organizations/", `{"name":"Acme","slug":"Acme",
			"feature_settings":{"member_model_enabled":false,"seat_based_pricing_enabled":false,"checkout_localization_enabled":true,
			"overview_metrics":["orders"],"wallets_enabled":true}}`).is(201)
		r.has("acme", "slug").has("Acme", "name").has(nil, "modified_at").has("active", "status").has("usd", "default_presentment_currency").
			has("location", "default_tax_behavior").has("prorate", "proration_behavior").has(true, "allow_customer_updates").
			has(true, "feature_settings", "member_model_enabled").has(true, "feature_settings", "seat_based_pricing_enabled").
			has(true, "feature_settings", "off_session_charges_enabled").has(true, "feature_settings", "checkout_localization_enabled").
			has(false, "feature_settings", "wallets_enabled").has([]any{"orders"}, "feature_settings", "overview_metrics").
			has(true, "notification_settings", "new_order").has([]any{}, "socials").has([]any{}, "embed_hosts").
			has(false, "customer_portal_settings", "subscription", "pause").has(true, "customer_email_settings", "subscription_updated")
		org := id.ID(r.at("id").(string))

		// The creator's credential reaches it at once, and as its owner.
		read := b.call(user, "GET", "/v1/organizations/"+string(org), "").is(200)
		if read.body != r.body {
			t.Errorf("read back\n%s, created\n%s", read.body, r.body)
		}
		b.call(user, "PATCH", "/v1/organizations/"+string(org), `{}`).is(200)
		if role := b.role("a@example.com", org); role != auth.Owner {
			t.Errorf("the creator is %s", role)
		}
		types, _ := b.journal(org)
		if got := strings.Join(types, " "); got != "organization.created organization.updated" {
			t.Errorf("recorded %q", got)
		}
	})
}

func TestCreateWithEverything(t *testing.T) {
	each(t, func(b *bench) {
		r := b.call(b.user("a@example.com", ""), "POST", "/v1/organizations/", `{"name":"Acme","slug":"acme-2",
			"avatar_url":"https://img.logo.dev/acme.com","email":"Help@Example.COM","website":"https://Example.com",
			"socials":[{"platform":"github","url":"https://www.X.com/acme"},{"url":"https://example.org"}],
			"details":{"product_description":"Things","switching_from":"stripe"},"country":"us",
			"legal_entity":{"type":"company","registered_name":"Acme Inc"},
			"subscription_settings":{"allow_multiple_subscriptions":true,"proration_behavior":"invoice","benefit_revocation_grace_period":3,
			"prevent_trial_abuse":true,"allow_customer_updates":false},
			"customer_portal_settings":{"usage":{"show":false},"subscription":{"update_seats":false,"update_plan":false}},
			"default_presentment_currency":"eur","default_tax_behavior":"inclusive"}`).is(201)
		r.has(nil, "avatar_url").has("Help@example.com", "email").has("https://example.com/", "website").has("US", "country").
			has("invoice", "proration_behavior").has(false, "allow_customer_updates").has("eur", "default_presentment_currency").
			has(false, "customer_portal_settings", "customer", "allow_email_change")
		if !strings.Contains(r.body, `"socials":[{"platform":"x","url":"https://www.x.com/acme"},{"platform":"other","url":"https://example.org/"}]`) {
			t.Errorf("socials: %s", r.body)
		}
		o, err := organization.BySlug(t.Context(), b.db, "ACME-2")
		if err != nil || !strings.Contains(string(o.Details), "Things") || !strings.Contains(string(o.LegalEntity), "Acme Inc") {
			t.Errorf("kept %s %s: %v", o.Details, o.LegalEntity, err)
		}
	})
}

// TestCreateRefuses: cases 3 and 5 to 7.
func TestCreateRefuses(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("taken")
		user := b.user("a@example.com", "", org)
		post := func(body string) reply { return b.call(user, "POST", "/v1/organizations/", body) }
		post(`{"name":"Acme","slug":"Taken"}`).is(422, `"PolarRequestValidationError"`,
			`{"type":"value_error","loc":["body","slug"],"msg":"An organization with this slug already exists.","input":"taken"}`)
		post(`{"name":"Acme","slug":"dashboard"}`).is(422, `"RequestValidationError"`, "Value error, This slug is reserved.")
		post(`{"name":"Acme","slug":"Ac-Me"}`).is(201).has("ac-me", "slug")
		for _, slug := range []string{"a b", "-ab", "ab-", "a--b", "a_b", "äbc"} {
			post(`{"name":"Acme","slug":"`+slug+`"}`).is(422, "Value error, The slug can only contain ASCII letters, numbers and hyphens.")
		}
		post(`{"name":"ab","slug":"ab"}`).is(422, `"loc":["body","name"]`, `"loc":["body","slug"]`, `"min_length":3`)
		post(`{}`).is(422, `"type":"missing","loc":["body","name"]`, `"type":"missing","loc":["body","slug"]`)
		post(`{"name":"The Polar Bear","slug":"fine"}`).is(422, `"RequestValidationError"`, "Value error, This name is not allowed.")
		post(`{"name":"Fine","slug":"the-polar-bear"}`).is(422, `["body","slug"]`, "Value error, This name is not allowed.")
		post(`{"name":"Polaris","slug":"polaris","default_tax_behavior":"none"}`).is(422, `"type":"enum"`)
		post(`{"name":"Fine","slug":"fine","legal_entity":{"type":"club"}}`).is(422, `union_tag_invalid`)
		post(`{"name":"Fine","slug":"fine","legal_entity":[]}`).is(422, `"type":"model_attributes_type","loc":["body","legal_entity"]`)
		post(`{"name":"Fine","slug":"fine","subscription_settings":{"allow_multiple_subscriptions":true,"proration_behavior":"reset",
			"benefit_revocation_grace_period":0,"prevent_trial_abuse":true,"allow_customer_updates":false}}`).
			is(422, `The 'reset' proration behavior is not enabled for this organization.`)
		b.call(b.orgToken(org), "POST", "/v1/organizations/", `{"name":"Acme","slug":"acme"}`).is(401, `{"error":"Unauthorized","detail":"Unauthorized"}`)
		b.call(user, "POST", "/v1/organizations/", `{"name":"Acme","slug":"acme"}`, "Polar-Organization", string(org)).
			is(403, `"CannotCreateOrganizationError"`, "You cannot create an organization from a session restricted to a specific organization.")
	})
}

// TestUpdateAsksForTheRole: cases 8 and 9.
func TestUpdateAsksForTheRole(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("mine")
		path := "/v1/organizations/" + string(org)
		owner := b.user("o@example.com", "", org)
		b.call(owner, "PATCH", path, `{"name":"Owned"}`).is(200).has("Owned", "name")
		b.call(b.user("a@example.com", auth.Admin, org), "PATCH", path, `{}`).is(200)
		b.call(b.orgToken(org), "PATCH", path, `{}`).is(200)
		for i, role := range []auth.Role{auth.Plain, auth.Finance} {
			b.call(b.user("p"+string(rune('0'+i))+"@example.com", role, org), "PATCH", path, `{}`).
				is(403, `{"error":"NotPermitted","detail":"You don't have permission to manage the organization"}`)
		}
		for _, stranger := range []string{b.user("s@example.com", auth.Owner, b.organization("theirs")), b.orgToken(b.organization("other"))} {
			b.call(stranger, "PATCH", path, `{"name":"Stolen"}`).is(404)
			b.call(stranger, "GET", path, "").is(404)
		}
		b.call(owner, "GET", path, "").is(200).has("Owned", "name")
	})
}

func TestUpdate(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("mine")
		bearer, path := b.orgToken(org), "/v1/organizations/"+string(org)
		patch := func(body string) reply { return b.call(bearer, "PATCH", path, body) }

		patch(`{}`).is(200).has(nil, "modified_at")
		o, err := organization.ByID(t.Context(), b.db, org)
		if err != nil || o.OnboardedAt == nil {
			t.Errorf("onboarded at %v: %v", o.OnboardedAt, err)
		}
		patch(`{"slug":"x","name":"New","email":"a@example.com","website":"https://example.com","country":"DE","avatar_url":"https://example.com/a.png"}`).
			is(200).has("mine", "slug").has("New", "name")
		r := patch(`{"name":null,"email":null,"website":null,"country":null,"avatar_url":null,"socials":null,"feature_settings":null,
			"subscription_settings":null,"customer_email_settings":null,"customer_portal_settings":null,"dispute_settings":null,
			"embed_hosts":null,"default_presentment_currency":null,"default_tax_behavior":null,"sso_enforced":null,"details":null}`).is(200)
		r.has("New", "name").has(nil, "email").has(nil, "website").has(nil, "country").has(nil, "avatar_url")
		if r.at("modified_at") == nil {
			t.Error("a change leaves modified_at null")
		}
		patch(`{"embed_hosts":["example.com"],"default_presentment_currency":"gbp","dispute_settings":{"auto_accept_below_amount":null},"sso_enforced":false}`).
			is(200).has([]any{"example.com"}, "embed_hosts").has("gbp", "default_presentment_currency")
		_, last := b.journal(org)
		var after map[string]any
		if err := json.Unmarshal(last.After, &after); err != nil || after["default_presentment_currency"] != "gbp" || after["name"] != nil {
			t.Errorf("recorded %s: %v", last.After, err)
		}
	})
}

// TestUpdateMergesFeatures: cases 10 and 11.
func TestUpdateMergesFeatures(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("mine")
		bearer, path := b.orgToken(org), "/v1/organizations/"+string(org)
		patch := func(body string) reply { return b.call(bearer, "PATCH", path, `{"feature_settings":`+body+`}`) }

		patch(`{"wallets_enabled":true,"nonsense":1}`).is(200).has(false, "feature_settings", "wallets_enabled")
		patch(`{"checkout_localization_enabled":true,"overview_metrics":["a","b"]}`).is(200).has([]any{"a", "b"}, "feature_settings", "overview_metrics")
		for _, body := range []string{`{"overview_metrics":null}`, `{"overview_metrics":true}`, `{}`, `{"member_model_enabled":false}`} {
			patch(body).is(200).has([]any{"a", "b"}, "feature_settings", "overview_metrics").
				has(true, "feature_settings", "checkout_localization_enabled").has(true, "feature_settings", "member_model_enabled")
		}
		patch(`{"seat_based_pricing_enabled":true}`).is(200)
		patch(`{"seat_based_pricing_enabled":false}`).is(422, `"PolarRequestValidationError"`,
			`"loc":["body","feature_settings","seat_based_pricing_enabled"],"msg":"Seat-based pricing cannot be disabled once enabled.","input":false`)
		patch(`{"seat_based_pricing_enabled":null}`).is(422, "bool_type")

		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE organizations SET feature_settings = ? WHERE id = ?`, "{}", org)
			return err
		})
		patch(`{"seat_based_pricing_enabled":true}`).is(422, "Member model must be enabled before enabling seat-based pricing.")
		patch(`{"seat_based_pricing_enabled":true,"member_model_enabled":true}`).is(200).has(true, "feature_settings", "seat_based_pricing_enabled")
		f, err := organization.Features(t.Context(), b.db, org)
		if err != nil || !f.Members() || !f.Seats() {
			t.Errorf("features %+v: %v", f, err)
		}
	})
}

// TestUpdateReplacesSettings: case 12.
func TestUpdateReplacesSettings(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("mine")
		bearer, path := b.orgToken(org), "/v1/organizations/"+string(org)
		patch := func(body string) reply { return b.call(bearer, "PATCH", path, body) }

		patch(`{"customer_portal_settings":{"subscription":{"update_seats":true,"update_plan":false}}}`).
			is(422, `"type":"missing","loc":["body","customer_portal_settings","usage"]`)
		patch(`{"customer_portal_settings":{"usage":{"show":true},"subscription":{"update_seats":true,"update_plan":false,"pause":true},"customer":{"allow_email_change":true}}}`).
			is(200).has(false, "allow_customer_updates").has(true, "customer_portal_settings", "subscription", "pause").
			has(true, "customer_portal_settings", "customer", "allow_email_change")
		patch(`{"customer_portal_settings":{"usage":{"show":true},"subscription":{"update_seats":true,"update_plan":true}}}`).
			is(200).has(true, "allow_customer_updates").has(false, "customer_portal_settings", "subscription", "pause").
			has(false, "customer_portal_settings", "customer", "allow_email_change")
		patch(`{"customer_email_settings":{"order_confirmation":false}}`).is(422, `["body","customer_email_settings","subscription_updated"]`)
		patch(`{"subscription_settings":{"allow_multiple_subscriptions":true}}`).is(422, `["body","subscription_settings","proration_behavior"]`)
		settings := `{"subscription_settings":{"allow_multiple_subscriptions":true,"proration_behavior":"%","benefit_revocation_grace_period":2,
			"prevent_trial_abuse":false,"allow_customer_updates":false}}`
		patch(strings.Replace(settings, "%", "next_period", 1)).is(200).has("next_period", "proration_behavior").has(true, "allow_customer_updates")
		patch(strings.Replace(settings, "%", "reset", 1)).is(422, `"loc":["body","subscription_settings","proration_behavior"]`, `'reset' proration behavior is not enabled`)
		patch(strings.Replace(settings, "%", "never", 1)).is(422, `"type":"enum"`)
		patch(`{"dispute_settings":{"auto_accept_below_amount":100}}`).is(403, `"DisputeAutoAcceptNotEnabled"`, "Dispute auto-accept is not enabled for this organization.")
		patch(`{"sso_enforced":true}`).is(403, "You must be signed in through SSO for this organization to enforce it.")
	})
}

func TestStoredSettingsFillUp(t *testing.T) {
	var emails organization.CustomerEmailSettings
	if err := emails.Scan(`{"subscription_cycled":false}`); err != nil {
		t.Fatal(err)
	}
	if emails.PaymentMethodExpirationReminder || emails.SubscriptionCycled || !emails.OrderConfirmation {
		t.Errorf("read as %+v", emails)
	}
	var features organization.FeatureSettings
	if err := features.Scan(`{"overview_metrics":true,"wallets_enabled":true}`); err != nil {
		t.Fatal(err)
	}
	if features.OverviewMetrics != nil || !features.WalletsEnabled {
		t.Errorf("read as %+v", features)
	}
	if text := string(schema.JSON(&features)); !strings.Contains(text, `"overview_metrics":null`) {
		t.Errorf("written as %s", text)
	}
}

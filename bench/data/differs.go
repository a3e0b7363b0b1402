package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"floe/internal/customer"
)

// Answer is a customer as a client decodes it.
type Answer struct {
	ID             string
	CreatedAt      time.Time  `json:"created_at"`
	ModifiedAt     *time.Time `json:"modified_at"`
	Metadata       json.RawMessage
	ExternalID     *string `json:"external_id"`
	Email          *string
	EmailVerified  bool `json:"email_verified"`
	Type           string
	Name           *string
	BillingName    *string         `json:"billing_name"`
	BillingAddress json.RawMessage `json:"billing_address"`
	TaxID          []string        `json:"tax_id"`
	Locale         *string
	OrganizationID string     `json:"organization_id"`
	DeletedAt      *time.Time `json:"deleted_at"`
}

// Differs says what of an answer is not as it was given, "" when nothing is.
// It knows the format from the contract and not from the code that wrote it.
func Differs(g *customer.Given, a *Answer) string {
	billingName := g.BillingName
	if billingName == nil {
		billingName = g.Name
	}
	var taxID []string
	if g.TaxID != nil {
		taxID = []string{*g.TaxID, *g.TaxIDFormat}
	}
	for _, c := range []struct {
		field     string
		want, got any
	}{
		{"id", string(g.ID), a.ID},
		{"organization_id", string(g.OrganizationID), a.OrganizationID},
		{"created_at", g.CreatedAt.Format(time.RFC3339Nano), a.CreatedAt.Format(time.RFC3339Nano)},
		{"modified_at", timeText(g.ModifiedAt), timeText(a.ModifiedAt)},
		{"deleted_at", "", timeText(a.DeletedAt)},
		{"metadata", anyJSON(g.Metadata), anyJSON(a.Metadata)},
		{"external_id", g.ExternalID, a.ExternalID},
		{"email", g.Email, a.Email},
		{"email_verified", g.EmailVerified, a.EmailVerified},
		{"type", string(g.Type), a.Type},
		{"name", g.Name, a.Name},
		{"billing_name", billingName, a.BillingName},
		{"billing_address", anyJSON(g.BillingAddress), anyJSON(a.BillingAddress)},
		{"tax_id", taxID, a.TaxID},
		{"locale", g.Locale, a.Locale},
	} {
		if !reflect.DeepEqual(c.want, c.got) {
			return fmt.Sprintf("%s is %s, want %s", c.field, plain(c.got), plain(c.want))
		}
	}
	return ""
}

// DiffersLine is Differs for a line of the export.
func DiffersLine(g *customer.Given, line []string) string {
	if len(line) != 13 {
		return fmt.Sprintf("%d fields", len(line))
	}
	var address struct {
		Line1, Line2, City, State, Country *string
		PostalCode                         *string `json:"postal_code"`
	}
	if len(g.BillingAddress) > 0 {
		if err := json.Unmarshal(g.BillingAddress, &address); err != nil {
			return err.Error()
		}
	}
	layout := "2006-01-02T15:04:05.000000+00:00"
	if g.CreatedAt.Nanosecond() == 0 {
		layout = "2006-01-02T15:04:05+00:00"
	}
	want := []string{
		string(g.ID), text(g.ExternalID), g.CreatedAt.Format(layout), text(g.Email), text(g.Name), text(g.TaxID), text(address.Line1),
		text(address.Line2), text(address.City), text(address.State), text(address.PostalCode), text(address.Country),
	}
	for i := range want {
		if want[i] != line[i] {
			return fmt.Sprintf("field %d of customer %s is %q, want %q", i+1, g.ID, line[i], want[i])
		}
	}
	metadata := line[12]
	if metadata == "" {
		metadata = "{}"
	}
	if !reflect.DeepEqual(anyJSON(g.Metadata), anyJSON([]byte(metadata))) {
		return fmt.Sprintf("metadata of customer %s is %s, want %s", g.ID, metadata, g.Metadata)
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func timeText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// anyJSON keeps numbers as they are written, so that 5 and 5.0 differ.
func anyJSON(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&v) // what is no JSON is nil, and differs from what is
	return v
}

func plain(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}

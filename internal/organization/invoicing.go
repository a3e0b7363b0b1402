package organization

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Invoicing is how an organization writes invoices.
type Invoicing struct {
	NetDays   int     `json:"net_days" db:"net_days"`           // to pay an invoice
	Numbering string  `json:"numbering" db:"invoice_numbering"` // customer or organization
	Prefix    *string `json:"prefix" db:"invoice_prefix"`       // of numbers; the slug when there is none
	Address   *string `json:"address" db:"invoice_address"`     // below the seller's name
	TaxID     *string `json:"tax_id" db:"invoice_tax_id"`       // of the seller
}

const (
	maxNetDays = 365 // longer than anybody waits

	// What fits above the lines of an invoice.
	maxAddress      = 500 // letters
	maxAddressLines = 10
	maxTaxID        = 50
)

var prefixes = regexp.MustCompile(`^[A-Z0-9][A-Z0-9-]{0,31}$`)

// Check refuses what cannot stand on invoices.
func (v *Invoicing) Check() error {
	problem := func(key, msg string) error { return schema.ValueError(msg, nil, "body", key) }
	switch {
	case v.NetDays < 1 || v.NetDays > maxNetDays:
		return problem("net_days", fmt.Sprintf("The net days go from 1 to %d.", maxNetDays))
	case v.Numbering != "customer" && v.Numbering != "organization":
		return problem("numbering", "Invoices are numbered by customer or by organization.")
	case v.Prefix != nil && !prefixes.MatchString(*v.Prefix):
		return problem("prefix", "A prefix has up to 32 capital letters, digits and hyphens.")
	case v.Address != nil && (utf8.RuneCountInString(*v.Address) > maxAddress || strings.Count(*v.Address, "\n") >= maxAddressLines):
		return problem("address", fmt.Sprintf("An address has up to %d lines and %d letters.", maxAddressLines, maxAddress))
	case v.TaxID != nil && utf8.RuneCountInString(*v.TaxID) > maxTaxID:
		return problem("tax_id", fmt.Sprintf("A tax ID has up to %d letters.", maxTaxID))
	}
	return nil
}

// InvoicingOf reads how an organization writes invoices.
func InvoicingOf(ctx context.Context, q db.Querier, org id.ID) (Invoicing, error) {
	v, err := db.One[Invoicing](ctx, q, `SELECT net_days, invoice_numbering, invoice_prefix, invoice_address, invoice_tax_id
		FROM organizations WHERE id = ?`, org)
	if err != nil {
		return v, fmt.Errorf("read how organization %s writes invoices: %w", org, err)
	}
	return v, nil
}

// SetInvoicing changes how an organization writes the invoices to come.
func SetInvoicing(ctx context.Context, tx *db.Tx, org id.ID, v Invoicing) error {
	if err := v.Check(); err != nil {
		return err
	}
	_, err := db.Exec(ctx, tx, `UPDATE organizations SET net_days = ?, invoice_numbering = ?, invoice_prefix = ?, invoice_address = ?, invoice_tax_id = ?
		WHERE id = ?`, v.NetDays, v.Numbering, v.Prefix, v.Address, v.TaxID, org)
	if err != nil {
		return fmt.Errorf("change how organization %s writes invoices: %w", org, err)
	}
	return nil
}

// Terms is what stands on the invoices of an organization, and how they are
// numbered.
type Terms struct {
	ID               id.ID
	Slug             string
	NetDays          int
	InvoiceNumbering string
	InvoicePrefix    *string
	DefaultCurrency  string `db:"default_presentment_currency"`
	Name             string
	Email            *string
	Website          *string
	Country          *string
	LegalEntity      []byte
	InvoiceAddress   *string // what stands below the seller's name
	InvoiceTaxID     *string
}

// PerOrganization says that invoices are numbered through all customers.
func (t *Terms) PerOrganization() bool { return t.InvoiceNumbering == "organization" }

// Prefix is what their numbers begin with.
func (t *Terms) Prefix() string {
	if t.InvoicePrefix != nil && *t.InvoicePrefix != "" {
		return *t.InvoicePrefix
	}
	return strings.ToUpper(t.Slug)
}

// TermsOf reads them.
func TermsOf(ctx context.Context, q db.Querier, org id.ID) (Terms, error) {
	t, err := db.One[Terms](ctx, q, `SELECT id, slug, net_days, invoice_numbering, invoice_prefix, default_presentment_currency, name, email,
		website, country, legal_entity, invoice_address, invoice_tax_id FROM organizations WHERE id = ?`, org)
	if err != nil {
		return t, fmt.Errorf("read how organization %s writes invoices: %w", org, err)
	}
	return t, nil
}

// NetDays is how many days an organization gives to pay an invoice.
func NetDays(ctx context.Context, q db.Querier, org id.ID) (int, error) {
	n, err := db.One[int](ctx, q, `SELECT net_days FROM organizations WHERE id = ?`, org)
	if err != nil {
		return 0, fmt.Errorf("read the net days of organization %s: %w", org, err)
	}
	return n, nil
}

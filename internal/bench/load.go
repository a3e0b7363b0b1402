package bench

import (
	"context"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/demo"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/token"
)

// Data is an organization full of made-up customers.
type Data struct {
	Organization id.ID     `json:"organization"`
	Token        string    `json:"token"`
	Rows         int       `json:"rows"`
	Now          time.Time `json:"now"`
}

// Config is what makes the same customers once more.
func (d Data) Config() demo.Config {
	return demo.Config{Organization: d.Organization, Seed: seed, Now: d.Now, Count: d.Rows}
}

const (
	seed      = 42
	batchSize = 2000
)

// Load makes an organization with a token and fills it.
func Load(ctx context.Context, d *db.DB, rows int, progress func(done, total int)) (Data, error) {
	data := Data{Rows: rows, Now: time.Now().UTC().Truncate(time.Second)}
	if err := newOrganization(ctx, d, &data); err != nil {
		return data, err
	}
	service := &customer.Service{DB: d}
	actor := auth.NewSystem("benchmark")
	done := 0
	for batch := range demo.Batches(data.Config(), batchSize) {
		err := d.Write(ctx, func(tx *db.Tx) error { return service.AddGiven(ctx, tx, actor, batch) })
		if err != nil {
			return data, fmt.Errorf("load: %w", err)
		}
		done += len(batch)
		progress(done, rows)
	}
	return data, nil
}

func newOrganization(ctx context.Context, d *db.DB, data *Data) error {
	in, err := organization.Draft("Benchmark", "benchmark")
	if err != nil {
		return err
	}
	tokens, err := token.New(ctx, token.Config{DB: d})
	if err != nil {
		return err
	}
	actor := auth.NewSystem("benchmark")
	err = d.Write(ctx, func(tx *db.Tx) error {
		o, err := organization.New(organization.Config{DB: d}).Create(ctx, tx, actor, in)
		if err != nil {
			return err
		}
		_, clear, err := tokens.Create(ctx, tx, actor, token.Request{OrganizationID: o.ID, Scopes: auth.GrantableScopes(), Comment: "benchmark"})
		data.Organization, data.Token = o.ID, clear
		return err
	})
	if err != nil {
		return fmt.Errorf("make an organization: %w", err)
	}
	return tokens.Close()
}

// Keys are what customers are looked up by.
type Keys struct{ IDs, Externals, Emails []string }

// SampleKeys takes the keys of some customers, spread over all of them.
func SampleKeys(ctx context.Context, d *db.DB, data Data, want int) (Keys, error) {
	type row struct {
		ID         string
		ExternalID *string
		Email      *string
	}
	var k Keys
	step := max(data.Rows/want, 1)
	i := 0
	for r, err := range db.Each[row](ctx, d, `SELECT id, external_id, email FROM customers WHERE organization_id = ?`, data.Organization) {
		if err != nil {
			return k, err
		}
		if i++; i%step != 0 {
			continue
		}
		k.IDs = append(k.IDs, r.ID)
		if r.ExternalID != nil {
			k.Externals = append(k.Externals, *r.ExternalID)
		}
		if r.Email != nil {
			k.Emails = append(k.Emails, *r.Email)
		}
	}
	return k, nil
}

// ScanAll reads every customer with the driver alone, as an export has to.
func ScanAll(ctx context.Context, c db.Config) (rows int, took time.Duration, err error) {
	d, err := db.Open(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = d.Close() }()
	type row struct {
		ID, CreatedAt                                            string
		ExternalID, Email, Name, TaxID, BillingAddress, Metadata *string
	}
	start := time.Now()
	for _, err := range db.Each[row](ctx, d, `SELECT id, CAST(created_at AS text) AS created_at, external_id, email, name, tax_id,
		CAST(billing_address AS text) AS billing_address, CAST(metadata AS text) AS metadata
		FROM customers WHERE deleted_at IS NULL ORDER BY organization_id, created_at, id`) {
		if err != nil {
			return rows, 0, err
		}
		rows++
	}
	return rows, time.Since(start), nil
}

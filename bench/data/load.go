// Package data fills servers with the same made-up customers. The first few
// thousand come in the way that the product brings customers in; the rest are
// copies of those, made by the database itself, because ten million one by one
// would take hours. A copy is a whole customer, with an owner, a line in the
// journal and its place in every index; reading it through the API gives what
// Copy says.
package data

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/demo"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/token"
)

// Set is a loaded database: its customers, spread evenly over organizations.
type Set struct {
	Rows          int       `json:"rows"`
	Tenants       []Tenant  `json:"tenants"` // of the many organizations, those that requests are sent for
	Organizations int       `json:"organizations"`
	Seeds         int       `json:"seeds"`
	Now           time.Time `json:"now"`
}

// Tenant is an organization and a token that may do everything in it.
type Tenant struct {
	Organization id.ID  `json:"organization"`
	Token        string `json:"token"`
}

const (
	seed      = 42
	batchSize = 2000
	maxSeeds  = 5000
	// maxTenants is for how many organizations requests are sent.
	maxTenants = 100
)

// Progress is told how far a step has come.
type Progress func(step string, done, total int)

// Load makes organizations with customers in a new database. What it needs
// beyond the product, the engine's own settings for filling a table, it undoes.
func Load(ctx context.Context, c db.Config, rows, organizations int, progress Progress) (Set, error) {
	s := Set{Rows: rows, Organizations: organizations, Now: time.Now().UTC().Truncate(time.Second)}
	// Every organization gets as many customers as the others.
	s.Seeds = max(min(rows, maxSeeds), min(rows, organizations))
	if rows%s.Seeds != 0 {
		return s, fmt.Errorf("%d customers are no multiple of %d", rows, s.Seeds)
	}
	if err := s.loadSeeds(ctx, c, progress); err != nil {
		return s, err
	}
	if s.copies() == 0 {
		return s, nil
	}
	if c.URL != "" {
		return s, copyPostgres(ctx, c.URL, s, progress)
	}
	return s, copySQLite(ctx, c.DataDir, s, progress)
}

// copies is how many copies there are of each seed.
func (s Set) copies() int { return s.Rows/s.Seeds - 1 }

func (s *Set) loadSeeds(ctx context.Context, c db.Config, progress Progress) error {
	d, err := db.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	all, err := s.newOrganizations(ctx, d, progress)
	if err != nil {
		return fmt.Errorf("make organizations: %w", err)
	}
	service := &customer.Service{DB: d}
	actor := auth.NewSystem("benchmark")
	done := 0
	for batch := range demo.Batches(s.config(), batchSize) {
		for i := range batch {
			batch[i].OrganizationID = all[(done+i)%len(all)]
		}
		err := d.Write(ctx, func(tx *db.Tx) error { return service.AddGiven(ctx, tx, actor, batch) })
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		done += len(batch)
		progress("customers", done, s.Seeds)
	}
	return nil
}

// config is what makes the same seeds once more.
func (s Set) config() demo.Config {
	return demo.Config{Organization: s.Tenants[0].Organization, Seed: seed, Now: s.Now, Count: s.Seeds}
}

// newOrganizations makes them, and for some of them, spread over all, a token.
func (s *Set) newOrganizations(ctx context.Context, d *db.DB, progress Progress) (all []id.ID, err error) {
	tokens, err := token.New(ctx, token.Config{DB: d})
	if err != nil {
		return nil, err
	}
	service := organization.New(organization.Config{DB: d})
	step := max(s.Organizations/maxTenants, 1)
	for len(all) < s.Organizations {
		err := d.Write(ctx, func(tx *db.Tx) error {
			for range min(500, s.Organizations-len(all)) {
				o, err := newOrganization(ctx, tx, service, len(all))
				if err != nil {
					return err
				}
				if len(all)%step == 0 {
					t, err := newToken(ctx, tx, tokens, o)
					if err != nil {
						return err
					}
					s.Tenants = append(s.Tenants, t)
				}
				all = append(all, o)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		progress("organizations", len(all), s.Organizations)
	}
	return all, tokens.Close()
}

func newOrganization(ctx context.Context, tx *db.Tx, service *organization.Service, n int) (id.ID, error) {
	in, err := organization.Draft("Benchmark "+strconv.Itoa(n), "benchmark-"+strconv.Itoa(n))
	if err != nil {
		return "", err
	}
	o, err := service.Create(ctx, tx, auth.NewSystem("benchmark"), in)
	return o.ID, err
}

func newToken(ctx context.Context, tx *db.Tx, tokens *token.Service, o id.ID) (Tenant, error) {
	_, clear, err := tokens.Create(ctx, tx, auth.NewSystem("benchmark"),
		token.Request{OrganizationID: o, Scopes: auth.GrantableScopes(), Comment: "benchmark"})
	return Tenant{o, clear}, err
}

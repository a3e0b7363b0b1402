package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"floe/internal/customer"

	"floe/bench/data"
	"floe/bench/report"
	"floe/bench/server"
)

type verifyCommand struct {
	Floe          string   `type:"existingfile" placeholder:"FILE" help:"A floe that is built already."`
	Keep          string   `type:"path" placeholder:"DIR" help:"Folder to keep loaded data in, for the next time. Data that was measured has customers more than were loaded, and does not pass."`
	Dir           string   `type:"path" placeholder:"DIR" help:"Folder for temporary files."`
	Customers     int      `default:"10000" placeholder:"N" help:"How many customers (${default})."`
	Organizations int      `default:"1" placeholder:"N" help:"Over how many organizations they are spread (${default})."`
	Engine        []string `default:"sqlite,postgres" enum:"sqlite,postgres" placeholder:"NAME" help:"Engines (${default})."`
}

// Run loads, serves and compares.
func (c *verifyCommand) Run(ctx context.Context) (err error) {
	w, err := (&options{Floe: c.Floe, Keep: c.Keep, Dir: c.Dir}).open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for _, engine := range c.Engine {
		system := map[string]string{"sqlite": report.FloeSQLite, "postgres": report.FloePostgres}[engine]
		s, err := w.floe(ctx, system, c.Customers, c.Organizations)
		if errors.Is(err, server.ErrNoPostgres) {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		if err == nil {
			err = errors.Join(s.verify(ctx), s.server.Stop())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
	}
	return nil
}

const (
	pageSize = 100
	// Of very many customers, pages and single ones are looked at here and
	// there; the export is always compared as a whole.
	mostPages = 200
	mostFinds = 2000
	// mostTenants are those whose customers are compared.
	mostTenants = 3
)

func (s *stage) verify(ctx context.Context) error {
	tenants := s.set.Tenants
	for i := range min(len(tenants), mostTenants) {
		s.set.Tenants = tenants[i:] // calls are made as the first
		for _, part := range []struct {
			name string
			run  func(context.Context, func(func(customer.Given) bool)) (int, error)
		}{{"export", s.verifyExport}, {"lists", s.verifyLists}, {"lookups", s.verifyLookups}} {
			start := time.Now()
			whole := s.set
			whole.Tenants = tenants
			n, err := part.run(ctx, whole.Expected(i))
			say("")
			if err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
			fmt.Fprintf(os.Stdout, "%s, %d of %d loaded: %d compared through %s, all as they went in (%s)\n",
				s.system, s.each(), s.set.Rows, n, part.name, time.Since(start).Round(100*time.Millisecond))
		}
	}
	return nil
}

// each is how many customers an organization has.
func (s *stage) each() int { return s.set.Rows / s.set.Organizations }

// verifyExport compares every line.
func (s *stage) verifyExport(ctx context.Context, expected func(func(customer.Given) bool)) (n int, err error) {
	r, err := s.get(ctx, "/v1/customers/export")
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Body.Close() }()
	lines := csv.NewReader(r.Body)
	if _, err := lines.Read(); err != nil {
		return 0, err
	}
	for g := range expected {
		line, err := lines.Read()
		if err != nil {
			return n, fmt.Errorf("line %d: %w", n+2, err)
		}
		if problem := data.DiffersLine(&g, line); problem != "" {
			return n, fmt.Errorf("line %d: %s", n+2, problem)
		}
		if n++; n%10_000 == 0 {
			say("comparing the export: %d of %d", n, s.each())
		}
	}
	if _, err := lines.Read(); !errors.Is(err, io.EOF) {
		return n, errors.New("the export has more lines than there are customers")
	}
	return n, nil
}

// verifyLists compares pages of the list, oldest first.
func (s *stage) verifyLists(ctx context.Context, expected func(func(customer.Given) bool)) (n int, err error) {
	pages := (s.each() + pageSize - 1) / pageSize
	step := (pages + mostPages - 1) / mostPages
	i := 0
	var items []data.Answer
	for g := range expected {
		page, at := i/pageSize+1, i%pageSize
		i++
		if page%step != 0 && page != 1 && page != pages {
			continue
		}
		if at == 0 {
			total := 0
			if items, total, err = s.page(ctx, "sorting=created_at&limit="+strconv.Itoa(pageSize)+"&page="+strconv.Itoa(page)); err != nil {
				return n, err
			}
			if total != s.each() {
				return n, fmt.Errorf("page %d: a total of %d, not %d", page, total, s.each())
			}
		}
		if at >= len(items) {
			return n, fmt.Errorf("page %d has %d customers", page, len(items))
		}
		if problem := data.Differs(&g, &items[at]); problem != "" {
			return n, fmt.Errorf("page %d, customer %d: %s", page, at+1, problem)
		}
		n++
	}
	return n, nil
}

func (s *stage) page(ctx context.Context, query string) ([]data.Answer, int, error) {
	var list struct {
		Items      []data.Answer
		Pagination struct {
			Total int `json:"total_count"`
		}
	}
	err := s.decode(ctx, "/v1/customers/?"+query, &list)
	return list.Items, list.Pagination.Total, err
}

// verifyLookups finds customers by their id, external id and e-mail, and by a
// part of the e-mail.
func (s *stage) verifyLookups(ctx context.Context, expected func(func(customer.Given) bool)) (n int, err error) {
	step := max(s.each()/mostFinds, 1)
	i := 0
	for g := range expected {
		if i++; i%step != 0 {
			continue
		}
		if err := s.lookUp(ctx, &g); err != nil {
			return n, fmt.Errorf("customer %s: %w", g.ID, err)
		}
		n++
	}
	return n, nil
}

func (s *stage) lookUp(ctx context.Context, g *customer.Given) error {
	paths := []string{"/v1/customers/" + string(g.ID)}
	if g.ExternalID != nil {
		paths = append(paths, "/v1/customers/external/"+url.PathEscape(*g.ExternalID))
	}
	for _, path := range paths {
		var got data.Answer
		if err := s.decode(ctx, path, &got); err != nil {
			return err
		}
		if problem := data.Differs(g, &got); problem != "" {
			return fmt.Errorf("%s: %s", path, problem)
		}
	}
	if g.Email == nil {
		return nil
	}
	items, total, err := s.page(ctx, "email="+url.QueryEscape(*g.Email))
	if err != nil {
		return err
	}
	if total != 1 || len(items) != 1 || items[0].ID != string(g.ID) {
		return fmt.Errorf("%d customers have the e-mail address %s", total, *g.Email)
	}
	items, _, err = s.page(ctx, "limit=100&query="+url.QueryEscape(*g.Email))
	if err != nil {
		return err
	}
	for _, item := range items {
		if item.ID == string(g.ID) {
			return nil
		}
	}
	return fmt.Errorf("a search for %s does not find them", *g.Email)
}

func (s *stage) decode(ctx context.Context, path string, out any) error {
	r, err := s.get(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	return json.NewDecoder(r.Body).Decode(out)
}

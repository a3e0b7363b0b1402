package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"floe/internal/bench"
	"floe/internal/customer"
	"floe/internal/demo"
)

// pageSize is the largest page there is.
const pageSize = 100

// Of very many customers, pages and single ones are looked at here and there;
// the export is always compared as a whole. A page far inside a list costs
// time that grows with its distance from the start.
const (
	maxPages  = 2000
	maxFinds  = 50_000
	maxListed = 100_000 // up to here, every page
)

// verify compares what every endpoint answers with what was loaded. The
// customers are made once more, so that nothing has to be remembered.
func (s *stage) verify(ctx context.Context) error {
	for _, part := range []struct {
		name string
		run  func(context.Context) (int, error)
	}{{"export", s.verifyExport}, {"lists", s.verifyLists}, {"lookups", s.verifyLookups}} {
		start := time.Now()
		n, err := part.run(ctx)
		say("")
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		fmt.Fprintf(os.Stdout, "%s, %d loaded: %d compared through %s, all as they went in (%s)\n",
			s.engine, s.data.Rows, n, part.name, time.Since(start).Round(100*time.Millisecond))
	}
	return nil
}

// get asks for a path and leaves the answer to read.
func (s *stage) get(ctx context.Context, path string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.address+path, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+s.data.Token)
	r, err := http.DefaultClient.Do(q)
	if err == nil && r.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(r.Body, 1000))
		_ = r.Body.Close()
		return nil, fmt.Errorf("%s answers %s: %s", path, r.Status, text)
	}
	return r, err
}

// verifyExport compares every line.
func (s *stage) verifyExport(ctx context.Context) (n int, err error) {
	r, err := s.get(ctx, "/v1/customers/export")
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Body.Close() }()
	lines := csv.NewReader(r.Body)
	if _, err := lines.Read(); err != nil {
		return 0, err
	}
	progress := bar("Comparing the export of " + s.engine)
	for g := range demo.Customers(s.data.Config()) {
		line, err := lines.Read()
		if err != nil {
			return n, fmt.Errorf("line %d: %w", n+2, err)
		}
		if problem := bench.DiffersLine(&g, line); problem != "" {
			return n, fmt.Errorf("line %d: %s", n+2, problem)
		}
		if n++; n%10_000 == 0 {
			progress(n, s.data.Rows)
		}
	}
	if _, err := lines.Read(); !errors.Is(err, io.EOF) {
		return n, errors.New("the export has more lines than there are customers")
	}
	return n, nil
}

// verifyLists compares pages of the list, oldest first.
func (s *stage) verifyLists(ctx context.Context) (n int, err error) {
	pages := (s.data.Rows + pageSize - 1) / pageSize
	step := 1
	if s.data.Rows > maxListed {
		step = (pages + maxPages - 1) / maxPages
	}
	page := 0
	for batch := range demo.Batches(s.data.Config(), pageSize) {
		if page++; page%step != 0 && page != 1 && page != pages {
			continue
		}
		say("Comparing lists of %s: page %d of %d", s.engine, page, pages)
		items, total, err := s.page(ctx, "sorting=created_at&limit="+strconv.Itoa(pageSize)+"&page="+strconv.Itoa(page))
		switch {
		case err != nil:
			return n, err
		case total != s.data.Rows:
			return n, fmt.Errorf("page %d: a total of %d", page, total)
		case len(items) != len(batch):
			return n, fmt.Errorf("page %d: %d customers", page, len(items))
		}
		for i := range batch {
			if problem := bench.Differs(&batch[i], &items[i]); problem != "" {
				return n, fmt.Errorf("page %d, customer %d: %s", page, i+1, problem)
			}
			n++
		}
	}
	return n, nil
}

func (s *stage) page(ctx context.Context, query string) ([]bench.Answer, int, error) {
	r, err := s.get(ctx, "/v1/customers/?"+query)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = r.Body.Close() }()
	var list struct {
		Items      []bench.Answer
		Pagination struct {
			Total int `json:"total_count"`
		}
	}
	err = json.NewDecoder(r.Body).Decode(&list)
	return list.Items, list.Pagination.Total, err
}

// verifyLookups finds customers by their id, external id, e-mail, and members.
func (s *stage) verifyLookups(ctx context.Context) (n int, err error) {
	step := max(s.data.Rows/maxFinds, 1)
	i := 0
	for g := range demo.Customers(s.data.Config()) {
		if i++; i%step != 0 {
			continue
		}
		if err := s.lookUp(ctx, &g); err != nil {
			return n, fmt.Errorf("customer %s: %w", g.ID, err)
		}
		if n++; n%500 == 0 {
			say("Looking customers of %s up: %d of %d", s.engine, n, s.data.Rows/step)
		}
	}
	return n, nil
}

func (s *stage) lookUp(ctx context.Context, g *customer.Given) error {
	paths := []string{"/v1/customers/" + string(g.ID)}
	if g.ExternalID != nil {
		paths = append(paths, "/v1/customers/external/"+url.PathEscape(*g.ExternalID))
	}
	for _, path := range paths {
		var got bench.Answer
		if err := s.decode(ctx, path, &got); err != nil {
			return err
		}
		if problem := bench.Differs(g, &got); problem != "" {
			return fmt.Errorf("%s: %s", path, problem)
		}
	}
	if g.Email != nil {
		items, total, err := s.page(ctx, "email="+url.QueryEscape(*g.Email))
		if err != nil {
			return err
		}
		if total != 1 || len(items) != 1 || items[0].ID != string(g.ID) {
			return fmt.Errorf("%d customers have the e-mail address %s", total, *g.Email)
		}
	}
	return s.members(ctx, g)
}

func (s *stage) members(ctx context.Context, g *customer.Given) error {
	var list struct {
		Items []struct{ ID, Email, Role string }
	}
	if err := s.decode(ctx, "/v1/customers/"+string(g.ID)+"/members?limit=100", &list); err != nil {
		return err
	}
	got := list.Items
	if len(got) != len(g.Members) {
		return fmt.Errorf("%d members, want %d", len(got), len(g.Members))
	}
	want := map[string]string{}
	for _, m := range g.Members {
		want[string(m.ID)] = m.Email + " " + string(m.Role)
	}
	for _, m := range got {
		if want[m.ID] != m.Email+" "+m.Role {
			return fmt.Errorf("member %s is %s %s, want %s", m.ID, m.Email, m.Role, want[m.ID])
		}
	}
	return nil
}

func (s *stage) decode(ctx context.Context, path string, out any) error {
	r, err := s.get(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	return json.NewDecoder(r.Body).Decode(out)
}

// Command reduce writes the facts of the reference's OpenAPI document for the
// operations that Floe claims, which is what the conformance test compares
// with. Prose stays out: the facts are ours to hold, the sentences are not.
//
//	go run ./internal/conformance/reduce polar-2026-04.openapi.json > internal/conformance/testdata/reference.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"floe/internal/conformance"
	"floe/internal/db"
	"floe/internal/server"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reduce reference.openapi.json > reference.json")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "reduce:", err)
		os.Exit(1)
	}
}

func run(path string) (err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ours, err := claims()
	if err != nil {
		return err
	}
	facts, err := conformance.ReadFacts(text, func(operation string) bool { return ours.Operations[operation] != nil })
	if err != nil {
		return err
	}
	var out bytes.Buffer
	out.WriteString("{\n\"operations\":{")
	if err := lines(&out, facts.Operations); err != nil {
		return err
	}
	out.WriteString("},\n\"schemas\":{")
	if err := lines(&out, facts.Schemas); err != nil {
		return err
	}
	out.WriteString("}\n}\n")
	_, err = out.WriteTo(os.Stdout)
	return err
}

// lines writes one entry a line, in order, so that a change shows as the lines
// that it changes.
func lines[V any](out *bytes.Buffer, m map[string]V) error {
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		value, err := json.Marshal(m[key])
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s:%s", name, value)
	}
	return nil
}

// claims are the facts of our own document. A server has to be built for
// them, so it gets a database that is thrown away.
func claims() (facts *conformance.Facts, err error) {
	dir, err := os.MkdirTemp("", "floe-reduce-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	d, err := db.Open(ctx, db.Config{DataDir: dir, Logger: log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Migrate(ctx); err != nil {
		return nil, err
	}
	s, err := server.New(ctx, server.Config{DB: d, Logger: log})
	if err != nil {
		return nil, err
	}
	text, err := s.Document().JSON()
	if err != nil {
		return nil, err
	}
	return conformance.ReadFacts(text, nil)
}

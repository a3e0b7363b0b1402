//go:build unix

package main

import (
	"context"
	"os"

	"floe/internal/torture"
)

// tortureChildCommand is serve that ends, slows down or loses its time where it
// was ordered to. Only floe torture starts it: what it obeys is not in serve.
type tortureChildCommand struct{ serveOptions }

// Run serves and suffers.
func (c *tortureChildCommand) Run(ctx context.Context, io *streams) error {
	child, err := torture.NewChild(os.Getenv(torture.Variable))
	if err != nil {
		return exit{exitUsage, err}
	}
	serve := serveCommand{serveOptions: c.serveOptions, change: child.Change, clock: child}
	return serve.Run(ctx, io)
}

//go:build !unix

package main

import "floe/internal/torture"

type tortureChildCommand struct{}

// Run says that it is not to be had.
func (*tortureChildCommand) Run() error { return torture.ErrUnable }

package main

import (
	"strings"
	"testing"

	"floe/internal/torture"
)

// What went wrong can be done again by the command that is printed, whole.
func TestTortureSaysHowToRepeat(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	told(&b, &torture.Report{Engine: "sqlite", Seed: 7, Clients: 3, Rounds: make([]torture.Round, 2), Problems: []string{"lost"}, Faults: []string{"kill", "full-disk"}})
	if want := "floe torture --seed 7 --engine sqlite --rounds 2 --clients 3 --fault kill --fault full-disk\n"; !strings.Contains(b.String(), want) {
		t.Errorf("%s\ndoes not say %s", b.String(), want)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"floe/internal/db"
	"floe/internal/doctor"
)

type doctorCommand struct {
	dataOptions
	Whole bool `help:"Compare every page of a SQLite file with every index, instead of only reading it; takes several times as long."`
	JSON  bool `name:"json" help:"Print the report as JSON; that is also what is printed when the output is no terminal."`
}

// Help says what it looks at and what its exit codes mean.
func (doctorCommand) Help() string {
	return `It looks at what the rows stand on (engine, schema with its indexes and constraints,
file, sync, space, clock) and at the rules that hold between any two transactions, such as
that totals are the sum of their rows and that no number of an invoice is missing. It
changes nothing and repairs nothing, and can look while a server runs. What the rules are
stands in docs/reliability.md.

Exit codes: 0 all is well, perhaps with warnings; 1 something is broken; 2 it could not
look at everything.

Examples:
  floe doctor
  floe doctor --data-dir /var/lib/floe --json | jq '.checks[] | select(.status != "ok")'
  floe doctor --database-url postgres://floe:secret@db.internal/floe`
}

// exitUnknown is what the doctor answers when it could not look.
const exitUnknown = 2

// Run looks at the database and prints what it saw.
func (c *doctorCommand) Run(ctx context.Context, io *streams) error {
	if err := c.there(); err != nil {
		return exit{exitUnknown, err}
	}
	d, err := db.Open(ctx, db.Config{DataDir: c.DataDir, URL: c.DatabaseURL, ReadOnly: true, ReadConns: 2, Logger: toolLog(io.err)})
	switch {
	case errors.Is(err, db.ErrDamaged):
		return exit{exitFailed, c.advise(err)}
	case err != nil:
		return exit{exitUnknown, c.advise(err)}
	}
	defer func() { _ = d.Close() }()
	of := 0
	show, stop := ticking(io.progress)
	r := doctor.Examine(ctx, doctor.Config{DB: d, Whole: c.Whole, Progress: func(done, all int, x *doctor.Check) {
		of = all
		show(fmt.Sprintf("%d of %d  %s", done, all, x.Name)) // the slow ones are seen before they are done
	}})
	stop()
	if err := c.print(io, r); err != nil {
		return exit{exitUnknown, err}
	}
	if ctx.Err() != nil && r.Worst() == doctor.Unknown {
		return exit{exitUnknown, fmt.Errorf("interrupted after %d of %d checks", len(r.Checks)-1, of)}
	}
	switch r.Worst() {
	case doctor.Broken:
		return exit{exitFailed, fmt.Errorf("%d of %d checks found something broken", r.Count(doctor.Broken), len(r.Checks))}
	case doctor.Unknown:
		return exit{exitUnknown, fmt.Errorf("%d of %d checks could not be made", r.Count(doctor.Unknown), len(r.Checks))}
	}
	return nil
}

func (c *doctorCommand) print(io *streams, r *doctor.Report) error {
	if c.JSON || !io.terminal {
		e := json.NewEncoder(io.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	err := table(io.out, "CHECK\tSTATUS\tTIME\t", len(r.Checks), func(i int) string {
		x := &r.Checks[i]
		return fmt.Sprintf("%s\t%s\t%.0f ms\t%s", x.Name, x.Status, x.Millis, printable(x.Detail))
	})
	if err != nil {
		return err
	}
	for i := range r.Checks {
		if err := explain(io.out, &r.Checks[i]); err != nil {
			return err
		}
	}
	switch r.Worst() {
	case doctor.OK:
		_, err = fmt.Fprintln(io.out, "\nAll is well.")
	case doctor.Warning:
		_, err = fmt.Fprintln(io.out, "\nNothing is broken.")
	}
	return err
}

// explain says what is wrong where something is.
func explain(w io.Writer, x *doctor.Check) error {
	if x.Status == doctor.OK {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %s. It should be so: %s\n", x.Name, x.Status, x.Says)
	for _, f := range x.Found {
		fmt.Fprintf(&b, "  %s %s  %s\n", f.Organization, f.ID, printable(f.Detail))
	}
	if x.More {
		b.WriteString("  … and more\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

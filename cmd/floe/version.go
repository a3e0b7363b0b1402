package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print it as JSON."`
}

// release is the version that a build was told:
// go build -ldflags "-X main.release=1.2.3".
var release string

// build is what is known about this binary.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SQLite   string `json:"sqlite_driver"`
	Postgres string `json:"postgres_driver"`
}

// Run prints the version.
func (c *versionCommand) Run(io *streams) error {
	b := buildInfo()
	if c.JSON {
		return printJSON(io, b)
	}
	commit := b.Commit
	if b.Modified {
		commit += " (modified)"
	}
	_, err := fmt.Fprintf(io.out, "floe %s\ncommit %s\n%s %s\nmodernc.org/sqlite %s\ngithub.com/jackc/pgx/v5 %s\n",
		b.Version, commit, b.Go, b.Platform, b.SQLite, b.Postgres)
	return err
}

// version is the version alone.
func version() string { return buildInfo().Version }

// buildInfo reads what the toolchain wrote into the binary.
func buildInfo() build {
	b := build{Version: cmp.Or(release, "dev"), Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SQLite: "unknown", Postgres: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" && release == "" {
		b.Version = strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	of := func(path string) string {
		i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path })
		if i < 0 {
			return "unknown"
		}
		return info.Deps[i].Version
	}
	b.SQLite, b.Postgres = of("modernc.org/sqlite"), of("github.com/jackc/pgx/v5")
	return b
}

// printJSON prints a result for programs and people alike.
func printJSON(io *streams, v any) error {
	e := json.NewEncoder(io.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Programs are the files of what is measured.
type Programs struct {
	Floe, PocketBase, Bare string
	Logs                   string // folder
}

// Build compiles what is not built already, as users do: without cgo.
func (p *Programs) Build(ctx context.Context, dir string, say func(what string)) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "floe", "floe/bench").Output()
	if err != nil {
		return fmt.Errorf("run this inside the module floe/bench: %w", err)
	}
	dirs := strings.Fields(string(root))
	if len(dirs) != 2 {
		return fmt.Errorf("run this inside the module floe/bench, and not in %q", dirs)
	}
	// PocketBase is a module of its own: it wants the versions it was tested with.
	for _, b := range []struct {
		to        *string
		dir, path string
	}{{&p.Floe, dirs[0], "./cmd/floe"}, {&p.Bare, dirs[1], "./peer/bare"}, {&p.PocketBase, filepath.Join(dirs[1], "peer", "pocketbase"), "."}} {
		if *b.to != "" {
			continue
		}
		name := filepath.Base(filepath.Join(b.dir, b.path))
		say("building " + name)
		*b.to = filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", *b.to, b.path) //nolint:gosec // our own arguments
		cmd.Dir, cmd.Env = b.dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// StartFloe starts the server with its defaults, logging each request. With a
// token it counts as ready when it has answered a call of the API.
func (p *Programs) StartFloe(ctx context.Context, ready, token string, args ...string) (*Process, error) {
	c := command{program: p.Floe, args: append([]string{"serve", "--listen", "{address}", "--allow-private-webhooks"}, args...),
		log: p.log("floe"), ready: ready, token: token}
	return c.start(ctx)
}

// StartPocketBase starts it as it ships, or with each commit waiting for the
// disk.
func (p *Programs) StartPocketBase(ctx context.Context, dir string, fullSync bool) (*Process, error) {
	c := command{program: p.PocketBase, args: []string{"serve", "--http", "{address}", "--dir", dir}, log: p.log("pocketbase"), ready: "/api/health"}
	if fullSync {
		c.env = []string{"FULL_SYNC=1"}
	}
	return c.start(ctx)
}

// StartBare starts a server that answers with the given bytes.
func (p *Programs) StartBare(ctx context.Context, bodies map[string][]byte) (*Process, error) {
	text, err := json.Marshal(bodies)
	if err != nil {
		return nil, err
	}
	c := command{program: p.Bare, args: []string{"{address}"}, stdin: append(text, '\n'), log: p.log("bare"), ready: "/ready"}
	return c.start(ctx)
}

// LoadPocketBase makes a new folder of its data from lines of JSON, and answers
// an API key.
func (p *Programs) LoadPocketBase(ctx context.Context, dir string, feed func(line func(v any) error) error) (key string, err error) {
	cmd := exec.CommandContext(ctx, p.PocketBase, "load", "--dir", dir) //nolint:gosec // our own arguments
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	e := json.NewEncoder(in)
	fed := feed(e.Encode)
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("load PocketBase: %w\n%s%s", err, out.Bytes(), problems.Bytes())
	}
	lines := strings.Fields(out.String())
	if len(lines) == 0 {
		return "", errors.Join(fed, errors.New("PocketBase prints no key"))
	}
	return lines[len(lines)-1], fed
}

func (p *Programs) log(name string) string { return filepath.Join(p.Logs, name+".log") }

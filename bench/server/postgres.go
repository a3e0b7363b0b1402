package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
)

// ErrNoPostgres is what StartPostgres says where none is installed.
var ErrNoPostgres = errors.New("PostgreSQL is missing: install its server programs")

// Settings are what a started PostgreSQL is told beyond its defaults. Its
// durability is the default one: every commit waits for the disk.
var Settings = []string{"shared_buffers=512MB", "max_wal_size=4GB", "effective_cache_size=4GB", "random_page_cost=1.1", "max_connections=300"}

// Postgres is a PostgreSQL server that was started for the measurements.
type Postgres struct {
	address string
	cmd     *exec.Cmd
}

// StartPostgres starts a server on a folder, which it makes unless it is there.
func StartPostgres(ctx context.Context, dir string) (*Postgres, error) {
	bin := postgresPrograms()
	if bin == "" {
		return nil, ErrNoPostgres
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	credential, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...) //nolint:gosec,noctx // stopped by Stop
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil {
		out, err := command("initdb", "-D", dir, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C").CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	host, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	port := host[strings.LastIndexByte(host, ':')+1:]
	args := []string{"-D", dir, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "port=" + port}
	for _, s := range Settings {
		args = append(args, "-c", s)
	}
	p := &Postgres{cmd: command("postgres", args...), address: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := p.exec(ctx, p.address, `SELECT 1`)
		if err == nil {
			return p, nil
		}
		if ctx.Err() != nil || time.Since(start) > time.Minute {
			return nil, errors.Join(err, p.Stop())
		}
	}
}

// Serves says that the server works for another, which is told to count its
// time in the processor as its own.
func (p *Postgres) Serves(other *Process) { other.with = append(other.with, p.cmd.Process.Pid) }

// exec runs statements in a database as the owner of the server.
func (p *Postgres) exec(ctx context.Context, address string, texts ...string) error {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	for _, text := range texts {
		if _, err := pool.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// URL is the address of a database.
func (p *Postgres) URL(name string) string {
	u, err := url.Parse(p.address)
	if err != nil {
		return p.address
	}
	u.Path = "/" + name
	return u.String()
}

// Settle does now what the server would do by itself in a while, so that it is
// not counted with what is measured: it clears up after what was written.
func (p *Postgres) Settle(ctx context.Context, name string) error {
	return p.exec(ctx, p.URL(name), "VACUUM ANALYZE", "CHECKPOINT")
}

// New makes an empty database in place of one of the same name.
func (p *Postgres) New(ctx context.Context, name string) error {
	return p.exec(ctx, p.address, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`,
		`CREATE DATABASE "`+name+`" TEMPLATE template0 ENCODING 'UTF8'`)
}

// Data is the server's folder.
func (p *Postgres) Data() string { return p.cmd.Dir }

// Stop ends the server; its folder stays.
func (p *Postgres) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // the fast shutdown
	return p.cmd.Wait()
}

// postgresPrograms is the folder of the newest installed server.
func postgresPrograms() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		found = append(found, path)
	}
	for _, path := range slices.Backward(found) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "postgres")); err == nil {
			return filepath.Dir(path)
		}
	}
	return ""
}

// PostgresVersion is what the installed server says of itself, "" where there
// is none.
func PostgresVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, filepath.Join(postgresPrograms(), "postgres"), "--version").Output() //nolint:gosec // found above
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// unprivileged finds a user for the server, which refuses to run as root, and
// gives the folder to them.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2, os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, int(uid), int(gid))); err != nil { //nolint:gosec // from the system
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// CPU is the time in the processor that the server has taken.
func (p *Postgres) CPU() time.Duration { return cpuOf(p.cmd.Process.Pid) }

package main

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
)

var errNoPostgres = errors.New("PostgreSQL is missing: install its server programs, or say --database-url")

// cluster is a PostgreSQL server: a given one, or one started for this run. A
// started one keeps its promises to the disk, unlike the one of the tests.
type cluster struct {
	address string
	server  *exec.Cmd
	data    string
}

func startPostgres(ctx context.Context, dir string) (*cluster, error) {
	bin := postgresPrograms()
	if bin == "" {
		return nil, errNoPostgres
	}
	data, err := os.MkdirTemp(dir, "postgres-*")
	if err != nil {
		return nil, err
	}
	c := &cluster{data: data}
	credential, err := unprivileged(dir, data)
	if err != nil {
		return nil, err
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...) //nolint:gosec,noctx // stopped by close
		cmd.Dir, cmd.Env = data, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	out, err := command("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	c.server = command("postgres", "-D", data, "-k", data, "-c", "listen_addresses=127.0.0.1", "-c", "port="+freePort(ctx),
		"-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "effective_cache_size=4GB", "-c", "random_page_cost=1.1")
	port := strings.TrimPrefix(c.server.Args[8], "port=")
	if err := c.server.Start(); err != nil {
		return nil, err
	}
	c.address = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	return c, c.wait(ctx)
}

func freePort(ctx context.Context) string {
	address, err := freeAddress(ctx)
	if err != nil {
		return "54329"
	}
	return address[strings.LastIndexByte(address, ':')+1:]
}

func (c *cluster) wait(ctx context.Context) error {
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := c.exec(ctx, `SELECT 1`)
		if err == nil || ctx.Err() != nil || time.Since(start) > time.Minute {
			return err
		}
	}
}

// exec runs a statement as the owner of the server.
func (c *cluster) exec(ctx context.Context, text string) error {
	pool, err := sql.Open("pgx", c.address)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	_, err = pool.ExecContext(ctx, text)
	return err
}

// database makes an empty database, unless it is there already, and answers
// its address.
func (c *cluster) database(ctx context.Context, name string, found bool) (string, error) {
	create := []string{`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`, `CREATE DATABASE ` + name + ` TEMPLATE template0 ENCODING 'UTF8'`}
	if found {
		create = nil
	}
	for _, text := range create {
		if err := c.exec(ctx, text); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(c.address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (c *cluster) close() error {
	if c.server == nil {
		return nil
	}
	_ = c.server.Process.Signal(syscall.SIGINT) // the fast shutdown
	_ = c.server.Wait()
	return os.RemoveAll(c.data)
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

// unprivileged finds a user for the server, which refuses to run as root, and
// gives the folder to them.
func unprivileged(dir, data string) (*syscall.Credential, error) {
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
		if err := errors.Join(err1, err2, os.Chmod(dir, 0o755), os.Chown(data, int(uid), int(gid))); err != nil { //nolint:gosec // from the system
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

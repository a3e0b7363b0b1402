//go:build unix

package dbtest

import (
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

// The private server belongs to no single test process, because the packages
// of one run share it. A keeper, which is this test binary started once more,
// runs it until nobody has held the users lock for a while.
//
// In the folder lie: users.lock, held shared by each process that uses the
// server; start.lock, held while somebody starts one; address, its URL once
// it answers; keeper.log, why it did not start.

const (
	keeperVariable = "FLOE_DBTEST_KEEPER"
	idleTime       = 30 * time.Second
	startTime      = 60 * time.Second
)

func init() {
	if dir := os.Getenv(keeperVariable); dir != "" {
		if err := keep(dir); err != nil {
			_ = os.WriteFile(filepath.Join(dir, "keeper.log"), []byte(err.Error()), 0o600)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// usersLock is held until this process ends. It is kept here because a file
// that nothing refers to is closed.
//
//lint:ignore U1000 being there is its use
var usersLock *os.File

// startCluster returns the address of the private server, starting it when
// it does not run.
func startCluster() (string, error) {
	if _, err := programs(); err != nil {
		return "", err
	}
	dir, err := clusterDir()
	if err != nil {
		return "", err
	}
	usersLock, err = flock(filepath.Join(dir, "users.lock"), syscall.LOCK_SH)
	if err != nil {
		return "", err
	}
	start, err := flock(filepath.Join(dir, "start.lock"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer func() { _ = start.Close() }()
	if address, ok := running(dir); ok {
		return address, nil
	}
	return startKeeper(dir)
}

// clusterDir is a folder of this user, so that nobody else can put a server
// of their own there.
func clusterDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "floe-postgres-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s belongs to another user", dir)
	}
	return dir, nil
}

func flock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func running(dir string) (string, bool) {
	address, err := os.ReadFile(filepath.Join(dir, "address"))
	if err != nil {
		return "", false
	}
	return string(address), answers(string(address))
}

func answers(address string) bool {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return false
	}
	defer func() { _ = pool.Close() }()
	return pool.Ping() == nil //nolint:noctx // local, and only while starting
}

// startKeeper starts the keeper away from this process: it shares no output
// and no group, so that the test run can end before it.
func startKeeper(dir string) (string, error) {
	_ = os.Remove(filepath.Join(dir, "address"))
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	keeper := exec.Command(self) //nolint:gosec,noctx // outlives every context
	keeper.Env = append(os.Environ(), keeperVariable+"="+dir)
	keeper.Dir = dir
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() { _ = keeper.Wait(); close(ended) }()
	for start := time.Now(); time.Since(start) < startTime; {
		if address, ok := running(dir); ok {
			return address, nil
		}
		select {
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(dir, "keeper.log"))
			return "", fmt.Errorf("PostgreSQL does not start: %s", log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return "", errors.New("PostgreSQL does not start in time")
}

// keep runs the server until nobody uses it.
func keep(dir string) error {
	data, err := os.MkdirTemp(dir, "data-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(data) }()
	c := cluster{data: data}
	if err := c.initialize(throwaway...); err != nil {
		return err
	}
	server := c.command("postgres", "-D", data)
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	if err := c.publish(filepath.Join(dir, "address"), ended); err != nil {
		return err
	}
	unlock := waitIdle(filepath.Join(dir, "users.lock"), ended)
	defer unlock()
	_ = os.Remove(filepath.Join(dir, "address"))
	_ = server.Process.Signal(syscall.SIGINT) // the fast shutdown
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = server.Process.Kill()
	}
	return nil
}

// waitIdle returns when the server has ended, or when nobody has used it for
// a while; then nobody can begin to until the lock is given back.
func waitIdle(path string, ended chan error) (unlock func()) {
	since := time.Now()
	for {
		select {
		case err := <-ended:
			ended <- err
			return func() {}
		case <-time.After(time.Second):
		}
		f, err := flock(path, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			since = time.Now()
			continue
		}
		if time.Since(since) > idleTime {
			return func() { _ = f.Close() }
		}
		_ = f.Close()
	}
}

// cluster is the folder of a server and the user who runs it.
type cluster struct {
	data       string
	credential *syscall.Credential
}

// initialize makes the files. The server is reached by a socket in a folder
// that only its user can enter, so it needs no passwords.
func (c *cluster) initialize(settings ...string) error {
	if os.Getuid() == 0 {
		if err := c.dropRoot(); err != nil {
			return err
		}
	}
	out, err := c.command("initdb", "-D", c.data, "-U", "postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return c.configure(append([]string{
		"listen_addresses = ''",
		"unix_socket_directories = '" + c.data + "'",
		"shared_buffers = 64MB",
		"fsync = off",
		"logging_collector = off",
	}, settings...)...)
}

// throwaway are the settings of the server that tests share: nobody looks at it
// after it has ended.
var throwaway = []string{
	"max_connections = 400",
	"synchronous_commit = off",
	"full_page_writes = off",
	"wal_level = minimal",
	"max_wal_senders = 0",
	"autovacuum = off",
	"deadlock_timeout = 100ms",
}

// configure adds settings; the last of a name counts.
func (c *cluster) configure(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(c.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(settings, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// dropRoot finds a user to run the server, which refuses to run as root.
func (c *cluster) dropRoot() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		c.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.data, int(uid), int(gid))
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	path, _ := programs()
	cmd := exec.Command(filepath.Join(path, name), args...) //nolint:gosec,noctx // our own arguments
	cmd.Dir = c.data
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.credential}
	return cmd
}

// publish writes the address once the server answers.
func (c *cluster) publish(path string, ended chan error) error {
	address := c.address()
	for !answers(address) {
		select {
		case err := <-ended:
			return fmt.Errorf("postgres ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	draft := path + ".draft"
	if err := os.WriteFile(draft, []byte(address), 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// address is the URL of the database that every server has.
func (c *cluster) address() string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.User("postgres"),
		Path:     "/postgres",
		RawQuery: url.Values{"host": {c.data}}.Encode(),
	}).String()
}

// programs returns the folder of the newest installed server.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real // its neighbours may not be linked
		}
		found = append(found, path)
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

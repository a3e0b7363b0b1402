//go:build unix

package dbtest

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"floe/internal/db/pgserver"
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
	if _, err := pgserver.Programs(); err != nil {
		return "", errMissing
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
	s, err := pgserver.New(data, throwaway...)
	if err != nil {
		return err
	}
	server := s.Command("postgres", "-D", data)
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	if err := publish(s.URL("postgres"), filepath.Join(dir, "address"), ended); err != nil {
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

// throwaway are the settings of the server that tests share: nobody looks at it
// after it has ended.
var throwaway = []string{
	"shared_buffers = 64MB",
	"fsync = off",
	"max_connections = 400",
	"synchronous_commit = off",
	"full_page_writes = off",
	"wal_level = minimal",
	"max_wal_senders = 0",
	"autovacuum = off",
	"deadlock_timeout = 100ms",
}

// publish writes the address once the server answers.
func publish(address, path string, ended chan error) error {
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

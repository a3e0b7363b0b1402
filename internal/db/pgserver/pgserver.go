//go:build unix

// Package pgserver runs a private PostgreSQL server from the programs that are
// installed, in a folder of its own and reached by a socket in it. It is for
// what needs a server that may be broken: tests, and floe torture.
package pgserver

import (
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
)

// ErrMissing says that there is no PostgreSQL to run.
var ErrMissing = errors.New("PostgreSQL is missing: its server programs (initdb, postgres) are not installed")

// Server is the folder of a server and the user who runs it.
type Server struct {
	Data       string
	credential *syscall.Credential
}

// New makes the files of a server, with settings such as "fsync = off" beside
// the few that it needs. It is reached by a socket in a folder that only its
// user can enter, so it needs no passwords.
func New(data string, settings ...string) (*Server, error) {
	s, err := In(data)
	if err != nil {
		return nil, err
	}
	out, err := s.Command("initdb", "-D", data, "-U", "postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Configure(append([]string{"listen_addresses = ''", "logging_collector = off", "unix_socket_directories = '" + data + "'"}, settings...)...)
}

// In is a server whose files come from elsewhere, such as from another server.
// The folder is given to the user who will run it.
func In(data string) (*Server, error) {
	if _, err := Programs(); err != nil {
		return nil, err
	}
	s := &Server{Data: data}
	if os.Getuid() != 0 {
		return s, nil
	}
	return s, s.dropRoot()
}

// Configure adds settings; the last of a name counts.
func (s *Server) Configure(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(s.Data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(settings, "\n") + "\n")
	return errors.Join(err, f.Close())
}

// dropRoot finds a user to run the server, which refuses to run as root.
func (s *Server) dropRoot() error {
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
		s.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(s.Data, int(uid), int(gid))
	}
	return errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// Command is one of PostgreSQL's programs, run as the server's user.
func (s *Server) Command(name string, args ...string) *exec.Cmd {
	path, _ := Programs()
	cmd := exec.Command(filepath.Join(path, name), args...) //nolint:gosec,noctx // our own arguments
	cmd.Dir = s.Data
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	return cmd
}

// URL is the address of one of the server's databases.
func (s *Server) URL(database string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.User("postgres"),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {s.Data}}.Encode(),
	}).String()
}

// Programs returns the folder of the newest installed server.
func Programs() (string, error) {
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
	return "", ErrMissing
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

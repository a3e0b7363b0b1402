//go:build unix

package torture

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"floe/internal/db"
	"floe/internal/db/pgserver"
)

// cluster is a PostgreSQL server that may be broken. What it acknowledges is on
// its disk.
type cluster struct {
	*pgserver.Server
	cmd   *exec.Cmd
	ended chan struct{}
}

func newCluster(dir string) (*cluster, error) {
	s, err := pgserver.New(dir, "max_connections = 100", "shared_buffers = 64MB", "restart_after_crash = on")
	if err != nil {
		return nil, unable("make a PostgreSQL server: %w (its user must be able to enter the folder)", err)
	}
	c := &cluster{Server: s}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *cluster) start() error {
	c.cmd, c.ended = c.Command("postgres", "-D", c.Data), make(chan struct{})
	if err := c.cmd.Start(); err != nil {
		return unable("start PostgreSQL: %w", err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(c.cmd, c.ended)
	return c.ready()
}

// ready waits until the server takes connections, after a recovery perhaps.
func (c *cluster) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := c.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return errors.New("PostgreSQL ends while it is starting")
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *cluster) answers(ctx context.Context) error {
	d, err := db.Open(ctx, db.Config{URL: c.URL("postgres"), ReadOnly: true, ReadConns: 1})
	if err != nil {
		return err
	}
	return d.Close()
}

// pids are all processes, the one that starts the others first: those that it
// starts later are limited as it is.
func (c *cluster) pids(ctx context.Context) ([]int, error) {
	d, err := db.Open(ctx, db.Config{URL: c.URL("postgres"), ReadOnly: true, ReadConns: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	list, err := db.All[int](ctx, d, `SELECT pid FROM pg_stat_activity`)
	return append([]int{c.cmd.Process.Pid}, list...), err
}

// limiter is a program that limits others of the same user, which is not ours
// where that is root.
const limiter = "prlimit"

// limit keeps a process of the server's from writing files.
func (c *cluster) limit(pid int) (err error) {
	cmd := c.Command("postgres")
	if cmd.Path, err = exec.LookPath(limiter); err != nil {
		return err
	}
	cmd.Args = []string{limiter, "--pid", strconv.Itoa(pid), "--fsize=0:"}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", limiter, err, said)
	}
	return nil
}

// crash is PostgreSQL's immediate shutdown: it writes nothing down, and has to
// recover when it starts again.
func (c *cluster) crash() { c.end(syscall.SIGQUIT) }

// stop ends the server in good order.
func (c *cluster) stop() { c.end(syscall.SIGINT) }

func (c *cluster) end(s syscall.Signal) {
	_ = c.cmd.Process.Signal(s)
	select {
	case <-c.ended:
	case <-time.After(20 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

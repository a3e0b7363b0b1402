//go:build unix

package torture

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
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

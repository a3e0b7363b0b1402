//go:build unix

package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/smalldisk"
)

const fullDiskName = "full-disk"

func limits(t *run) string {
	if t.config.Engine == "sqlite" || canLimit != "" {
		return canLimit
	}
	if _, err := exec.LookPath(limiter); err != nil {
		return "needs " + limiter + ", which is not installed"
	}
	return ours(t)
}

// fills looks for the way to fill a disk: for good, where a small one can be
// mounted; otherwise SQLite's files are kept from growing.
func fills(t *run) string {
	if t.config.Engine == "postgres" && t.cluster == nil {
		return ours(t)
	}
	why := t.config.NotApart
	if why == nil {
		why = smalldisk.Possible(t.config.Dir)
	}
	if why == nil {
		t.report.FullDisk = FullDisk
		return ""
	}
	if t.config.Engine == "postgres" {
		return fmt.Sprintf("needs to mount a file system: %v", why)
	}
	if canLimit == "" {
		t.report.FullDisk = fmt.Sprintf("a limit on the size of files (RLIMIT_FSIZE), because no small file system can be mounted: %v", why)
	}
	return canLimit
}

// Room on the small disk beside what lies there already. PostgreSQL makes a new
// file of 16 MB for its log now and then.
const (
	roomSQLite   = 8 << 20
	roomPostgres = 48 << 20
)

// fullDisk lets the data lie on a small disk for a while. It is filled; reads
// must still be answered, and, when there is room again, writes. Then it is filled
// once more, and all that serves is killed and started again. In between,
// PostgreSQL is made to want room for its log.
func fullDisk(ctx context.Context, t *run, r *Round) (err error) {
	if t.report.FullDisk != FullDisk {
		return growNoMore(ctx, t, r)
	}
	disk, err := t.moveToSmallDisk()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.moveBack(ctx, disk)) }()
	if err := t.serveAgain(ctx); err != nil {
		return err
	}
	if err := t.fill(ctx, disk, r); err != nil {
		return err
	}
	if err := t.makeRoom(ctx, disk); err != nil {
		return err
	}
	if err := t.fill(ctx, disk, r); err != nil {
		return err
	}
	if t.cluster == nil {
		return t.killWhileFull(ctx, disk, r)
	}
	r.Detail = join(r.Detail, t.exhaustLog(ctx))
	if err := t.makeRoom(ctx, disk); err != nil {
		return err
	}
	if err := t.fill(ctx, disk, r); err != nil {
		return err
	}
	return t.crashWhileFull(ctx, disk)
}

// crashWhileFull kills the server and has PostgreSQL stop at once. That cannot
// recover without room, so it gets some before they are started.
func (t *run) crashWhileFull(ctx context.Context, disk *smalldisk.Disk) error {
	t.server.kill()
	t.cluster.crash()
	if err := t.makeRoomFor(disk); err != nil {
		return err
	}
	return t.startAndGoOn(ctx)
}

// killWhileFull kills the server and starts it again. One that starts answers
// reads; one that does not says why.
func (t *run) killWhileFull(ctx context.Context, disk *smalldisk.Disk, r *Round) error {
	t.server.kill()
	switch err := t.server.start(ctx, Orders{}); {
	case err == nil:
		t.mustRead(ctx)
		return t.makeRoom(ctx, disk)
	case !strings.Contains(err.Error(), db.ErrFull.Error()):
		return fmt.Errorf("on a full disk: %w", err)
	}
	r.Detail = join(r.Detail, "did not start")
	if err := disk.Ease(); err != nil {
		return err
	}
	return t.startAndGoOn(ctx)
}

func (t *run) startAndGoOn(ctx context.Context) error {
	if err := t.server.start(ctx, Orders{}); err != nil {
		return err
	}
	return t.goesOn(ctx)
}

// fill takes all room but a little, which the server takes, waits until somebody's
// write has failed for it, and takes what is left.
func (t *run) fill(ctx context.Context, disk *smalldisk.Disk, r *Round) error {
	leave := int64(t.random.IntN(256 << 10))
	r.Detail = join(r.Detail, fmt.Sprintf("%d KB of room", leave>>10))
	before := t.doubtful()
	if err := disk.Fill(leave); err != nil {
		return err
	}
	for begun := time.Now(); t.doubtful() == before; time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			return fmt.Errorf("after %s on a full disk no write has failed", patience)
		}
	}
	if err := disk.Fill(0); err != nil { // what has been given back
		return err
	}
	time.Sleep(time.Duration(100+t.random.IntN(300)) * time.Millisecond)
	t.mustRead(ctx)
	return nil
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// exhaustLog has PostgreSQL begin new files of its log until there is no room
// for one: then it ends all that it does, and cannot recover before there is.
func (t *run) exhaustLog(ctx context.Context) string {
	d, err := db.Open(ctx, t.database(true))
	for begun := time.Now(); err == nil && time.Since(begun) < patience; {
		_, err = db.One[string](ctx, d, `SELECT CAST(pg_switch_wal() AS text)`)
	}
	if d != nil {
		_ = d.Close()
	}
	select {
	case <-t.cluster.ended:
		return "PostgreSQL ended"
	case <-time.After(2 * time.Second):
	}
	if err == nil {
		return "PostgreSQL had room for its log"
	}
	return "PostgreSQL lost its connections"
}

// mustRead demands an answer to a read of a server that cannot write, unless
// PostgreSQL has ended meanwhile.
func (t *run) mustRead(ctx context.Context) {
	status, answer, err := t.server.do(ctx, "GET", "/v1/customers/?limit=1", nil)
	if t.cluster != nil && t.cluster.answers(ctx) != nil { // it has had no room for its log already
		return
	}
	if err != nil || status != 200 {
		t.report.problem("a read on a disk that cannot be written: %d %s %v", status, answer, err)
	}
}

// makeRoom gives room back; then writes must go on.
func (t *run) makeRoom(ctx context.Context, disk *smalldisk.Disk) error {
	if err := t.makeRoomFor(disk); err != nil {
		return err
	}
	return t.goesOn(ctx)
}

// makeRoomFor gives room back, and starts PostgreSQL where that has ended for
// the want of it.
func (t *run) makeRoomFor(disk *smalldisk.Disk) error {
	if err := disk.Ease(); err != nil || t.cluster == nil {
		return err
	}
	if t.cluster.ready() == nil {
		return nil
	}
	return t.cluster.start()
}

// moveToSmallDisk ends all that serves, and puts what it needs on a small disk.
func (t *run) moveToSmallDisk() (*smalldisk.Disk, error) {
	dir, room := t.dataDir(), int64(roomSQLite)
	t.server.kill()
	if t.cluster != nil {
		t.cluster.crash()
		dir, room = t.cluster.Data, roomPostgres
	}
	return smalldisk.Over(dir, room)
}

// moveBack ends all that serves, and starts it where it was before. What has
// gone wrong until then is to be looked at there, too.
func (t *run) moveBack(ctx context.Context, disk *smalldisk.Disk) error {
	t.server.kill()
	if t.cluster != nil {
		t.cluster.crash()
	}
	if err := disk.Remove(); err != nil {
		return err
	}
	return t.serveAgain(ctx)
}

func (t *run) serveAgain(ctx context.Context) error {
	if t.cluster != nil {
		if err := t.cluster.start(); err != nil {
			return err
		}
	}
	return t.server.start(ctx, Orders{})
}

// growNoMore keeps the files of SQLite from growing by more than a little.
func growNoMore(ctx context.Context, t *run, r *Round) error {
	room := int64(4096 + t.random.IntN(256<<10))
	size := int64(0)
	for _, name := range []string{"floe.db", "floe.db-wal"} {
		if info, err := os.Stat(filepath.Join(t.dataDir(), name)); err == nil {
			size = max(size, info.Size())
		}
	}
	r.Detail = fmt.Sprintf("%d KB of room", room>>10)
	return limited(ctx, t, uint64(size+room)) //nolint:gosec // both are positive
}

func readOnlyDisk(ctx context.Context, t *run, _ *Round) error {
	if t.cluster == nil {
		return limited(ctx, t, 0)
	}
	return t.limitedCluster(ctx)
}

func limited(ctx context.Context, t *run, size uint64) error {
	lift, err := limitFiles(t.server.pid(), size)
	if err != nil {
		return err
	}
	if size > 0 {
		t.refuses(ctx, 2*time.Second) // or not: SQLite may write over what is in its files
	} else if !t.refuses(ctx, patience) {
		return errWritten
	}
	if err := lift(); err != nil {
		return err
	}
	return t.goesOn(ctx)
}

var errWritten = fmt.Errorf("after %s on a disk that cannot be written no write has failed", patience)

// refuses waits until somebody's write has failed, and a while longer, and
// demands that reads do not.
func (t *run) refuses(ctx context.Context, within time.Duration) bool {
	before := t.doubtful()
	for begun := time.Now(); t.doubtful() == before && time.Since(begun) < within; {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Duration(100+t.random.IntN(400)) * time.Millisecond)
	t.mustRead(ctx)
	return t.doubtful() > before
}

// limitedCluster keeps PostgreSQL from writing any file. It ends when it cannot
// write its log, and cannot recover before it can; then it is started again.
func (t *run) limitedCluster(ctx context.Context) error {
	pids, err := t.cluster.pids(ctx)
	for i := 0; i < len(pids) && err == nil; i++ {
		if err = t.cluster.limit(pids[i]); i > 0 {
			err = nil // some come and go
		}
	}
	if err != nil {
		return err
	}
	if !t.refuses(ctx, patience) {
		return errWritten
	}
	t.cluster.crash()
	if err := t.cluster.start(); err != nil {
		return err
	}
	return t.goesOn(ctx)
}

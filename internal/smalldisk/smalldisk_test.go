//go:build unix

package smalldisk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"floe/internal/smalldisk"
	"floe/internal/smalldisk/disktest"
)

// TestDisk: a folder lies on a small disk and back on the large one, with all
// that it has, and on the small one there is no room when it has been taken.
func TestDisk(t *testing.T) {
	t.Parallel()
	disktest.Run(t, func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "kept", "before", 0o640)
		write(t, dir, "gone", "before", 0o600)
		if err := errors.Join(os.Mkdir(filepath.Join(dir, "below"), 0o710), os.Symlink("kept", filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "below/deep", "deep", 0o600)
		d, err := smalldisk.Over(dir, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, dir, map[string]string{"kept": "before", "gone": "before", "link": "before", "below/deep": "deep"})
		full(t, d, dir)
		if err := errors.Join(d.Ease(), os.Remove(filepath.Join(dir, "gone"))); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "below/new", "new", 0o600)
		if err := d.Remove(); err != nil {
			t.Fatal(err)
		}
		expect(t, dir, map[string]string{"kept": "before", "link": "before", "below/deep": "deep", "below/new": "new"})
		if list, err := os.ReadDir(dir); err != nil || len(list) != 3 {
			t.Errorf("there are %v (%v)", list, err)
		}
		for name, mode := range map[string]os.FileMode{"kept": 0o640, "below": 0o710} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s has mode %v, not %v (%v)", name, info.Mode(), mode, err)
			}
		}
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil || st.Bavail*uint64(st.Bsize) < 1<<20 { //nolint:gosec // positive
			t.Errorf("the small disk is still there: %+v (%v)", st, err)
		}
	})
}

// full fills the disk, up to some room and then to the last byte.
func full(t *testing.T, d *smalldisk.Disk, dir string) {
	t.Helper()
	if err := d.Fill(100 << 10); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "more")
	if err := os.WriteFile(name, make([]byte, 80<<10), 0o600); err != nil {
		t.Errorf("with 100 KB of room: %v", err)
	}
	if err := os.WriteFile(name, make([]byte, 120<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("more than there is room for: %v", err)
	}
	if err := errors.Join(os.Remove(name), d.Fill(0)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte{0}, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a byte on a full disk: %v", err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := errors.Join(os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, want := range files {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, not %q (%v)", name, text, want, err)
		}
	}
}

// TestNotApart: who shares the file systems of others mounts nothing.
func TestNotApart(t *testing.T) {
	t.Parallel()
	if os.Getenv(smalldisk.Variable) == "" && smalldisk.Possible(t.TempDir()) == nil {
		t.Error("a small disk would be seen by others")
	}
}

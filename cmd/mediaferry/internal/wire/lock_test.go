package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if who, owned, err := Holder(dir); owned || err != nil {
		t.Errorf("a new data dir is owned by %q (%v)", who, err)
	}
	o, _, err := TryLock(dir)
	if err != nil || o == nil {
		t.Fatalf("nobody has it, and it can't be taken: %v", err)
	}
	if who, owned, err := Holder(dir); !owned || err != nil || !strings.HasPrefix(who, "process ") {
		t.Errorf("owned: %v, by %q (%v)", owned, who, err)
	}
	o.Unlock()
	if who, owned, err := Holder(dir); owned || err != nil {
		t.Errorf("what was released is owned by %q (%v)", who, err)
	}
}

// Followers look every few seconds: whoever starts just then must not be told that the data dir is in use.
func TestHolderKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	looks, err := os.Create(filepath.Join(dir, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(looks.Fd()), unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*lockPause, func() { looks.Close() })
	if o, who, err := TryLock(dir); err != nil || o == nil {
		t.Errorf("it is in use by %q (%v)", who, err)
	}
}

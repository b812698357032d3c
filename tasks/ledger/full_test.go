package ledger

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// TestAFullDiskAcknowledgesNothingThatIsNotThere has a process of its own write until the kernel refuses it, go on
// when there is room again, and end without a word to SQLite. What it said is then held against what is there.
func TestAFullDiskAcknowledgesNothingThatIsNotThere(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), beFull+"="+h.url)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &complaints)
	}
	said := map[string]int{}
	refusedFirst := ""
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		said[word]++
		switch word {
		case "accepted":
			if o := h.outcome(uuid.MustParse(rest)); o.State != tasks.Queued {
				t.Errorf("%s is %s", rest, o.State)
			}
		case "refused":
			refusedFirst = rest
		case "wrong":
			t.Error(rest)
		}
	}
	if n := h.number("SELECT count(*) FROM uploads"); n != said["accepted"] {
		t.Errorf("%d uploads are there, %d were acknowledged", n, said["accepted"])
	}
	if said["refused"] < 3 || said["again"] != 1 || !strings.Contains(refusedFirst, "the disk of the ledger") {
		t.Errorf("it said %v, refused with %q", said, refusedFirst)
	}
	h.clean()
}

// runIntoFullDisk says on stdout what is acknowledged and what is refused.
func runIntoFullDisk(url string) int {
	signal.Ignore(syscall.SIGXFSZ) // the write then fails, as it does on a full disk
	ctx := context.Background()
	l, err := Open(ctx, url, Options{})
	if err != nil {
		fmt.Println("wrong", err)
		return 1
	}
	var n int
	accept := func() error {
		n++
		rs, err := l.Accept(ctx, []tasks.Upload{{Producer: "crm", ExternalID: fmt.Sprint(n), Account: "shop", Type: tasks.Image,
			Source: strings.Repeat("long/", 200)}})
		if err != nil {
			return err
		}
		fmt.Println("accepted", rs[0].ID)
		return nil
	}
	if err := accept(); err != nil {
		fmt.Println("wrong", err)
	}
	if err := limitFiles(func(r *syscall.Rlimit, size int64) { r.Cur = uint64(size) + 128<<10 }, url); err != nil {
		fmt.Println("wrong", err)
	}
	for refused := 0; refused < 5 && n < 10_000; {
		err := accept()
		if err == nil {
			continue
		}
		refused++
		if tasks.CodeOf(err) != tasks.Unavailable || tasks.AsError(err).Hint == "" {
			fmt.Println("wrong", err)
		}
		if _, err := l.Status(ctx); err != nil { // what is there can be read
			fmt.Println("wrong", err)
		}
		fmt.Println("refused", err)
	}
	if ds, err := l.Dispatch(ctx, wide); tasks.CodeOf(err) != tasks.Unavailable {
		fmt.Println("wrong: dispatched", len(ds), err)
	}
	if err := limitFiles(func(r *syscall.Rlimit, _ int64) { r.Cur = 64 << 10 }, url); err != nil {
		fmt.Println("wrong", err)
	}
	dir := filepath.Dir(strings.TrimPrefix(url, "sqlite:"))
	if err := l.Backup(ctx, filepath.Join(dir, "copy"), false); tasks.CodeOf(err) != tasks.Unavailable {
		fmt.Println("wrong: a copy that has no room", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "copy*")); err != nil || left != nil {
		fmt.Println("wrong: left behind", left, err)
	}
	if err := limitFiles(func(r *syscall.Rlimit, _ int64) { r.Cur = r.Max }, url); err != nil {
		fmt.Println("wrong", err)
	}
	for range 10 {
		if err := accept(); err != nil {
			fmt.Println("wrong: there is room again, yet", err)
		}
	}
	fmt.Println("again")
	return 0
}

// limitFiles changes how large a file of this process may become; size is that of the ledger's log.
func limitFiles(change func(r *syscall.Rlimit, size int64), url string) error {
	fi, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal")
	if err != nil {
		return err
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		return err
	}
	change(&r, fi.Size())
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &r)
}

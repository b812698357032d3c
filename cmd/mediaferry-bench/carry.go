package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// contender is one way to upload the files. prepare queues them; command does the work, and beside goes on beside it.
type contender struct {
	name    string
	prepare func(ctx context.Context, t *testbed) error
	command func(ctx context.Context, t *testbed) *exec.Cmd
	beside  func(ctx context.Context, t *testbed) (stop func())
}

//nolint:gochecknoglobals // a table that nothing changes
var contenders = []contender{
	{"loop", nil, func(ctx context.Context, t *testbed) *exec.Cmd { return t.child(ctx, "loop") }, nil},
	{"asynq", queuePlain, func(ctx context.Context, t *testbed) *exec.Cmd { return t.child(ctx, "asynq") }, nil},
	{"asynq-tuned", queuePlain, func(ctx context.Context, t *testbed) *exec.Cmd { return t.child(ctx, "asynq-tuned") }, nil},
	{"river", queueRiver, func(ctx context.Context, t *testbed) *exec.Cmd { return t.child(ctx, "river") }, nil},
	{"redis+sqlite", queueUploads, func(ctx context.Context, t *testbed) *exec.Cmd { return t.mediaferry(ctx, "worker") }, nil},
	{"redis+postgres", queueUploads, func(ctx context.Context, t *testbed) *exec.Cmd { return t.mediaferry(ctx, "worker") }, nil},
	{"embedded", queueUploads, func(ctx context.Context, t *testbed) *exec.Cmd { return t.mediaferry(ctx, "run") }, nil},
	{"before", queueUploads, func(ctx context.Context, t *testbed) *exec.Cmd { return t.mediaferry(ctx, "worker") }, nil},
}

// ours reports whether the contender is mediaferry, which keeps a ledger.
func (c contender) ours() bool {
	switch c.name {
	case "redis+sqlite", "redis+postgres", "embedded", "before", "alone", "watched":
		return true
	}
	return false
}

// equip makes a run of a contender possible: it says where its ledger is, and which binary works.
func (t *testbed) equip(c contender) (err error) {
	t.working, t.embedded, t.ledgerURL = t.binary, slices.Contains([]string{"embedded", "alone", "watched"}, c.name), "sqlite:"+filepath.Join(t.dataDir(), "ledger.db")
	if t.address, err = freeAddress(context.Background()); err != nil {
		return err
	}
	switch c.name {
	case "before":
		t.working = t.before
	case "river", "redis+postgres":
		if t.postgres == nil {
			if t.postgres, err = ledgertest.Launch("", "fsync=on", "shared_buffers=128MB"); err != nil {
				return err
			}
		}
		t.ledgerURL, err = t.postgres.Schema()
	}
	return err
}

// carrying compares how fast files are uploaded.
func carrying(o options) comparison {
	c := comparison{
		title: o.title(), unit: "files/s", count: o.files, base: "asynq",
		note: "ratio: to the plain asynq handler. CPU ms and Redis commands: for each file, without those of the servers. peak: resident memory.\n" +
			"The outcomes of mediaferry were compared with the files after each run.",
	}
	by := map[string]contender{}
	for _, w := range contenders {
		if w.name == "before" && o.before == "" {
			continue
		}
		c.contenders = append(c.contenders, w.name)
		by[w.name] = w
	}
	c.run = func(ctx context.Context, t *testbed, name string) (measurement, error) { return t.run(ctx, by[name]) }
	return c
}

// The environment variables that tell a child process of the testbed.
const (
	envSink  = "BENCH_SINK"
	envRedis = "BENCH_REDIS"
	envMedia = "BENCH_MEDIA"
	envData  = "BENCH_DATA"
	// envLedger is the URL of a database: of River.
	envLedger = "BENCH_LEDGER"
)

// child is the command of this program in another role.
func (t *testbed) child(ctx context.Context, role string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	c := exec.CommandContext(ctx, self, "-role", role, "-files", strconv.Itoa(t.files), "-concurrent", strconv.Itoa(t.concurrent),
		"-uploads", strconv.Itoa(t.uploads), "-submitters", strconv.Itoa(t.submitters))
	c.Env = append(os.Environ(), envSink+"="+t.sink, envRedis+"="+t.server.Addr(), envMedia+"="+t.media(), envData+"="+t.dataDir(), envLedger+"="+t.ledgerURL)
	return c
}

func child(ctx context.Context, o options) error {
	switch o.role {
	case "sink":
		return serveSink(ctx, o)
	case "asynq-tuned":
		return tunedAsynq(ctx, o)
	case "river":
		return serveRiver(ctx, o)
	case "loop":
		return loop(ctx, o)
	case "asynq":
		return plainAsynq(ctx, o)
	}
	if submit, ok := submitting[o.role]; ok {
		return timed(ctx, o, submit)
	}
	return fmt.Errorf("unknown role %q", o.role)
}

// queuePlain enqueues a plain asynq task for each file.
func queuePlain(ctx context.Context, t *testbed) error {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: t.server.Addr()})
	defer func() { _ = client.Close() }() // everything is written by now
	for i := range t.files {
		if _, err := client.EnqueueContext(ctx, asynq.NewTask(plainType, []byte(fileName(i)))); err != nil {
			return err
		}
	}
	return nil
}

// queueUploads submits the folder to an empty ledger.
func queueUploads(ctx context.Context, t *testbed) error {
	if err := errors.Join(os.RemoveAll(t.dataDir()), os.Mkdir(t.dataDir(), 0o700)); err != nil {
		return err
	}
	c := t.mediaferry(ctx, "upload", "--detach", "--type", "image", t.media())
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("submit: %w\n%s", err, out)
	}
	return nil
}

func (t *testbed) dataDir() string { return filepath.Join(t.dir, "data") }

// mediaferry is a command of the product, as an operator runs it.
func (t *testbed) mediaferry(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, t.working, args...)
	c.Env = []string{
		"MEDIAFERRY_LEDGER_URL=" + t.ledgerURL,
		"MEDIAFERRY_LISTEN=127.0.0.1:0",
		"MEDIAFERRY_TOKEN_KEY=" + strings.Repeat("0123456789abcdef", 4),
		"MEDIAFERRY_DATA_DIR=" + t.dataDir(),
		"MEDIAFERRY_STORAGE_ROOT=" + t.media(),
		"MEDIAFERRY_WECHAT_BASE_URL=" + t.sink,
		"MEDIAFERRY_WECHAT_APPID=" + wechattest.DefaultAppID,
		"MEDIAFERRY_WECHAT_SECRET=" + wechattest.DefaultSecret,
		"MEDIAFERRY_WORKER__CONCURRENCY=" + strconv.Itoa(t.concurrent),
		"MEDIAFERRY_LOG__LEVEL=error",
	}
	if !t.embedded {
		c.Env = append(c.Env, "MEDIAFERRY_REDIS_URL=redis://"+t.server.Addr()+"/0")
	}
	return c
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// way is one way of carrying the files. prepare queues them, command does the work.
type way struct {
	name    string
	prepare func(ctx context.Context, f *field) error
	command func(ctx context.Context, f *field) *exec.Cmd
}

//nolint:gochecknoglobals // a table that nothing changes
var ways = []way{
	{"loop", nil, func(ctx context.Context, f *field) *exec.Cmd { return f.child(ctx, "loop") }},
	{"asynq", queuePlain, func(ctx context.Context, f *field) *exec.Cmd { return f.child(ctx, "asynq") }},
	{"mediaferry", queueFerry, func(ctx context.Context, f *field) *exec.Cmd { return f.ferry(ctx, "worker") }},
}

func carrying(o options) contest {
	c := contest{
		title: fmt.Sprintf("%d files of %d KiB, %d at once", o.files, o.size>>10, o.concurrent), unit: "files/s", count: o.files, base: "asynq",
		note: "ratio: to the plain asynq handler. CPU ms and Redis commands: for each file. peak: resident memory.",
	}
	by := map[string]way{}
	for _, w := range ways {
		c.ways = append(c.ways, w.name)
		by[w.name] = w
	}
	c.round = func(ctx context.Context, f *field, name string) (measure, error) { return f.round(ctx, by[name]) }
	return c
}

// The environment by which a child learns of the field.
const (
	envSink  = "BENCH_SINK"
	envRedis = "BENCH_REDIS"
	envMedia = "BENCH_MEDIA"
	envData  = "BENCH_DATA"
)

// child is this program in another role.
func (f *field) child(ctx context.Context, role string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	c := exec.CommandContext(ctx, self, "-role", role, "-files", strconv.Itoa(f.files), "-concurrent", strconv.Itoa(f.concurrent),
		"-uploads", strconv.Itoa(f.uploads), "-submitters", strconv.Itoa(f.submitters))
	c.Env = append(os.Environ(), envSink+"="+f.sink, envRedis+"="+f.redisAddr, envMedia+"="+f.media(), envData+"="+f.dataDir())
	return c
}

func child(ctx context.Context, o options) error {
	switch o.role {
	case "sink":
		return serveSink(ctx)
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

// queuePlain puts a task for each file into Redis.
func queuePlain(ctx context.Context, f *field) error {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: f.redisAddr})
	defer func() { _ = client.Close() }() // all was written by then
	for i := range f.files {
		if _, err := client.EnqueueContext(ctx, asynq.NewTask(plainType, []byte(fileName(i)))); err != nil {
			return err
		}
	}
	return nil
}

// queueFerry submits the folder to an empty ledger.
func queueFerry(ctx context.Context, f *field) error {
	if err := os.RemoveAll(f.dataDir()); err != nil {
		return err
	}
	c := f.ferry(ctx, "upload", "--detach", "--type", "image", f.media())
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("submit: %w\n%s", err, out)
	}
	return nil
}

func (f *field) dataDir() string { return filepath.Join(f.dir, "data") }

// ferry is the product, as an operator would run it with Redis and SQLite.
func (f *field) ferry(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, f.binary, args...)
	c.Env = []string{
		"MEDIAFERRY_REDIS_URL=redis://" + f.redisAddr + "/0",
		"MEDIAFERRY_DATA_DIR=" + f.dataDir(),
		"MEDIAFERRY_STORAGE_ROOT=" + f.media(),
		"MEDIAFERRY_WECHAT_BASE_URL=" + f.sink,
		"MEDIAFERRY_WECHAT_APPID=" + wechattest.DefaultAppID,
		"MEDIAFERRY_WECHAT_SECRET=" + wechattest.DefaultSecret,
		"MEDIAFERRY_WORKER__CONCURRENCY=" + strconv.Itoa(f.concurrent),
		"MEDIAFERRY_LOG__LEVEL=error",
	}
	return c
}

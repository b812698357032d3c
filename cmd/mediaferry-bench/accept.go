package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// accepting compares how fast one process accepts uploads.
func accepting(o options) comparison {
	return comparison{
		title: fmt.Sprintf("%d uploads accepted from one process, by %d goroutines or as one batch", o.uploads, o.submitters),
		unit:  "uploads/s", count: o.uploads, base: "Enqueue", contenders: []string{"Enqueue", "Submit", "SubmitBatch"},
		run: func(ctx context.Context, t *testbed, contender string) (measurement, error) {
			return t.accept(ctx, contender)
		},
		note: "ratio: to asynq's client, whose Redis keeps nothing on disk; the others commit to SQLite with synchronous=FULL. CPU ms and Redis\n" +
			"commands: for each upload. peak: resident memory.",
	}
}

// accept runs one contender of accepting once, on an empty Redis and an empty data dir.
func (t *testbed) accept(ctx context.Context, contender string) (measurement, error) {
	err := errors.Join(t.redis.FlushAll(ctx).Err(), t.redis.ConfigResetStat(ctx).Err(), os.RemoveAll(t.dataDir()), os.Mkdir(t.dataDir(), 0o700))
	if err != nil {
		return measurement{}, err
	}
	c := t.child(ctx, contender)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return measurement{}, err
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(out)))
	if err != nil {
		return measurement{}, err
	}
	m := measurement{rate: float64(t.uploads) / took.Seconds(), commands: t.commands(ctx)}
	m.used(c.ProcessState)
	return m, nil
}

// submitting maps contenders to how they submit. The function that each returns is timed; what it does before is not.
//
//nolint:gochecknoglobals // a table that nothing changes
var submitting = map[string]func(ctx context.Context, o options) (submit func() error, err error){
	"Enqueue":     enqueuePlain,
	"Submit":      submitEach,
	"SubmitBatch": submitBatch,
}

// timed prints how long the submitting took.
func timed(ctx context.Context, o options, prepare func(context.Context, options) (func() error, error)) error {
	submit, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := submit(); err != nil {
		return err
	}
	fmt.Println(time.Since(started))
	return nil
}

func enqueuePlain(ctx context.Context, o options) (func() error, error) {
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: os.Getenv(envRedis), PoolSize: o.submitters})
	return func() error {
		return each(o.uploads, o.submitters, func(i int) error {
			_, err := client.EnqueueContext(ctx, asynq.NewTask(plainType, []byte(fileName(i))))
			return err
		})
	}, client.Ping()
}

func submitEach(ctx context.Context, o options) (func() error, error) {
	p, err := newProducer(ctx)
	return func() error {
		return each(o.uploads, o.submitters, func(i int) error {
			r, err := p.Submit(ctx, request(i))
			if err == nil && !r.Created {
				err = fmt.Errorf("upload %d is not new", i)
			}
			return err
		})
	}, err
}

func submitBatch(ctx context.Context, o options) (func() error, error) {
	p, err := newProducer(ctx)
	return func() error {
		r, err := p.SubmitBatch(ctx, tasks.Batch{ExternalID: "bench"}, requests(o.uploads))
		if err == nil && r.Accepted != o.uploads {
			err = fmt.Errorf("%d of %d were accepted", r.Accepted, o.uploads)
		}
		return err
	}, err
}

func requests(n int) iter.Seq[tasks.Upload] {
	return func(yield func(tasks.Upload) bool) {
		for i := 0; i < n && yield(request(i)); i++ {
		}
	}
}

// newProducer opens an empty ledger with default settings. It stays open until the process ends.
func newProducer(ctx context.Context) (*enqueue.Producer, error) {
	l, err := ledger.Open(ctx, "sqlite:"+filepath.Join(os.Getenv(envData), "ledger.db"), ledger.Options{})
	return &enqueue.Producer{Ledger: l, Name: "shop"}, err
}

func request(i int) tasks.Upload {
	n := strconv.Itoa(i)
	return tasks.Upload{ExternalID: "order-" + n, Type: tasks.Image, Source: "2026/11/22/" + n + ".jpg", CallbackURL: "https://shop.example/hook"}
}

//go:build full

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// fileJob is one file for River to post.
type fileJob struct {
	Name string `json:"name"`
}

// Kind implements river.JobArgs.
func (fileJob) Kind() string { return plainType }

type riverWorker struct {
	river.WorkerDefaults[fileJob]
	post func(context.Context, string) error
}

// Work implements river.Worker.
func (w *riverWorker) Work(ctx context.Context, j *river.Job[fileJob]) error {
	return w.post(ctx, j.Args.Name)
}

// NextRetry implements river.Worker.
func (*riverWorker) NextRetry(*river.Job[fileJob]) time.Time { return time.Now().Add(time.Second) }

// queueRiver inserts a job for each file, in one go.
func queueRiver(ctx context.Context, t *testbed) error {
	pool, err := pgxpool.New(ctx, t.ledgerURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	driver := riverpgxv5.New(pool)
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	c, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	jobs := make([]river.InsertManyParams, t.files)
	for i := range jobs {
		jobs[i].Args = fileJob{fileName(i)}
	}
	_, err = c.InsertManyFast(ctx, jobs)
	return err
}

// serveRiver posts the files of all jobs until ctx ends. It fetches as often as River's own benchmark.
func serveRiver(ctx context.Context, o options) error {
	pool, err := pgxpool.New(ctx, os.Getenv(envLedger))
	if err != nil {
		return err
	}
	defer pool.Close()
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{post: newPoster(o.concurrent).post})
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 20 * time.Millisecond, Workers: workers,
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.concurrent}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	<-c.Stopped()
	return nil
}

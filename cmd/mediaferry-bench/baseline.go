package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

const plainType = "upload"

// poster uploads as people write it today: read the file, build the form, post it, check the errcode.
type poster struct {
	client *http.Client
	url    string
	media  string
}

func newPoster(concurrent int) *poster {
	return &poster{
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: concurrent}},
		url:    os.Getenv(envSink) + "/cgi-bin/media/upload?type=image&access_token=" + sinkToken,
		media:  os.Getenv(envMedia),
	}
}

func (p *poster) post(ctx context.Context, name string) error {
	content, err := os.ReadFile(filepath.Join(p.media, name))
	if err != nil {
		return err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("media", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	return judge(resp)
}

// busyError is what WeChat answers when it asks to come again.
type busyError struct{}

func (busyError) Error() string { return "errcode -1" }

func judge(resp *http.Response) error {
	defer resp.Body.Close()
	var answer struct {
		MediaID string `json:"media_id"`
		Errcode int    `json:"errcode"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Errcode == -1 {
		return busyError{}
	}
	if answer.Errcode != 0 || answer.MediaID == "" {
		return fmt.Errorf("errcode %d", answer.Errcode)
	}
	return nil
}

// loop posts all files, from as many goroutines as there are uploads at once. One that meets a busy WeChat is posted again.
func loop(ctx context.Context, o options) error {
	p := newPoster(o.concurrent)
	return each(o.files, o.concurrent, func(i int) error {
		err := p.post(ctx, fileName(i))
		for errors.Is(err, busyError{}) {
			err = p.post(ctx, fileName(i))
		}
		return err
	})
}

// each calls do(0) … do(n-1) from several goroutines. It stops at the first error and returns it.
func each(n, goroutines int, do func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// plainAsynq posts the files of all tasks until ctx ends.
func plainAsynq(ctx context.Context, o options) error {
	return serveAsynq(ctx, asynq.NewServer(asynq.RedisClientOpt{Addr: os.Getenv(envRedis)}, asynqConfig(o)), newPoster(o.concurrent).post)
}

func asynqConfig(o options) asynq.Config {
	return asynq.Config{
		Concurrency: o.concurrent, TaskCheckInterval: 20 * time.Millisecond, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Second }, // its own is long for a benchmark
	}
}

func serveAsynq(ctx context.Context, server *asynq.Server, post func(context.Context, string) error) error {
	mux := asynq.NewServeMux()
	mux.HandleFunc(plainType, func(ctx context.Context, t *asynq.Task) error { return post(ctx, string(t.Payload())) })
	if err := server.Start(mux); err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

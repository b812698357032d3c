package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// poster is what people write today: read the file, build the form, post it, look for an errcode.
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
	defer resp.Body.Close()
	var answer struct {
		MediaID string `json:"media_id"`
		Errcode int    `json:"errcode"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Errcode != 0 || answer.MediaID == "" {
		return fmt.Errorf("errcode %d", answer.Errcode)
	}
	return nil
}

// loop posts all files from so many goroutines.
func loop(ctx context.Context, o options) error {
	p := newPoster(o.concurrent)
	return each(o.files, o.concurrent, func(i int) error { return p.post(ctx, fileName(i)) })
}

// each calls do(0) … do(n-1) from so many goroutines, and stops at the first failure.
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

// plainAsynq works off the queue until it is told to stop.
func plainAsynq(ctx context.Context, o options) error {
	p := newPoster(o.concurrent)
	server := asynq.NewServer(asynq.RedisClientOpt{Addr: os.Getenv(envRedis)}, asynq.Config{
		Concurrency: o.concurrent, TaskCheckInterval: 20 * time.Millisecond, LogLevel: asynq.WarnLevel,
	})
	mux := asynq.NewServeMux()
	mux.HandleFunc(plainType, func(ctx context.Context, t *asynq.Task) error { return p.post(ctx, string(t.Payload())) })
	if err := server.Start(mux); err != nil {
		return err
	}
	<-ctx.Done()
	server.Shutdown()
	return nil
}

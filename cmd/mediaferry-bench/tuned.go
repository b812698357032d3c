package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue"
)

// tunedPoster posts with all that made mediaferry fast and is not its design: pooled memory, a form in one piece that
// net/http knows to be in memory, a write buffer that holds it, and a collector that seldom runs.
type tunedPoster struct {
	*poster
	memory sync.Pool
}

func newTunedPoster(concurrent int) *tunedPoster {
	debug.SetGCPercent(400)
	p := &tunedPoster{poster: newPoster(concurrent)}
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: concurrent, WriteBufferSize: 80 << 10, DisableCompression: true}
	return p
}

const tunedBoundary = "mediaferryBenchBoundary4f1b6c2a9d"

func (p *tunedPoster) post(ctx context.Context, name string) error {
	memory, ok := p.memory.Get().(*[]byte)
	if !ok {
		memory = new([]byte)
	}
	form, err := p.form((*memory)[:0], name)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(form))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary="+tunedBoundary)
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	err = judge(resp)
	*memory = form
	p.memory.Put(memory) // the sink reads every request whole before it answers
	return err
}

// form puts the form of a file into b, which grows if it must.
func (p *tunedPoster) form(b []byte, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(p.media, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b = fmt.Appendf(b, "--%s\r\nContent-Disposition: form-data; name=\"media\"; filename=%q\r\nContent-Type: image/jpeg\r\n\r\n", tunedBoundary, name)
	head, size := len(b), int(info.Size())
	if need := head + size + 100; cap(b) < need {
		b = append(make([]byte, 0, need), b...)
	}
	if _, err := io.ReadFull(f, b[head:head+size]); err != nil {
		return nil, err
	}
	return fmt.Appendf(b[:head+size], "\r\n--%s--\r\n", tunedBoundary), nil
}

// tunedAsynq is plainAsynq with every trick.
func tunedAsynq(ctx context.Context, o options) error {
	c := redis.NewClient(&redis.Options{Addr: os.Getenv(envRedis), PoolSize: o.concurrent})
	err := serveAsynq(ctx, asynq.NewServerFromRedisClient(enqueue.Pipelined(c), asynqConfig(o)), newTunedPoster(o.concurrent).post)
	return errors.Join(err, c.Close())
}

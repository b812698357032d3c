package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// watchers is how many people have a page of the console open.
const watchers = 20

// watched are the pages that they have open, in turns.
var watched = []string{"/", "/uploads", "/batches", "/accounts"} //nolint:gochecknoglobals // a table that nothing changes

// watching compares how fast files are uploaded while nobody looks, and while twenty browsers follow pages of the console.
func watching(o options) comparison {
	by := map[string]contender{
		"alone":   {"alone", queueUploads, listening, nil},
		"watched": {"watched", queueUploads, listening, watch},
	}
	return comparison{
		title: fmt.Sprintf("%s; %d browsers follow the console, or none", o.title(), watchers), unit: "files/s", count: o.files, base: "alone",
		contenders: []string{"alone", "watched"},
		run:        func(ctx context.Context, t *testbed, name string) (measurement, error) { return t.run(ctx, by[name]) },
		note:       "ratio: to the same without anybody who looks. The product is one process, with its console.",
	}
}

// listening is the product in one process, where the watchers find it.
func listening(ctx context.Context, t *testbed) *exec.Cmd {
	c := t.mediaferry(ctx, "run")
	c.Env = append(c.Env, "MEDIAFERRY_LISTEN="+t.address)
	return c
}

// freeAddress finds a port that is free just now.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// watch lets the watchers follow pages until stop is called, which prints how many pages they were shown.
func watch(ctx context.Context, t *testbed) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var shown atomic.Int64
	var all sync.WaitGroup
	for i := range watchers {
		all.Go(func() {
			w := watcher{base: "http://" + t.address, keyFile: filepath.Join(t.dataDir(), "api.key"), path: watched[i%len(watched)], shown: &shown}
			for ctx.Err() == nil {
				_ = w.follow(ctx) // the server may not be there yet
				pause(ctx)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
		fmt.Fprintf(os.Stderr, "%d pages were shown meanwhile\n", shown.Load())
	}
}

// watcher is a browser with one page open.
type watcher struct {
	base, keyFile, path string
	client              *http.Client
	shown               *atomic.Int64
}

// follow signs in, and shows the page anew whenever the stream tells to, as the console's script does.
func (w *watcher) follow(ctx context.Context) error {
	if w.client == nil {
		if err := w.signIn(ctx); err != nil {
			return err
		}
	}
	res, err := w.get(ctx, "/live")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "data:") {
			continue
		}
		page, err := w.get(ctx, w.path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, page.Body)
		if page.Body.Close(); err == nil && page.StatusCode == http.StatusOK {
			w.shown.Add(1)
		}
	}
	return io.ErrUnexpectedEOF
}

func (w *watcher) signIn(ctx context.Context) error {
	key, err := os.ReadFile(w.keyFile)
	if err != nil {
		return err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"key": {strings.TrimSpace(string(key))}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return errors.New("the console does not let in: " + res.Status)
	}
	w.client = client
	return nil
}

func (w *watcher) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+path, nil)
	if err != nil {
		return nil, err
	}
	return w.client.Do(req)
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

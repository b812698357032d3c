package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// What is asked for live media over HTTP: so many files, so often each, by so many callers at once.
const (
	liveFiles   = 200
	liveAsks    = 50
	liveCallers = 4
)

// waits are how long callers waited for their answers, the shortest first.
type waits []time.Duration

func (w waits) of(share float64) time.Duration { return w[int(share*float64(len(w)-1))] }

// askLive measures how long POST /v1/media takes for files whose media are known: the product runs alone, in one process with
// SQLite, and asks WeChat for nothing.
func (t *testbed) askLive(ctx context.Context) (waits, error) {
	files := min(t.files, liveFiles)
	if err := errors.Join(t.resetSink(ctx), t.equip(contender{name: "embedded"}), queueUploads(ctx, t)); err != nil {
		return nil, err
	}
	c := t.mediaferry(ctx, "run")
	c.Env = append(c.Env, "MEDIAFERRY_LOG__LEVEL=info")
	log, err := c.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := t.start(c); err != nil {
		return nil, err
	}
	url, err := addressIn(log)
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(t.dataDir(), "api.key"))
	if err != nil {
		return nil, err
	}
	ask := func(i int) error {
		body := fmt.Sprintf(`{"type":"image","source":%q}`, fileName(i%files))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/media", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"media_id"`)) {
			err = fmt.Errorf("%s: %s", res.Status, answer)
		}
		return err
	}
	if err := poll(ctx, 5*time.Minute, func() bool { return t.askSink(ctx).Count >= t.contents() }); err != nil {
		return nil, fmt.Errorf("upload the files first: %w", err)
	}
	if err := each(files, liveCallers, ask); err != nil { // each is asked for once before, under a name of its own
		return nil, err
	}
	calls := t.askSink(ctx).Count
	took := make(waits, files*liveAsks)
	err = each(len(took), liveCallers, func(i int) error {
		started := time.Now()
		err := ask(i)
		took[i] = time.Since(started)
		return err
	})
	if n := t.askSink(ctx).Count - calls; err == nil && n != 0 {
		err = fmt.Errorf("%d calls of WeChat were made for what was known", n)
	}
	slices.Sort(took)
	return took, err
}

var listeningAt = regexp.MustCompile(`listening.*?([0-9.]+:[0-9]+)`)

// addressIn waits for the line that says where a process listens, and then reads on, so that it never waits for its log.
func addressIn(log io.Reader) (url string, err error) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if found := listeningAt.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }() // it ends with the process
			return "http://" + found[1], nil
		}
	}
	return "", errors.Join(errors.New("it ended without listening"), lines.Err())
}

// reportLive prints the waits.
func reportLive(w waits) {
	fmt.Printf("live media over HTTP: %d requests of %d at once, %d CPUs\n\n%8s  %8s  %8s\n%8s  %8s  %8s\n\n", len(w), liveCallers, runtime.NumCPU(),
		"p50", "p99", "longest", w.of(0.5).Round(10*time.Microsecond), w.of(0.99).Round(10*time.Microsecond), w.of(1).Round(10*time.Microsecond))
	fmt.Print("Each answer comes from the record after one stat of its file.\n\n")
}

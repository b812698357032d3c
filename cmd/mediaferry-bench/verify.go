package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// verify waits until the ledger has an outcome for every file, and checks each: it succeeded, its content is the file's, and
// each content was sent once. It returns when the last outcome was recorded, by the clock of this machine.
func (t *testbed) verify(ctx context.Context) (last time.Time, err error) {
	l, err := ledger.Open(ctx, t.ledgerURL, ledger.Options{})
	if err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	err = poll(ctx, 5*time.Minute, func() bool {
		s, err := l.Status(ctx)
		return err == nil && s.Conservation.Open == 0
	})
	if err != nil {
		return last, fmt.Errorf("wait for all outcomes: %w", err)
	}
	media := map[string]string{} // by content
	seen := 0
	for f := (tasks.Filter{Limit: 1000}); ; {
		page, next, err := l.List(ctx, f)
		if err != nil {
			return last, err
		}
		for _, o := range page {
			seen++
			if o.State != tasks.Succeeded || o.MediaID == "" || o.SHA256 != t.sums[o.Filename] {
				return last, fmt.Errorf("%s is %s with media %q of %q: %s", o.Source, o.State, o.MediaID, o.SHA256, o.Reason)
			}
			if id := media[o.SHA256]; id != "" && id != o.MediaID {
				return last, fmt.Errorf("%s was sent twice: %s and %s", o.Source, id, o.MediaID)
			}
			media[o.SHA256] = o.MediaID
			if o.Finished.After(last) {
				last = o.Finished
			}
		}
		if f.Cursor = next; next == "" {
			break
		}
	}
	if seen != t.files {
		return last, fmt.Errorf("the ledger has %d of %d files", seen, t.files)
	}
	if s := t.askSink(ctx); s.Count != len(media) || len(media) != t.contents() {
		return last, fmt.Errorf("%d contents were sent by %d calls, and %d are recorded", t.contents(), s.Count, len(media))
	}
	return last, nil
}

// contents is how many different files there are.
func (t *testbed) contents() int { return (t.files + t.each() - 1) / t.each() }

// each is how many files have one content.
func (t *testbed) each() int {
	if t.repeated == 0 {
		return 1
	}
	return max(1, int(1/(1-t.repeated)+0.5))
}

// content is what a file holds.
func (t *testbed) content(i int) []byte { return mediatest.Distinct(i/t.each(), tasks.Image, t.size) }

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress tells people how far a batch is: a bar on a terminal, a line every few seconds elsewhere.
type progress interface {
	update(done, total int, note string)
	// say tells people something that they should know, silent or not.
	say(line string)
	close()
}

func newProgress(w io.Writer, silent bool) progress {
	switch {
	case silent:
		return noProgress{w}
	case isTerminal(w):
		return newBar(w)
	default:
		return &lines{w: w, every: lineInterval}
	}
}

// noProgress tells nothing but what must be said, and not even that where w is nil.
type noProgress struct{ w io.Writer }

func (noProgress) update(int, int, string) {}
func (noProgress) close()                  {}

func (p noProgress) say(line string) {
	if p.w != nil {
		fmt.Fprintln(p.w, line)
	}
}

type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
	note      string
}

func newBar(w io.Writer) *bar {
	b := &bar{container: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))}
	b.bar = b.container.AddBar(0,
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.note })))
	return b
}

func (b *bar) update(done, total int, note string) {
	b.note = note
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

// say writes above the bar.
func (b *bar) say(line string) { _, _ = b.container.Write([]byte(line + "\n")) }

// close ends the bar wherever it is: waiting for an unfinished one would never end.
func (b *bar) close() {
	b.bar.Abort(false)
	b.container.Wait()
}

// lineInterval keeps the log of a cron job short.
const lineInterval = 5 * time.Second

type lines struct {
	w     io.Writer
	every time.Duration
	last  time.Time
}

func (l *lines) update(done, total int, note string) {
	if now := time.Now(); now.Sub(l.last) >= l.every {
		l.last = now
		fmt.Fprintf(l.w, "%d of %d done%s\n", done, total, dash(note))
	}
}

func (l *lines) say(line string) { fmt.Fprintln(l.w, line) }

func (l *lines) close() {}

func dash(note string) string {
	if note == "" {
		return ""
	}
	return ", " + note
}

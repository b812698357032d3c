package output

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
)

// Progress tells people how far a batch is: a bar on a terminal, a line every few seconds elsewhere.
type Progress interface {
	Update(done, total int, note string)
	// Say tells people something that they should know, even where progress is silent.
	Say(line string)
	// Close ends the progress. Nothing may be called after it.
	Close()
}

// NewProgress tells progress on w, in the language of say. A silent one says only what Say is given.
func NewProgress(say *words.Words, w io.Writer, silent bool) Progress {
	switch {
	case silent:
		return silence{w}
	case IsTerminal(w):
		return newBar(say, w)
	default:
		return &lines{say: say, w: w, every: lineInterval}
	}
}

// silence tells only what must be said.
type silence struct{ w io.Writer }

func (silence) Update(int, int, string) {}
func (silence) Close()                  {}
func (s silence) Say(line string)       { fmt.Fprintln(s.w, line) }

type bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
	note      string
}

func newBar(say *words.Words, w io.Writer) *bar {
	if screen, ok := raw(w).(io.Writer); ok { // the bar moves the cursor
		w = screen
	}
	b := &bar{container: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))}
	b.bar = b.container.AddBar(0,
		mpb.PrependDecorators(decor.CountersNoUnit(say.T("progress.counters"))),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.note })))
	return b
}

func (b *bar) Update(done, total int, note string) {
	b.note = Visible(note)
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

// Say writes above the bar.
func (b *bar) Say(line string) { _, _ = b.container.Write([]byte(clean(line, "\n\t") + "\n")) }

// Close ends the bar wherever it is: waiting for an unfinished one would never end.
func (b *bar) Close() {
	b.bar.Abort(false)
	b.container.Wait()
}

// lineInterval keeps the log of a cron job short.
const lineInterval = 5 * time.Second

type lines struct {
	say   *words.Words
	w     io.Writer
	every time.Duration
	last  time.Time
}

func (l *lines) Update(done, total int, note string) {
	if now := time.Now(); now.Sub(l.last) >= l.every {
		l.last = now
		line := l.say.T("progress.line", "Done", done, "Total", total)
		if note != "" {
			line = l.say.T("progress.line_note", "Done", done, "Total", total, "Note", note)
		}
		fmt.Fprintln(l.w, line)
	}
}

func (l *lines) Say(line string) { fmt.Fprintln(l.w, line) }

func (l *lines) Close() {}

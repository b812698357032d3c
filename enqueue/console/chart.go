package console

import (
	"fmt"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// chart is outcomes over time, stacked. It is drawn here, so that it needs no script, and has a table for who can't see it.
type chart struct {
	Span    string
	Spans   []chartSpan
	Width   int
	Height  int
	Columns []column
	Most    int // what the full height means
	Half    int
	From    time.Time
	Middle  time.Time
	Sum     tasks.Point
}

// chartSpan is a stretch of time that can be chosen.
type chartSpan struct {
	Name string
	URL  string
	On   bool
}

// column is one step of a chart.
type column struct {
	tasks.Point
	URL   string
	X     int
	W     int
	Parts []part
	Until time.Time
	Fresh int // succeeded with a call
}

// part is the outcomes of one kind in a column.
type part struct {
	Kind string
	Y, H float64
}

// spans are the stretches of time that are offered.
var spans = []struct { //nolint:gochecknoglobals // a table
	name string
	d    time.Duration
	step time.Duration
}{
	{"1h", time.Hour, time.Minute},
	{"24h", 24 * time.Hour, 15 * time.Minute},
	{"7d", 7 * 24 * time.Hour, 2 * time.Hour},
}

// spanOf returns the stretch of time that the reader has chosen.
func spanOf(name string) (string, time.Duration, time.Duration) {
	for _, s := range spans {
		if s.name == name {
			return s.name, s.d, s.step
		}
	}
	return spans[0].name, spans[0].d, spans[0].step
}

// spanLinks are the stretches to choose from, on a page.
func spanLinks(path, chosen string) []chartSpan {
	var out []chartSpan
	for _, s := range spans {
		out = append(out, chartSpan{s.name, path + "?span=" + s.name, s.name == chosen})
	}
	return out
}

const (
	chartHeight = 120
	columnWidth = 10
)

// draw makes the chart of a series.
func draw(s tasks.Series, span string) chart {
	ch := chart{Span: span, Spans: spanLinks("/", span), Width: columnWidth * len(s.Points), Height: chartHeight, Most: 1, From: s.Since}
	for _, p := range s.Points {
		ch.Most = max(ch.Most, p.Succeeded+p.Failed+p.Canceled)
	}
	ch.Most = ceiling(ch.Most)
	ch.Half = ch.Most / 2
	if n := len(s.Points); n > 0 {
		ch.Middle = s.Points[n/2].At
	}
	for i, p := range s.Points {
		ch.Sum.Accepted += p.Accepted
		ch.Sum.Succeeded += p.Succeeded
		ch.Sum.Reused += p.Reused
		ch.Sum.Failed += p.Failed
		ch.Sum.Canceled += p.Canceled
		ch.Columns = append(ch.Columns, columnOf(p, s.Step, i, ch.Most))
	}
	return ch
}

func columnOf(p tasks.Point, step time.Duration, i, most int) column {
	c := column{Point: p, X: i * columnWidth, W: columnWidth, Until: p.At.Add(step), Fresh: p.Succeeded - p.Reused}
	c.URL = "/uploads?q=" + url.QueryEscape(fmt.Sprintf("since:%s until:%s", p.At.UTC().Format(time.RFC3339), c.Until.UTC().Format(time.RFC3339)))
	y := float64(chartHeight)
	for _, k := range []struct {
		kind string
		n    int
	}{{"succeeded", c.Fresh}, {"reused", p.Reused}, {"failed", p.Failed}, {"canceled", p.Canceled}} {
		if k.n == 0 {
			continue
		}
		h := max(1.5, float64(k.n)*chartHeight/float64(most)) // one of a million is seen, too
		h = min(h, y)
		y -= h
		c.Parts = append(c.Parts, part{k.kind, y, h})
	}
	return c
}

// ceiling rounds up to a number whose half is whole, and round too.
func ceiling(n int) int {
	for p := 1; ; p *= 10 {
		for _, m := range []int{2, 4, 6, 10} {
			if n <= m*p {
				return m * p
			}
		}
	}
}

package view

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// maxPoints is the largest number of steps of a series.
const maxPoints = 2000

// Series counts what happened, in steps of whole minutes. It begins with the minute of f.Since. If that is over two weeks
// ago, it begins with its hour, and the steps are whole hours. A step of 0 gives some hundred points. Series returns
// Invalid for a step that is too short, or for more than 2,000 points.
func (v *View) Series(ctx context.Context, f tasks.CountFilter, step time.Duration) (tasks.Series, error) {
	var s tasks.Series
	err := v.lists.Snapshot(ctx, "count over time", func(t *db.Tx) error {
		w, err := windowOf(f, step, t.Now)
		if err != nil {
			return err
		}
		s = w.empty()
		c := countConditions(f, w.since, w.until)
		return t.Each("SELECT (at - ?) / ? AS point, what, sum(n) FROM counts WHERE "+c.Where()+" GROUP BY point, what",
			append(db.Args{w.since, w.step}, c.Args...), func(r db.Scanner) error {
				var at, n int
				var what schema.Happening
				err := r.Scan(&at, &what, &n)
				happened(&s.Points[at], what, n)
				return err
			})
	})
	return s, err
}

func happened(p *tasks.Point, what schema.Happening, n int) {
	switch what {
	case schema.HappenedAccept:
		p.Accepted += n
	case schema.HappenedSuccess:
		p.Succeeded += n
	case schema.HappenedReuse:
		p.Succeeded += n
		p.Reused += n
	case schema.HappenedFailure:
		p.Failed += n
	case schema.HappenedCancel:
		p.Canceled += n
	}
}

// window is the stretch of time that is counted, in microseconds.
type window struct{ since, until, step int64 }

// niceSteps are those that are chosen from for people.
var niceSteps = [...]time.Duration{ //nolint:gochecknoglobals // a table
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// badStep says which steps there are, by the shortest.
func badStep(least time.Duration) error {
	if least == time.Minute {
		return badSeries("the step is not a number of whole minutes")
	}
	return badSeries("the step is not a number of whole hours, as it must be for what is over two weeks ago")
}

func windowOf(f tasks.CountFilter, step time.Duration, now int64) (window, error) {
	w := stretchOf(f, now)
	if w.until <= w.since {
		return w, badSeries("until is not after since")
	}
	least := time.Minute
	if w.since < schema.OldestMinute(now) {
		least = time.Hour
	}
	if step == 0 {
		step = niceSteps[len(niceSteps)-1]
		for _, nice := range niceSteps {
			if nice >= least && w.until-w.since <= 120*nice.Microseconds() {
				step = nice
				break
			}
		}
	}
	if step < least || step%least != 0 {
		return w, badStep(least)
	}
	w.step = step.Microseconds()
	if w.points() > maxPoints {
		return w, badSeries("these are over %d points: take a longer step", maxPoints)
	}
	return w, nil
}

// stretchOf is the time that a filter chooses, from the beginning of a minute or hour.
func stretchOf(f tasks.CountFilter, now int64) window {
	w := window{until: schema.SpanOf(now, now) + schema.Minute}
	if !f.Until.IsZero() {
		w.until = db.Micros(f.Until)
	}
	w.since = w.until - time.Hour.Microseconds()
	if !f.Since.IsZero() {
		w.since = db.Micros(f.Since)
	}
	w.since = schema.SpanOf(w.since, now)
	return w
}

func badSeries(format string, args ...any) error {
	return &tasks.Error{Code: tasks.Invalid, Op: "count over time", Err: tasks.Textf(format, args...)}
}

func (w window) points() int64 { return (w.until - w.since + w.step - 1) / w.step }

func (w window) empty() tasks.Series {
	s := tasks.Series{Since: db.Time(w.since), Step: time.Duration(w.step) * time.Microsecond, Points: make([]tasks.Point, w.points())}
	for i := range s.Points {
		s.Points[i].At = db.Time(w.since + int64(i)*w.step)
	}
	return s
}

// countConditions choose rows of counts.
func countConditions(f tasks.CountFilter, since, until int64) *db.Conditions {
	c := new(db.Conditions)
	c.Add("at >= ? AND at < ?", since, until)
	c.Equal("account = ?", f.Account)
	c.Equal("type = ?", string(f.Type))
	c.Equal("code = ?", string(f.Code))
	if f.Errcode != 0 {
		c.Add("errcode = ?", f.Errcode)
	}
	return c
}

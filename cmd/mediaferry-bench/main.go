// Command mediaferry-bench compares mediaferry with other ways of doing the same, and prints how fast each was.
//
// First it measures how fast one process accepts uploads:
//
//	Enqueue      asynq's client, from many goroutines, into a Redis that keeps nothing on disk
//	Submit       enqueue.Producer.Submit, from as many goroutines; each upload is on disk when it returns
//	SubmitBatch  the same uploads as one streamed batch
//
// Then it measures how fast files are uploaded. All contenders send to one sink, a process of its own that drops what it
// gets:
//
//	loop        goroutines with one http.Client: what a script does
//	asynq       a plain asynq handler that reads a file and posts it, and keeps no record
//	mediaferry  the product on Redis and SQLite, with validation, hashing, the ledger and its outcomes
//
// The contenders take turns, so that a machine whose speed changes favours none of them. Quote the ratio of the medians,
// not the rates.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mediaferry-bench:", err)
		stop()
		os.Exit(1)
	}
}

// options is one command line.
type options struct {
	files, size, concurrent, rounds int
	uploads, submitters             int // of the comparison of accepting
	only                            string
	role                            string // of a child process
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("mediaferry-bench", flag.ContinueOnError)
	flags.IntVar(&o.files, "files", 4000, "files in a round")
	flags.IntVar(&o.size, "size", 64<<10, "bytes of a file")
	flags.IntVar(&o.concurrent, "concurrent", 64, "uploads at once")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each contender")
	flags.IntVar(&o.uploads, "uploads", 100_000, "uploads to accept in a round; 0: skip this comparison")
	flags.IntVar(&o.submitters, "submitters", 256, "goroutines that submit one upload after the other")
	flags.StringVar(&o.only, "only", "", "run only this contender")
	flags.StringVar(&o.role, "role", "", "internal: the role of a child process")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.role != "" {
		return child(ctx, o)
	}
	t, err := newTestbed(ctx, o)
	if err != nil {
		return err
	}
	defer t.close()
	for _, c := range []comparison{accepting(o), carrying(o)} {
		if err := t.compare(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// comparison is a list of contenders that do the same work.
type comparison struct {
	title      string // the work of one round
	unit       string // of the rate
	count      int    // of the work of one round
	base       string // the contender that ratios refer to
	contenders []string
	round      func(ctx context.Context, t *testbed, contender string) (measurement, error)
	note       string
}

// compare runs the rounds of all contenders in turns, and prints the medians and their ratios to the base.
func (t *testbed) compare(ctx context.Context, c comparison) error {
	results := map[string][]measurement{}
	for round := range t.rounds {
		for _, contender := range c.contenders {
			if c.count == 0 || t.only != "" && t.only != contender {
				continue
			}
			m, err := c.round(ctx, t, contender)
			if err != nil {
				return fmt.Errorf("%s: %w", contender, err)
			}
			results[contender] = append(results[contender], m)
			fmt.Fprintf(os.Stderr, "round %d: %-11s %6.0f %s\n", round+1, contender, m.rate, c.unit)
		}
	}
	if len(results) > 0 {
		c.report(t.rounds, results)
	}
	return nil
}

func (c comparison) report(rounds int, results map[string][]measurement) {
	fmt.Printf("%s, %d rounds, %d CPUs; medians\n\n", c.title, rounds, runtime.NumCPU())
	fmt.Printf("%-11s  %9s  %8s  %9s  %10s  %8s\n", "contender", c.unit, "ratio", "CPU ms", "Redis cmds", "peak MiB")
	base := median(results[c.base], func(m measurement) float64 { return m.rate })
	for _, contender := range c.contenders {
		rs := results[contender]
		if len(rs) == 0 {
			continue
		}
		rate := median(rs, func(m measurement) float64 { return m.rate })
		ratio := "-" // the base did not run
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", rate/base)
		}
		fmt.Printf("%-11s  %9.0f  %8s  %9.3f  %10.1f  %8.0f\n", contender, rate, ratio,
			median(rs, func(m measurement) float64 { return m.cpu.Seconds() * 1000 / float64(c.count) }),
			median(rs, func(m measurement) float64 { return float64(m.commands) / float64(c.count) }),
			median(rs, func(m measurement) float64 { return float64(m.peak) / (1 << 20) }))
	}
	fmt.Printf("\n%s\n\n", c.note)
}

func median(rs []measurement, of func(measurement) float64) float64 {
	if len(rs) == 0 {
		return 0
	}
	values := make([]float64, len(rs))
	for i, m := range rs {
		values[i] = of(m)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// measurement is the result of one round of one contender.
type measurement struct {
	rate     float64       // per second: files between the first request at the sink and the last, or accepted uploads
	cpu      time.Duration // of the contender
	commands int           // that Redis ran
	peak     int64         // resident memory of the contender, bytes
}

// Command mediaferry-bench carries the same files three ways, side by side, and prints how fast each was:
//
//	loop        goroutines with one http.Client, nothing else: what a script does
//	asynq       a plain asynq handler that reads the file and posts it, with no record anywhere
//	mediaferry  the product: Redis and SQLite, validation, hashing, the ledger and its outcomes
//
// All three send to the same sink, which reads and drops what it gets, from a process of its own. Before that it measures
// how fast one process gets rid of uploads, three ways again:
//
//	Enqueue      asynq's client into a Redis that keeps nothing on disk, from many goroutines
//	Submit       enqueue.Producer.Submit from as many goroutines, each upload on the disk before it returns
//	SubmitBatch  the same uploads as one streamed batch
//
// The rounds alternate, so that a machine whose speed drifts is no advantage for anybody; quote the medians' ratio, not
// the seconds.
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

// options is what may be asked for.
type options struct {
	files, size, concurrent, rounds int
	uploads, submitters             int // of the accepting
	only                            string
	role                            string // of a child process
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("mediaferry-bench", flag.ContinueOnError)
	flags.IntVar(&o.files, "files", 4000, "files in a round")
	flags.IntVar(&o.size, "size", 64<<10, "bytes of a file")
	flags.IntVar(&o.concurrent, "concurrent", 64, "uploads at once")
	flags.IntVar(&o.rounds, "rounds", 5, "rounds of each way")
	flags.IntVar(&o.uploads, "uploads", 100_000, "uploads to accept in a round; 0: don't measure accepting")
	flags.IntVar(&o.submitters, "submitters", 256, "goroutines that submit one upload after the other")
	flags.StringVar(&o.only, "only", "", "run only this way")
	flags.StringVar(&o.role, "role", "", "internal: what this child process is")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.role != "" {
		return child(ctx, o)
	}
	f, err := newField(ctx, o)
	if err != nil {
		return err
	}
	defer f.close()
	for _, c := range []contest{accepting(o), carrying(o)} {
		if err := f.hold(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// contest is some ways of doing the same.
type contest struct {
	title string // says how much of what
	unit  string
	count int // of them in a round
	base  string
	ways  []string
	round func(ctx context.Context, f *field, way string) (measure, error)
	note  string
}

// hold runs the rounds of all ways by turns, and prints medians and their ratios to the base.
func (f *field) hold(ctx context.Context, c contest) error {
	results := map[string][]measure{}
	for round := range f.rounds {
		for _, way := range c.ways {
			if c.count == 0 || f.only != "" && f.only != way {
				continue
			}
			m, err := c.round(ctx, f, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			results[way] = append(results[way], m)
			fmt.Fprintf(os.Stderr, "round %d: %-11s %6.0f %s\n", round+1, way, m.rate, c.unit)
		}
	}
	if len(results) > 0 {
		c.report(f.rounds, results)
	}
	return nil
}

func (c contest) report(rounds int, results map[string][]measure) {
	fmt.Printf("%s, %d rounds, %d CPUs; medians\n\n", c.title, rounds, runtime.NumCPU())
	fmt.Printf("%-11s  %9s  %8s  %9s  %10s  %8s\n", "way", c.unit, "ratio", "CPU ms", "Redis cmds", "peak MiB")
	base := median(results[c.base], func(m measure) float64 { return m.rate })
	for _, way := range c.ways {
		rs := results[way]
		if len(rs) == 0 {
			continue
		}
		rate := median(rs, func(m measure) float64 { return m.rate })
		ratio := "-" // the base was not asked for
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", rate/base)
		}
		fmt.Printf("%-11s  %9.0f  %8s  %9.3f  %10.1f  %8.0f\n", way, rate, ratio,
			median(rs, func(m measure) float64 { return m.cpu.Seconds() * 1000 / float64(c.count) }),
			median(rs, func(m measure) float64 { return float64(m.commands) / float64(c.count) }),
			median(rs, func(m measure) float64 { return float64(m.peak) / (1 << 20) }))
	}
	fmt.Printf("\n%s\n\n", c.note)
}

func median(rs []measure, of func(measure) float64) float64 {
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

// measure is what one round of one way came to.
type measure struct {
	rate     float64       // a second: files from the first request at the sink to the last, or uploads accepted
	cpu      time.Duration // of the process that carried
	commands int           // that Redis ran
	peak     int64         // resident memory of the process that carried, bytes
}

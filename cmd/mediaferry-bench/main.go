// Command mediaferry-bench carries the same files three ways, side by side, and prints how fast each was:
//
//	loop        goroutines with one http.Client, nothing else: what a script does
//	asynq       a plain asynq handler that reads the file and posts it, with no record anywhere
//	mediaferry  the product: Redis and SQLite, validation, hashing, the ledger and its outcomes
//
// All three send to the same sink, which reads and drops what it gets, from a process of its own. The rounds alternate,
// so that a machine whose speed drifts is no advantage for anybody; quote the medians' ratio, not the seconds.
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
	results := map[string][]measure{}
	for round := range o.rounds {
		for _, way := range ways {
			if o.only != "" && o.only != way.name {
				continue
			}
			m, err := f.round(ctx, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			results[way.name] = append(results[way.name], m)
			fmt.Fprintf(os.Stderr, "round %d: %-10s %6.0f files/s\n", round+1, way.name, m.rate)
		}
	}
	report(o, results)
	return nil
}

// report prints medians and their ratios to the plain asynq handler.
func report(o options, results map[string][]measure) {
	fmt.Printf("%d files of %d KiB, %d at once, %d rounds, %d CPUs; medians\n\n", o.files, o.size>>10, o.concurrent, o.rounds, runtime.NumCPU())
	fmt.Printf("%-10s  %8s  %8s  %9s  %10s  %8s\n", "way", "files/s", "ratio", "CPU ms", "Redis cmds", "peak MiB")
	base := median(results["asynq"], func(m measure) float64 { return m.rate })
	for _, way := range ways {
		rs := results[way.name]
		if len(rs) == 0 {
			continue
		}
		rate := median(rs, func(m measure) float64 { return m.rate })
		fmt.Printf("%-10s  %8.0f  %8.2f  %9.2f  %10.1f  %8.0f\n", way.name, rate, rate/base,
			median(rs, func(m measure) float64 { return m.cpu.Seconds() * 1000 / float64(o.files) }),
			median(rs, func(m measure) float64 { return float64(m.commands) / float64(o.files) }),
			median(rs, func(m measure) float64 { return float64(m.peak) / (1 << 20) }))
	}
	fmt.Println("\nratio: to the plain asynq handler. CPU ms and Redis commands: for each file. peak: resident memory.")
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
	rate     float64       // files a second, from the first request at the sink to the last
	cpu      time.Duration // of the process that carried
	commands int           // that Redis ran
	peak     int64         // resident memory of the process that carried, bytes
}

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
//	loop            goroutines with one http.Client: what a script does
//	asynq           a plain asynq handler that reads a file and posts it, and keeps no record
//	asynq-tuned     the same with pooled memory, pipelined Redis calls and all other tricks that have nothing to do with a ledger
//	river           River on PostgreSQL, set as in its own benchmark
//	redis+sqlite    the product, with validation, hashing, the ledger and its outcomes
//	redis+postgres  the same on PostgreSQL
//	embedded        the same without Redis, in one process
//	before          another binary of the product (-before), as redis+sqlite
//
// Last it measures what people who look cost:
//
//	alone    the product in one process, with its console
//	watched  the same, while 20 browsers follow pages of the console
//
// After each run of the product all outcomes are compared with the files.
//
// At last it measures how long POST /v1/media takes for files whose media are known.
//
// The contenders take turns, so that a machine whose speed changes favours none of them. Quote the ratio of the medians,
// not the rates.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
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
	bench
	runs                int
	uploads, submitters int    // of the comparison of accepting
	only                string // contenders, with commas
	before              string // another binary
	json                string // file for all measurements
	cases, quick        bool
	role                string // of a child process
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("mediaferry-bench", flag.ContinueOnError)
	flags.IntVar(&o.files, "files", 4000, "files in a run")
	flags.IntVar(&o.size, "size", 64<<10, "bytes of a file")
	flags.IntVar(&o.concurrent, "concurrent", 64, "uploads at once")
	flags.IntVar(&o.runs, "runs", 5, "runs of each contender")
	flags.IntVar(&o.uploads, "uploads", 100_000, "uploads to accept in a run; 0: skip this comparison")
	flags.IntVar(&o.submitters, "submitters", 256, "goroutines that submit one upload after the other")
	flags.StringVar(&o.only, "only", "", "run only these contenders, with commas between them")
	flags.DurationVar(&o.latency, "latency", 0, "time that WeChat takes for each answer")
	flags.Float64Var(&o.slow, "slow", 0, "share of calls that take 2 s")
	flags.Float64Var(&o.busy, "busy", 0, "share of calls that WeChat answers with -1")
	flags.Float64Var(&o.repeated, "repeated", 0, "share of files whose content another file has")
	flags.BoolVar(&o.cases, "cases", false, "run many cases, each with one of these changed")
	flags.BoolVar(&o.quick, "quick", false, "run little of everything: it shows that all is complete, not how fast it is")
	flags.StringVar(&o.before, "before", "", "another binary of mediaferry to compare with")
	flags.StringVar(&o.json, "json", "", "file to write all measurements to")
	flags.StringVar(&o.role, "role", "", "internal: the role of a child process")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.role != "" {
		return child(ctx, o)
	}
	if o.quick {
		o.files, o.size, o.concurrent, o.runs, o.uploads = 300, 16<<10, 16, 1, 1000
	}
	todo := []bench{o.bench}
	if o.cases {
		todo = cases(o.bench)
	}
	var all []result
	for i, b := range todo {
		o.bench = b
		some, err := o.runCase(ctx, i == 0)
		all = append(all, some...)
		if err != nil {
			return err
		}
	}
	return writeJSON(o.json, all)
}

// runCase runs one case, and before the first one the comparison of accepting.
func (o options) runCase(ctx context.Context, first bool) ([]result, error) {
	t, err := newTestbed(ctx, o)
	if err != nil {
		return nil, err
	}
	defer t.close()
	todo := []comparison{carrying(o)}
	if first {
		todo = []comparison{accepting(o), carrying(o), watching(o)}
	}
	var all []result
	for _, c := range todo {
		some, err := t.compare(ctx, c)
		all = append(all, some...)
		if err != nil {
			return all, err
		}
	}
	if first && o.only == "" {
		w, err := t.askLive(ctx)
		if err != nil {
			return all, fmt.Errorf("live media: %w", err)
		}
		reportLive(w)
		all = append(all, result{Case: "live media over HTTP", Contender: "embedded", P50: w.of(0.5).Seconds() * 1000, P99: w.of(0.99).Seconds() * 1000})
	}
	return all, nil
}

// comparison is a list of contenders that do the same work.
type comparison struct {
	title      string // the work of one run
	unit       string // of the rate
	count      int    // of the work of one run
	base       string // the contender that ratios refer to
	contenders []string
	run        func(ctx context.Context, t *testbed, contender string) (measurement, error)
	note       string
}

// compare runs the runs of all contenders in turns, and prints the medians and their ratios to the base.
func (t *testbed) compare(ctx context.Context, c comparison) ([]result, error) {
	var all []result
	results := map[string][]measurement{}
	for i := range t.runs {
		for _, contender := range c.contenders {
			if c.count == 0 || t.only != "" && !slices.Contains(strings.Split(t.only, ","), contender) {
				continue
			}
			m, err := c.run(ctx, t, contender)
			if err != nil {
				return all, fmt.Errorf("%s: %s: %w", c.title, contender, err)
			}
			all = append(all, result{
				Case: c.title, Contender: contender, Rate: m.rate, CPU: m.cpu.Seconds() * 1000 / float64(c.count),
				Commands: float64(m.commands) / float64(c.count), Peak: m.peak,
			})
			results[contender] = append(results[contender], m)
			fmt.Fprintf(os.Stderr, "run %d: %-14s %6.0f %s\n", i+1, contender, m.rate, c.unit)
		}
	}
	if len(results) > 0 {
		c.report(t.runs, results)
	}
	return all, nil
}

// result is one measurement as it is written to a file.
type result struct {
	Case      string  `json:"case"`
	Contender string  `json:"contender"`
	Rate      float64 `json:"rate"`       // per second
	CPU       float64 `json:"cpu_ms"`     // for each
	Commands  float64 `json:"redis_cmds"` // for each
	Peak      int64   `json:"peak_bytes"`
	P50       float64 `json:"p50_ms,omitempty"` // of answers over HTTP
	P99       float64 `json:"p99_ms,omitempty"`
}

func writeJSON(file string, all []result) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func (c comparison) report(runs int, results map[string][]measurement) {
	fmt.Printf("%s, %d runs, %d CPUs; medians\n\n", c.title, runs, runtime.NumCPU())
	fmt.Printf("%-14s  %9s  %8s  %9s  %10s  %8s\n", "contender", c.unit, "ratio", "CPU ms", "Redis cmds", "peak MiB")
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
		fmt.Printf("%-14s  %9.0f  %8s  %9.3f  %10.1f  %8.0f\n", contender, rate, ratio,
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

// measurement is the result of one run of one contender.
type measurement struct {
	rate     float64       // per second: files between the first request at the sink and the last, or accepted uploads
	cpu      time.Duration // of the contender
	commands int           // that Redis ran
	peak     int64         // resident memory of the contender, bytes
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
)

// TestMain lets the test binary be the children that a benchmark starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-role") {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := run(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestEveryContenderUploadsEveryFile(t *testing.T) {
	t.Parallel()
	whole := os.Getenv("SIZE") == "full" // a PostgreSQL that syncs, and a second binary, cost most of the time
	o := options{bench: bench{files: 60, size: 4096, concurrent: 8, repeated: 0.5, busy: 0.1}, uploads: 500, submitters: 16}
	bed, err := newTestbed(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bed.close)
	bed.before = bed.binary
	for _, c := range contenders {
		if slow := c.name == "river" || c.name == "redis+postgres" || c.name == "before"; slow && !whole {
			continue
		}
		m, err := bed.run(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if m.rate <= 0 || m.cpu <= 0 || m.peak <= 0 || (m.commands > 0) != (c.name != "loop" && c.name != "river" && c.name != "embedded") {
			t.Errorf("%s: %+v is no measurement", c.name, m)
		}
		want := o.files
		if c.ours() {
			want = bed.contents()
		}
		if s := bed.askSink(t.Context()); s.Count != want {
			t.Errorf("%s: %d calls for %d files", c.name, s.Count, o.files)
		}
	}
	if o := watching(o); whole {
		for _, contender := range o.contenders {
			if m, err := o.run(t.Context(), bed, contender); err != nil || m.rate <= 0 {
				t.Fatalf("%s: %+v, %v", contender, m, err)
			}
		}
	}
	for _, contender := range accepting(o).contenders {
		m, err := bed.accept(t.Context(), contender)
		if err != nil {
			t.Fatalf("%s: %v", contender, err)
		}
		if m.rate <= 0 || m.cpu <= 0 || m.peak <= 0 || (m.commands > 0) != (contender == "Enqueue") {
			t.Errorf("%s: %+v is no measurement", contender, m)
		}
	}
	took, err := bed.askLive(t.Context())
	if err != nil || took.of(0.5) <= 0 || took.of(1) < took.of(0.5) {
		t.Errorf("live media: %v, %v", took, err)
	}
}

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

func TestEveryWayCarriesEveryFile(t *testing.T) {
	t.Parallel()
	o := options{files: 60, size: 4096, concurrent: 8, uploads: 500, submitters: 16}
	f, err := newField(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	for _, w := range ways {
		m, err := f.round(t.Context(), w)
		if err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		if m.rate <= 0 || m.cpu <= 0 || m.peak <= 0 || (m.commands > 0) != (w.name != "loop") {
			t.Errorf("%s: %+v is no measure", w.name, m)
		}
		if s := f.askSink(t.Context()); s.Count != o.files {
			t.Errorf("%s: %d calls for %d files", w.name, s.Count, o.files)
		}
	}
	for _, way := range accepting(o).ways {
		m, err := f.accept(t.Context(), way)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if m.rate <= 0 || m.cpu <= 0 || m.peak <= 0 || (m.commands > 0) != (way == "Enqueue") {
			t.Errorf("%s: %+v is no measure", way, m)
		}
	}
}

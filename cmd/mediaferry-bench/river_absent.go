//go:build !full

package main

import (
	"context"
	"errors"
)

// River is compiled for the benchmarks alone: it takes as long as a small package's tests.
var errNoRiver = errors.New("this build has no River: build it with -tags full, as make bench does")

func queueRiver(context.Context, *testbed) error { return errNoRiver }

func serveRiver(context.Context, options) error { return errNoRiver }

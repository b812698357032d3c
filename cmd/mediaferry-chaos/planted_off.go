//go:build !planted

package main

import (
	"context"
	"errors"
)

// plantedBugs are the bugs that this binary can be told to have: none.
var plantedBugs []string //nolint:gochecknoglobals // a constant in all but name

func plantedMain(context.Context, []string) error {
	return errors.New("this binary was built without -tags planted")
}

//go:build !planted

// Package planted is a worker with a bug of your choice. It needs the build tag planted.
package planted

import (
	"context"
	"errors"
)

// Bugs lists all bugs: this binary has none.
var Bugs []string //nolint:gochecknoglobals // a constant in all but name

// Main fails: this binary has no bugs.
func Main(context.Context, []string) error {
	return errors.New("this binary was built without -tags planted")
}

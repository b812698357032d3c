//go:build !linux

package disk

import "errors"

// Mount fails: it needs Linux.
func Mount(string, int64) error { return errors.ErrUnsupported }

// Unmount fails: it needs Linux.
func Unmount(string) error { return errors.ErrUnsupported }

// Fill fails: it needs Linux.
func Fill(string) error { return errors.ErrUnsupported }

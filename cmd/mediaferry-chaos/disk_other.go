//go:build !linux

package main

import "errors"

func mountDisk(string, int64) error { return errors.ErrUnsupported }

func unmountDisk(string) error { return errors.ErrUnsupported }

func fillDisk(string) error { return errors.ErrUnsupported }

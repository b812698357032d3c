//go:build !linux

package main

import "errors"

const unlimited = 1<<64 - 1

// limitFiles can't be done to another process here.
func limitFiles(int, uint64) error {
	return errors.New("only Linux can limit the files of another process")
}

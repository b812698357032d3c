//go:build !linux

package process

import "errors"

// Unlimited is the size that lifts a limit.
const Unlimited = 1<<64 - 1

// LimitFiles fails: only Linux can limit another process.
func LimitFiles(int, uint64) error {
	return errors.New("only Linux can limit the files of another process")
}

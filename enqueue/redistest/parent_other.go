//go:build !linux

package redistest

import "syscall"

// dieWithParent has no counterpart here: a test binary that is killed leaves its server behind.
func dieWithParent() *syscall.SysProcAttr { return nil }

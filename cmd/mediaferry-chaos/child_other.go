//go:build !linux

package main

import "syscall"

// childAttr keeps the terminal's signals from a child: the tool ends its children itself. Nothing here ends them when
// the tool is killed.
func childAttr(a *syscall.SysProcAttr) { a.Setpgid = true }

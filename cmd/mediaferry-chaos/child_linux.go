package main

import "syscall"

// childAttr makes the kernel end a child when this tool dies, however that happens, and keeps the terminal's signals
// from it: the tool ends its children itself.
func childAttr(a *syscall.SysProcAttr) {
	a.Setpgid, a.Pdeathsig = true, syscall.SIGKILL
}

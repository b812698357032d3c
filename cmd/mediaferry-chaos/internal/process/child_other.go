//go:build !linux

package process

import "syscall"

// childAttr keeps signals of the terminal from a child: the tool ends its children itself. They outlive a tool that is
// killed.
func childAttr(a *syscall.SysProcAttr) { a.Setpgid = true }

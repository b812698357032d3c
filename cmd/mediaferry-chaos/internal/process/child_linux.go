package process

import "syscall"

// childAttr makes the kernel kill a child when this tool ends, however it ends. Signals of the terminal don't reach the
// child: the tool ends its children itself.
func childAttr(a *syscall.SysProcAttr) {
	a.Setpgid, a.Pdeathsig = true, syscall.SIGKILL
}

package redistest

import "syscall"

// dieWithParent makes the kernel end the server when the test binary dies, as after a test timeout:
// no Cleanup runs then.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

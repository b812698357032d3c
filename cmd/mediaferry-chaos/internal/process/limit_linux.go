package process

import "golang.org/x/sys/unix"

// Unlimited is the size that lifts a limit.
const Unlimited = unix.RLIM_INFINITY

// LimitFiles limits the size of the files that a process may write. It sets the soft limit, which any user may lift.
func LimitFiles(pid int, size uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		return err
	}
	now.Cur = min(size, now.Max)
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
}

package main

import "golang.org/x/sys/unix"

const unlimited = unix.RLIM_INFINITY

// limitFiles bounds the size of the files that a process may write. Only the soft limit moves, so that anybody may
// lift it again.
func limitFiles(pid int, size uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		return err
	}
	now.Cur = min(size, now.Max)
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
}

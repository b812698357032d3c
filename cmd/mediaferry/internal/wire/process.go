package wire

import (
	"os"

	"github.com/mediaferry/mediaferry/tasks"
)

// process is this process as the fleet knows it.
func (s *Stack) process(role tasks.ProcessRole) tasks.Process {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return tasks.Process{Name: s.Name, Role: role, Host: host, PID: os.Getpid(), Version: Version()}
}

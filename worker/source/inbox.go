package source

import (
	"errors"
	"os"

	"github.com/mediaferry/mediaferry/tasks"
)

// openInbox opens the inbox that src lies in. One that is not here says nothing about the file: it came in over the
// HTTP of another machine, whose workers can read it.
func (s *Store) openInbox(op string, src tasks.Source) (*os.Root, error) {
	if s.inbox == "" {
		return nil, elsewhere(op)
	}
	all, err := os.OpenRoot(s.inbox)
	if err != nil {
		return nil, elsewhere(op)
	}
	defer all.Close()
	root, err := all.OpenRoot(src.Inbox)
	if err != nil {
		return nil, elsewhere(op)
	}
	return root, nil
}

func elsewhere(op string) error {
	return &tasks.Error{Code: tasks.Storage, Op: op, Err: errors.New("the file was sent to an inbox that this process can't read"),
		Hint: "run a worker with the data dir of the process that serves HTTP, or share its inbox folder"}
}

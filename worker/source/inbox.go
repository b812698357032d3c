package source

import (
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

// HasInbox reports whether the inbox of that ID is in the folder of inboxes.
func (s *Store) HasInbox(id string) bool {
	root, err := s.openInbox("look for inbox", tasks.Source{Inbox: id})
	if err != nil {
		return false
	}
	root.Close()
	return true
}

func elsewhere(op string) error {
	return &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("the file was sent to an inbox that this process can't read"),
		Hint: "set http.inbox_dir to a folder that serve and its workers share"}
}

package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// loadSecret returns the secret in a file of the data dir. At first use it is made there, readable by its owner only.
func loadSecret(dataDir, name string, mint func() tasks.Secret) (tasks.Secret, error) {
	path := filepath.Join(dataDir, name)
	if kept, err := readSecret(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	fresh := mint()
	temp, err := os.CreateTemp(dataDir, name+".*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(fresh.Reveal() + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	if err := os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) { // another process was first: its secret counts
		return readSecret(path)
	} else if err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	return fresh, nil
}

func readSecret(path string) (tasks.Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", tasks.Textf("read %s: it is empty; delete it to have a new one made", path)
	}
	return tasks.Secret(s), nil
}

package source

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Under returns the source of a path that a person gave, absolute or relative to the working folder, below the
// storage root. It returns Denied for a path outside. The path need not exist.
func Under(root, path string) (string, error) {
	const op = "locate source"
	absRoot, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	rel, ok := inside(absRoot, abs)
	if !ok { // the same folder may have two names
		rel, ok = inside(resolve(absRoot), resolve(abs))
	}
	if !ok {
		return "", &tasks.Error{Code: tasks.Denied, Op: op, Err: tasks.Textf("%s is not under the storage root", tasks.Source{Path: path}.Display())}
	}
	return tasks.Source{Path: filepath.ToSlash(rel)}.String(), nil
}

// Local returns the source of a file below root, the absolute folder that a person named. rel "." is the folder itself.
func Local(root, rel string) string {
	return tasks.Source{Root: filepath.ToSlash(filepath.Clean(root)), Path: filepath.ToSlash(filepath.Clean(rel))}.String()
}

// Locate returns the source of what a person named on the command line: an s3:// URL as it is; a path as a local
// source where this store may read those (a link that the person named is resolved, it is their choice), else as
// one under the storage root. It returns Missing where there is nothing of that name, Denied outside the root.
func (s *Store) Locate(path string) (string, error) {
	const op = "locate source"
	if strings.HasPrefix(path, "s3://") {
		src, err := tasks.ParseSource(path)
		return src.String(), err
	}
	if !s.local {
		if s.root == nil {
			return "", &tasks.Error{Code: tasks.Storage, Op: op, Err: tasks.Textf("this process has no storage root"),
				Hint: "set the storage root (MEDIAFERRY_STORAGE_ROOT)"}
		}
		return Under(s.root.path, path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	target, err := filepath.EvalSymlinks(abs)
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(target)
	}
	switch {
	case err != nil:
		return "", looked(os.DirFS(string(filepath.Separator)), strings.TrimPrefix(filepath.ToSlash(abs), "/"), fault(op, tasks.Source{Path: path}, err))
	case info.IsDir():
		return Local(abs, "."), nil
	}
	return Local(filepath.Dir(target), filepath.Base(target)), nil
}

// inside returns path relative to root if it lies in it.
func inside(root, path string) (string, bool) {
	rel, err := filepath.Rel(root, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// resolve follows the links of path, or of as much of it as exists.
func resolve(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	if dir := filepath.Dir(path); dir != path {
		return filepath.Join(resolve(dir), filepath.Base(path))
	}
	return path
}

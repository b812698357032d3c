package source

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/mediaferry/mediaferry/tasks"
)

// looked adds a hint to err, the fault of name below fsys, if a file is there under another form of the same name: macOS
// writes é as two characters (NFD), most others as one (NFC), and both look alike.
func looked(fsys fs.FS, name string, err error) error {
	var e *tasks.Error
	if !errors.As(err, &e) || e.Code != tasks.Missing {
		return err
	}
	if form := twin(fsys, name); form != "" {
		e.Hint = "a file of this name is there in another Unicode form (" + form + "): copy the name from a listing of its folder, or give the folder"
	}
	return err
}

// twin returns the Unicode form in which name exists below fsys, or "". It lists no folder.
func twin(fsys fs.FS, name string) (form string) {
	at := "."
	for part := range strings.SplitSeq(name, "/") {
		found := ""
		for _, as := range [...]struct{ form, part string }{{"", part}, {"NFC", norm.NFC.String(part)}, {"NFD", norm.NFD.String(part)}} {
			if _, err := fs.Stat(fsys, path.Join(at, as.part)); err == nil {
				found = path.Join(at, as.part)
				if as.form != "" {
					form = as.form
				}
				break
			}
		}
		if found == "" {
			return ""
		}
		at = found
	}
	return form
}

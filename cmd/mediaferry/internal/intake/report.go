package intake

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// CheckReport refuses a file that could not be written once all the work is done.
func CheckReport(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return exit.Usage(words.Fail("files.report_folder", "Path", path))
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return exit.Usagef("--report: %w", err)
	}
	return nil
}

// WriteReport answers the rows one by one, in a table that can be given as a manifest again. outcomes are those of all rows.
func (b *Batch) WriteReport(path string, outcomes []tasks.Outcome) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	w := manifest.NewReportWriter(f, time.Local)
	for i, row := range b.rows {
		if err := w.Write(row.shown(outcomes[i])); err != nil {
			f.Close()
			return err
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// shown is the row and its outcome as the report shows them. An id of our own making is left out: it belongs to the
// file as it is now, and a manifest that named it would be answered with the old file after a change.
func (a asked) shown(o tasks.Outcome) (manifest.Row, tasks.Outcome) {
	row := a.Row
	if a.derived {
		row.Upload.ExternalID, o.ExternalID = "", ""
	}
	return row, o
}

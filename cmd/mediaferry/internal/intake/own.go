package intake

import (
	"context"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

// own returns a function that finds the source of a report's row that lies outside of the storage root. Only what the
// record has as this person's own upload is taken: a foreign list must not lead to files that were never named here.
// It is nil where files outside can't be named at all.
func (g *Gatherer) own(ctx context.Context) func(uuid.UUID, string) (string, error) {
	if !g.Local {
		return nil
	}
	return func(upload uuid.UUID, path string) (string, error) {
		o, err := g.Stack.Ledger.Outcome(ctx, upload)
		if err == nil && (o.Producer != g.producer() || manifest.PlainPath(o.Source) != path) {
			err = tasks.Textf("upload_id names another file")
		}
		if err != nil {
			return "", &tasks.Error{Code: tasks.Denied, Op: "path", Err: tasks.Textf("it lies outside of the storage root, and was not uploaded from here: %w", err),
				Hint: "name the file or its folder on the command line"}
		}
		return o.Source, nil
	}
}

// rooted refuses a manifest whose first row lies below a storage root that is not set.
func (g *Gatherer) rooted(first manifest.Row) error {
	c := g.Stack.Config
	src, err := tasks.ParseSource(first.Upload.Source)
	if c.StorageRoot != "" || len(c.S3.Buckets) > 0 || first.Err != nil || err != nil || src.Local() {
		return nil //nolint:nilerr // a row that is wrong is refused as one
	}
	return exit.Usage(words.Fail("files.manifest_root"))
}

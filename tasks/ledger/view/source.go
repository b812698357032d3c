package view

import (
	"context"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// isForgotten is whether neither the media of an upload's outcome nor another one of its content is known.
const isForgotten = `uploads.media_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM media m WHERE m.media_id = uploads.media_id)
	AND NOT EXISTS (SELECT 1 FROM accounts a JOIN media m ON m.realm = a.realm AND m.appid = a.appid AND m.type = uploads.type AND m.hash = uploads.sha256
	WHERE a.name = uploads.account AND m.media_id IS NOT NULL)`

// KnownSources returns what is known of the sources of a producer's uploads, by their external IDs. An upload that does not
// exist, or has no outcome yet, is left out.
func (v *View) KnownSources(ctx context.Context, producer string, externalIDs []string) (map[string]tasks.KnownSource, error) {
	found := make(map[string]tasks.KnownSource, len(externalIDs))
	for some := range slices.Chunk(externalIDs, idsAtOnce) {
		a := db.Args{producer}
		for _, id := range some {
			a = append(a, id)
		}
		err := v.lists.Snapshot(ctx, "look up sources", func(t *db.Tx) error {
			return t.Each("SELECT external_id, type, COALESCE(identity, ''), "+schema.SourceHash+", "+isForgotten+
				" FROM uploads WHERE producer = ? AND external_id IN ("+db.Marks(len(some))+") AND "+schema.HasOutcome, a, func(s db.Scanner) error {
				var (
					name string
					k    tasks.KnownSource
					hash []byte
				)
				err := s.Scan(&name, &k.Type, &k.Identity, &hash, &k.Forgotten)
				copy(k.Hash[:], hash)
				found[name] = k
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

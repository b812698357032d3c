package ledger

import (
	"encoding/json"

	"github.com/mediaferry/mediaferry/tasks"
)

// sieveRows is how many rows one page looks at where not all of them need match: some milliseconds' worth.
const sieveRows = 5000

// matcher makes the part of a filter that the database is not asked for: globs, since the two databases know none
// alike, and metadata, since PostgreSQL can't read all JSON. Nil: there is none.
func matcher(f tasks.Filter) (func(tasks.Outcome) bool, error) {
	if f.Source == "" && len(f.Metadata) == 0 {
		return nil, nil
	}
	glob, err := tasks.ParseGlob(f.Source)
	if err != nil {
		return nil, err
	}
	return func(o tasks.Outcome) bool { return glob.Match(o.Source) && hasMetadata(o.Metadata, f.Metadata) }, nil
}

func hasMetadata(metadata json.RawMessage, want map[string]string) bool {
	if len(want) == 0 {
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(metadata, &fields) != nil {
		return false
	}
	for name, value := range want {
		var text string
		raw, found := fields[name]
		if !found || string(raw) != value && (json.Unmarshal(raw, &text) != nil || text != value) {
			return false
		}
	}
	return true
}

package view

import (
	"encoding/json"
	"testing"
)

func TestMetadataThatIsNoObjectMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, m := range []string{"", "null", "7", `["order"]`, `{"order":{"x":7}}`} {
		if hasMetadata(json.RawMessage(m), map[string]string{"order": "7"}) {
			t.Errorf("%q matches", m)
		}
	}
}

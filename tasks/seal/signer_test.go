package seal_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks/seal"
)

func TestSigned(t *testing.T) {
	t.Parallel()
	signature := keys(t, 1).Signer(seal.InboxFiles).Sign("ask", "a", "b")
	for name, c := range map[string]struct {
		signer    *seal.Signer
		signature string
		parts     []string
		want      bool
	}{
		"as signed":            {keys(t, 1).Signer(seal.InboxFiles), signature, []string{"ask", "a", "b"}, true},
		"ahead in a rotation":  {keys(t, 2, 1).Signer(seal.InboxFiles), signature, []string{"ask", "a", "b"}, true},
		"behind in a rotation": {keys(t, 1).Signer(seal.InboxFiles), keys(t, 2, 1).Signer(seal.InboxFiles).Sign("ask", "a", "b"), []string{"ask", "a", "b"}, true},
		"another key":          {keys(t, 2).Signer(seal.InboxFiles), signature, []string{"ask", "a", "b"}, false},
		"another purpose":      {keys(t, 1).Signer(seal.DropInTokens), signature, []string{"ask", "a", "b"}, false},
		"another part":         {keys(t, 1).Signer(seal.InboxFiles), signature, []string{"ask", "a", "c"}, false},
		"parts cut elsewhere":  {keys(t, 1).Signer(seal.InboxFiles), signature, []string{"ask", "ab", ""}, false},
		"no signature":         {keys(t, 1).Signer(seal.InboxFiles), "", []string{"ask", "a", "b"}, false},
		"not base64":           {keys(t, 1).Signer(seal.InboxFiles), "=== ?", []string{"ask", "a", "b"}, false},
	} {
		if got := c.signer.Signed(c.signature, c.parts...); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

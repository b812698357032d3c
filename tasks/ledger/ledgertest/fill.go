package ledgertest

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// Fill runs SQL on the ledger at url, which must not be open: for fixtures of a million rows, which would take minutes
// through a ledger under the race detector. Semicolons separate the statements.
func Fill(tb testing.TB, ledger, sql string) {
	tb.Helper()
	if path, ok := strings.CutPrefix(ledger, "sqlite:"); ok {
		c := exec.CommandContext(tb.Context(), "go", "run", "github.com/mediaferry/mediaferry/tasks/ledger/ledgertest/fill", path)
		c.Stdin = strings.NewReader(sql)
		if out, err := c.CombinedOutput(); err != nil {
			tb.Fatalf("fill the ledger: %v\n%s", err, out)
		}
		return
	}
	u, err := url.Parse(ledger)
	if err != nil {
		tb.Fatal(err)
	}
	if err := execute(u.Query().Get("host"), "SET search_path TO "+u.Query().Get("search_path")+"; "+sql); err != nil {
		tb.Fatalf("fill the ledger: %v", err)
	}
}

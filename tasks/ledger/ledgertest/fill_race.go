//go:build race

package ledgertest

import (
	"fmt"
	"os/exec"
	"strings"
)

// fillSQLite does it in a process without the race detector, which makes SQLite some twenty times slower.
func fillSQLite(url, sql string) error {
	c := exec.Command("go", "run", "github.com/mediaferry/mediaferry/tasks/ledger/ledgertest/fill", strings.TrimPrefix(url, "sqlite:")) //nolint:noctx // the test's deadline ends it
	c.Stdin = strings.NewReader(sql)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// An older ledger is changed by mediaferry migrate; what only reads or submits says so and leaves it alone.
func TestOnlyMigrateChangesAnOlderLedger(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			url := database(t)
			g.Set("MEDIAFERRY_LEDGER_URL", url)
			g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("ab", 32))
			ledgertest.Older(t, url, 6)
			for _, args := range [][]string{{"list"}, {"status"}, {"upload", g.Media}, {"upload", "--detach", g.Media}, {"run"}, {"retry", "--state", "failed", "--yes"}} {
				r := g.Run(args...)
				if r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "schema version 6") || !strings.Contains(r.Err, "mediaferry migrate") {
					t.Errorf("mediaferry %s: %+v", strings.Join(args, " "), r)
				}
			}
			if r := g.Run("migrate"); r.Code != 0 || !strings.HasPrefix(r.Out, "schema 6 -> ") {
				t.Errorf("%+v", r)
			}
			if r := g.Run("list"); r.Code != tasks.ExitNothing {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Who works on the data dir is alone with its own ledger, and changes it without being told to.
func TestTheOwnerOfTheDataDirMigratesItsLedger(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 4<<10))
	data := filepath.Join(g.Dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	ledgertest.Older(t, "sqlite:"+filepath.Join(data, "ledger.db"), 6)
	if r := g.Run("list"); r.Code != tasks.ExitUsage {
		t.Errorf("%+v", r)
	}
	if r := g.Run("upload", g.Media); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	if r := g.Run("list"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
}

// While somebody works on the data dir, its ledger is left alone.
func TestMigrateLeavesALedgerAloneThatIsAtWork(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Serve()
	if r := g.Run("migrate"); r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "stop it first") {
		t.Errorf("%+v", r)
	}
}

package main

import (
	"database/sql"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Who ends in good order leaves no role that others would have to wait for.
func TestLeadersResign(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("MEDIAFERRY_PRODUCERS__SHOP__MAX_PRIORITY", "bulk")
	g.Set("MEDIAFERRY_INBOX__PRODUCER", "shop")
	g.Set("MEDIAFERRY_METRICS__LISTEN", "127.0.0.1:0")
	run := g.Start("run")
	g.ReadyLedger()
	want := []string{"dispatch", "figures", "probe", "renewal", "results:shop", "upkeep"}
	taskstest.Until(t, "it leads in every role", func() bool { return slices.Equal(leaders(g), want) })
	run.Signal(syscall.SIGTERM)
	if run.Error != nil {
		t.Errorf("run ended with %v", run.Error)
	}
	if diff := cmp.Diff([]string(nil), leaders(g)); diff != "" {
		t.Errorf("roles that are still taken (-want +got):\n%s", diff)
	}
}

// leaders lists the roles that somebody leads in.
func leaders(g *clitest.Ground) []string {
	g.T.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.Dir, "data", "ledger.db"))
	if err != nil {
		g.T.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(g.T.Context(), "SELECT role FROM leads WHERE holder <> '' ORDER BY role")
	if err != nil {
		g.T.Fatal(err)
	}
	defer rows.Close()
	var roles []string
	for rows.Next() {
		var r string
		if err := rows.Scan(&r); err != nil {
			g.T.Fatal(err)
		}
		roles = append(roles, r)
	}
	if err := rows.Err(); err != nil {
		g.T.Fatal(err)
	}
	return roles
}

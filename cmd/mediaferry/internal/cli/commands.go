package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/config"
)

// commands lists every subcommand, in the order of --help.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(),
		a.uploadCommand(),
		a.checkCommand(),
		a.runCommand(),
		a.workerCommand(),
		a.serveCommand(),
		a.consoleCommand(),
		a.statusCommand(),
		a.listCommand(),
		a.showCommand(),
		a.retryCommand(),
		a.cancelCommand(),
		a.accountsCommand(),
		a.keysCommand(),
		a.webhookCommand(),
		a.mediaCommand(),
		a.explainCommand(),
		a.doctorCommand(),
		a.healthCommand(),
		a.verifyCommand(),
		a.backupCommand(),
		a.restoreCommand(),
		a.sandboxCommand(),
		a.migrateCommand(),
		a.printCommand(),
		a.versionCommand(),
	}
}

// settingsFor reads the settings and checks that the command has what it needs.
func (a *app) settingsFor(command string) (config.Config, error) {
	c, err := a.settings()
	if err != nil {
		return c, err
	}
	if err := c.Check(command); err != nil {
		return c, err
	}
	return c, nil
}

// openLedger opens the ledger of the settings alone.
func (a *app) openLedger(ctx context.Context) (*wire.Stack, error) {
	cfg, err := a.settings()
	if err != nil {
		return nil, err
	}
	return wire.OpenLedger(ctx, cfg, a.logger(cfg, true))
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) printCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the settings in force, all settings, limits, errcodes, rights, a dashboard and alerts",
		Example: `  mediaferry print config                          what is in force, without secrets
  mediaferry print keys --markdown > SETTINGS.md
  mediaferry print limits
  mediaferry print errcodes --output json
  mediaferry print grants --role mediaferry
  mediaferry print redis-acl --user ferry
  mediaferry print grafana > mediaferry-dashboard.json
  mediaferry print alerts > mediaferry-alerts.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.printConfigCommand(), a.printKeysCommand(), a.printLimitsCommand(), a.printErrcodesCommand(), a.printGrantsCommand(), a.printRedisACLCommand(), a.printGrafanaCommand(), a.printAlertsCommand())
	return cmd
}

// forPeople reports whether a table of reference is printed for people. What programs and documents read is in English.
func forPeople(r output.Reference) bool { return r.Format == output.Table && !r.Markdown }

// sentence says a sentence in the language that a reference table is printed in.
func (a *app) sentence(r output.Reference, format string, args ...any) string {
	said := tasks.Textf(format, args...)
	if !forPeople(r) {
		return said.Error()
	}
	return a.words.Error(said)
}

// referenceFlags adds the flags that say how a reference table is printed.
func referenceFlags(cmd *cobra.Command, r *output.Reference) {
	output.FlagVar(cmd.Flags(), &r.Format, output.Table, output.JSON, output.CSV)
	cmd.Flags().BoolVar(&r.Markdown, "markdown", false, "print a Markdown table")
}

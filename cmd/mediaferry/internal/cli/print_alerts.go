package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/watch"
)

func (a *app) printAlertsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "alerts",
		Short:   "Print alert rules for Prometheus",
		Long:    "Prints a file of rules for Prometheus. Each alert says what is the matter (summary) and what to do about it (description).",
		Example: "  mediaferry print alerts > mediaferry-alerts.yaml",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.printed(watch.Rules(watch.Usual())) },
	}
}

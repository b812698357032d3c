package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/watch"
)

func (a *app) printGrafanaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "grafana",
		Short:   "Print a dashboard for Grafana",
		Long:    "Prints a dashboard that Grafana imports. It asks for the Prometheus that scrapes all processes.",
		Example: "  mediaferry print grafana > mediaferry-dashboard.json",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.printed(watch.Dashboard()) },
	}
}

// printed writes to stdout what was made.
func (a *app) printed(b []byte, err error) error {
	if err == nil {
		_, err = a.Out.Write(append(b, '\n'))
	}
	return err
}

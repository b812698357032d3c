package cli

import "github.com/spf13/cobra"

func (a *app) printConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the settings in force as YAML, secrets as ***",
		Example: "  mediaferry print config",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			_, err = a.Out.Write(cfg.YAML())
			return err
		},
	}
}

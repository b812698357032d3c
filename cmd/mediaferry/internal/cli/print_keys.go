package cli

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) printKeysCommand() *cobra.Command {
	var table output.Reference
	cmd := &cobra.Command{
		Use:     "keys",
		Short:   "Print every setting with its variable, default and meaning",
		Example: "  mediaferry print keys\n  mediaferry print keys --markdown",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			keys := config.Keys()
			rows := [][]string{{"SETTING", "VARIABLE", "DEFAULT", "ACCEPTS", "MEANING"}}
			if forPeople(table) {
				rows[0] = a.words.Headings("SETTING", "VARIABLE", "DEFAULT", "ACCEPTS", "MEANING")
			}
			for _, k := range keys {
				variable := k.Env
				if k.Short != "" {
					variable = k.Short
				}
				format := "%w"
				if k.Secret {
					format = "%w (secret)"
				}
				meaning := a.sentence(table, format, &tasks.Text{Format: k.Meaning})
				preset := a.sentence(table, "%w", &tasks.Text{Format: k.Default})
				rows = append(rows, []string{k.Path, variable, preset, a.sentence(table, "%w", k.Accepts), meaning})
			}
			return table.Write(a.Out, rows, nil)
		},
	}
	referenceFlags(cmd, &table)
	return cmd
}

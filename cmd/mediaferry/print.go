package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/worker/wechat"
)

func (a *app) printCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the settings in force, all settings there are, limits and errcodes",
		Example: `  mediaferry print config                          what is in force, without secrets
  mediaferry print keys --markdown > SETTINGS.md
  mediaferry print limits
  mediaferry print errcodes --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.printConfigCommand(), a.printKeysCommand(), a.printLimitsCommand(), a.printErrcodesCommand())
	return cmd
}

func (a *app) printConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "config",
		Short:   "Print the settings in force as YAML, secrets as ***",
		Example: "  mediaferry print config",
		Args:    cobra.NoArgs,
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

func (a *app) printKeysCommand() *cobra.Command {
	var t tableFlags
	cmd := &cobra.Command{
		Use:     "keys",
		Short:   "Print every setting with its variable, default and meaning",
		Example: "  mediaferry print keys\n  mediaferry print keys --markdown",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			keys := config.Keys()
			rows := [][]string{{"SETTING", "VARIABLE", "DEFAULT", "ACCEPTS", "MEANING"}}
			for _, k := range keys {
				variable := k.Env
				if k.Short != "" {
					variable = k.Short
				}
				meaning := k.Meaning
				if k.Secret {
					meaning += " (secret)"
				}
				rows = append(rows, []string{k.Path, variable, k.Default, k.Accepts, meaning})
			}
			return t.write(a.Out, rows, nil)
		},
	}
	t.add(cmd)
	return cmd
}

func (a *app) printLimitsCommand() *cobra.Command {
	var t tableFlags
	cmd := &cobra.Command{
		Use:     "limits",
		Short:   "Print what WeChat takes, as the settings say",
		Example: "  mediaferry print limits",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			l := cfg.Limits
			voice, video := "MP3, AMR", "MP4"
			if l.AMRWB {
				voice += ", AMR-WB"
			}
			if l.QuickTime {
				video += ", QuickTime"
			}
			rows := [][]string{
				{"TYPE", "FORMATS", "SIZE", "OTHER"},
				{"image", "JPEG, PNG, GIF", fmt.Sprint(l.Image), fmt.Sprintf("%d pixels", l.ImagePixels)},
				{"voice", voice, fmt.Sprint(l.Voice), fmt.Sprintf("%v, tolerance %v", l.VoiceLength, l.VoiceTolerance)},
				{"video", video, fmt.Sprint(l.Video), ""},
				{"thumb", "JPEG", fmt.Sprint(l.Thumb), ""},
			}
			return t.write(a.Out, rows, nil)
		},
	}
	t.add(cmd)
	return cmd
}

func (a *app) printErrcodesCommand() *cobra.Command {
	var t tableFlags
	cmd := &cobra.Command{
		Use:     "errcodes",
		Short:   "Print every errcode of WeChat that is known, and what happens then",
		Example: "  mediaferry print errcodes\n  mediaferry print errcodes --output json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			rows := [][]string{{"ERRCODE", "CALL", "CODE", "MEANING", "WHAT TO DO"}}
			for _, r := range wechat.Rows() {
				rows = append(rows, []string{strconv.Itoa(r.Errcode), string(r.API), string(r.Code), r.Meaning, r.Advice})
			}
			return t.write(a.Out, rows, wechat.Rows())
		},
	}
	t.add(cmd)
	return cmd
}

// tableFlags say how a reference table is printed.
type tableFlags struct {
	output   *format
	markdown bool
}

func (t *tableFlags) add(cmd *cobra.Command) {
	t.output = outputFlag(cmd)
	cmd.Flags().BoolVar(&t.markdown, "markdown", false, "print a Markdown table")
}

// write prints rows, whose first one is the header, or with --output json the values they were made of; nil: objects
// of the cells, named by the header.
func (t *tableFlags) write(w io.Writer, rows [][]string, values any) error {
	switch {
	case *t.output == asJSON:
		if values == nil {
			values = objects(rows)
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(values)
	case *t.output == asCSV:
		return writeCSV(w, rows)
	case t.markdown:
		return writeMarkdown(w, rows)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

func objects(rows [][]string) []map[string]string {
	var all []map[string]string
	for _, row := range rows[1:] {
		object := map[string]string{}
		for i, cell := range row {
			object[strings.ToLower(rows[0][i])] = cell
		}
		all = append(all, object)
	}
	return all
}

func writeMarkdown(w io.Writer, rows [][]string) error {
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for i, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(&b, "| %s ", escape.Replace(cell))
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

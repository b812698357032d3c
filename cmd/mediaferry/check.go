package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/source"
)

// checked is what mediaferry check says of one file.
type checked struct {
	File     string          `json:"file"`
	Type     tasks.MediaType `json:"type,omitempty"`
	Format   string          `json:"format,omitempty"`
	Size     int64           `json:"size"`
	Width    int             `json:"width,omitzero"`
	Height   int             `json:"height,omitzero"`
	Seconds  float64         `json:"seconds,omitzero"`
	Verdict  string          `json:"verdict"` // ok or refused
	Code     tasks.Code      `json:"code,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Remedy   string          `json:"remedy,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
	FixedBy  string          `json:"fixed,omitempty"`
	position int
}

func (a *app) checkCommand() *cobra.Command {
	var (
		output *format
		flags  uploadFlags
	)
	cmd := &cobra.Command{
		Use:   "check PATH|GLOB …",
		Short: "Say what WeChat would take, without any call",
		Example: `  mediaferry check photos/
  mediaferry check --type thumb --output json covers/*.jpg`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			if err := flags.checkValues(); err != nil {
				return err
			}
			if err := flags.rows.check(args); err != nil {
				return err
			}
			files, err := source.New(source.Config{Local: true})
			if err != nil {
				return err
			}
			g := &gatherer{stack: &stack{cfg: cfg, files: files, embedded: true}, flags: flags, limits: newChecker(cfg).limits, in: a.In}
			return a.check(cmd.Context(), g, args, *output)
		},
	}
	cmd.Flags().StringVarP(&flags.kind, "type", "t", "auto", "media type: auto, image, voice, video or thumb")
	cmd.Flags().BoolVar(&flags.fix, "fix", false, "say too what would be done to make a refused picture fit")
	flags.rows.addFilter(cmd.Flags())
	output = outputFlag(cmd)
	return cmd
}

// check looks at all files, some at once, and prints them in the order they were named.
func (a *app) check(ctx context.Context, g *gatherer, args []string, f format) error {
	results := make(chan checked, 4*runtime.GOMAXPROCS(0))
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(2 * runtime.GOMAXPROCS(0))
	go func() {
		defer close(results)
		n := 0
		for row := range g.named(ctx, args) {
			position := n
			n++
			workers.Go(func() error {
				c := g.checkFile(ctx, row)
				c.position = position
				results <- c
				return nil
			})
		}
		_ = workers.Wait() // every failure is a result
	}()
	p := newCheckPrinter(f, a.Out)
	refused, total := 0, 0
	for c := range inOrder(results) {
		total++
		if c.Verdict != verdictOK {
			refused++
		}
		if err := p.print(c); err != nil {
			return err
		}
	}
	if err := p.end(); err != nil {
		return err
	}
	if total == 0 {
		a.nothingFound(g.flags)
		return exitCode(tasks.ExitNothing)
	}
	fmt.Fprintf(a.Err, "%s: %d ok, %d refused\n", count(total, "file", "files"), total-refused, refused)
	if refused > 0 {
		return exitCode(tasks.ExitFailed)
	}
	return nil
}

// inOrder yields results by position; few are held back, since the workers keep close together.
func inOrder(results <-chan checked) func(func(checked) bool) {
	return func(yield func(checked) bool) {
		early, next := map[int]checked{}, 0
		for c := range results {
			early[c.position] = c
			for ; ; next++ {
				ready, ok := early[next]
				if !ok {
					break
				}
				delete(early, next)
				if !yield(ready) {
					return
				}
			}
		}
	}
}

const (
	verdictOK      = "ok"
	verdictRefused = "refused"
)

func (g *gatherer) checkFile(ctx context.Context, row manifest.Row) checked {
	j, err := g.judge(ctx, row)
	c := checked{
		File: showSource(row.Upload.Source), Size: j.size, Verdict: verdictOK, Type: j.Type, Format: j.Format,
		Width: j.Width, Height: j.Height, Seconds: j.Duration.Seconds(), Notes: j.Notes, FixedBy: j.did,
	}
	if err != nil {
		e := tasks.AsError(err)
		c.Verdict, c.Code, c.Reason, c.Remedy = verdictRefused, e.Code, e.Error(), e.Advice()
	}
	return c
}

// judged is what a file is, its bytes as WeChat would get them, and what --fix did to them.
type judged struct {
	tasks.Content
	size  int64 // of the file
	bytes []byte
	did   string
}

// judge reads a row's file and says what it is. It is not read further than to where it is refused.
func (g *gatherer) judge(ctx context.Context, row manifest.Row) (j judged, err error) {
	j.Type, j.size = g.flags.wanted(row), row.Size
	if row.Err != nil {
		return j, row.Err
	}
	file, err := g.stack.files.Open(ctx, row.Upload.Source)
	if err != nil {
		return j, err
	}
	defer file.Close()
	j.size = file.Size
	head, err := io.ReadAll(io.LimitReader(file, min(sniffBytes, file.Size+1)))
	if err != nil {
		return j, fmt.Errorf("read source: %w", err)
	}
	if j.Type == "" {
		j.Type = guess(head, row.Upload)
	}
	fix := g.flags.fix || row.Upload.Fix
	if err := g.limits.Fits(j.Type, file.Size); err != nil && (!fix || file.Size > g.limits.Fixable(j.Type)) {
		return j, err
	}
	rest, err := io.ReadAll(io.LimitReader(file, file.Size+1-int64(len(head))))
	if err != nil {
		return j, fmt.Errorf("read source: %w", err)
	}
	return j, j.inspect(ctx, append(head, rest...), g.limits, fix)
}

func (j *judged) inspect(ctx context.Context, b []byte, limits media.Limits, fix bool) (err error) {
	kind := j.Type
	j.bytes = b
	j.Content, err = media.Check(b, kind, limits)
	if fix && (err != nil || len(j.Notes) > 0) {
		j.bytes, j.did, err = media.Fix(ctx, b, kind, limits)
	}
	j.Type = kind
	return err
}

// checkPrinter writes results of check.
type checkPrinter interface {
	print(c checked) error
	end() error
}

func newCheckPrinter(f format, w io.Writer) checkPrinter {
	switch f {
	case asJSON:
		return checkJSON{json.NewEncoder(w)}
	case asCSV:
		return &checkCSV{w: newSheet(w)}
	default:
		return &checkTable{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	}
}

type checkJSON struct{ enc *json.Encoder }

func (p checkJSON) print(c checked) error { return p.enc.Encode(c) }
func (p checkJSON) end() error            { return nil }

type checkCSV struct {
	w    sheet
	rows int
}

func (p *checkCSV) print(c checked) error {
	if p.rows == 0 {
		if err := p.w.Write([]string{"file", "type", "format", "size", "width", "height", "seconds", "verdict", "code", "reason", "remedy"}); err != nil {
			return err
		}
	}
	p.rows++
	return p.w.Write([]string{
		c.File, string(c.Type), c.Format, strconv.FormatInt(c.Size, 10), strconv.Itoa(c.Width), strconv.Itoa(c.Height),
		strconv.FormatFloat(c.Seconds, 'f', 3, 64), c.Verdict, string(c.Code), c.Reason, c.Remedy,
	})
}

func (p *checkCSV) end() error { return p.w.end() }

type checkTable struct {
	w    *tabwriter.Writer
	rows int
}

func (p *checkTable) print(c checked) error {
	if p.rows == 0 {
		fmt.Fprintln(p.w, "FILE\tKIND\tSIZE\tMEASURE\tVERDICT")
	}
	p.rows++
	_, err := fmt.Fprintf(p.w, "%s\t%s %s\t%d\t%s\t%s\n", c.File, c.Type, c.Format, c.Size, c.measure(), c.verdict())
	return err
}

func (p *checkTable) end() error { return p.w.Flush() }

func (c checked) measure() string {
	switch {
	case c.Seconds > 0:
		return fmt.Sprintf("%.2f s", c.Seconds)
	case c.Width > 0:
		return fmt.Sprintf("%d×%d", c.Width, c.Height)
	default:
		return ""
	}
}

func (c checked) verdict() string {
	switch {
	case c.FixedBy != "":
		return "ok with --fix: " + c.FixedBy
	case c.Verdict == verdictOK:
		return verdictOK
	case c.Remedy == "":
		return c.Reason
	default:
		return c.Reason + " → " + c.Remedy
	}
}

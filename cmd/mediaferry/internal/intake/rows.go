package intake

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// Stdin as a path stands for a list of paths, and as a manifest for the manifest itself.
const Stdin = "-"

// RowFlags say where rows come from, and which files of a folder to take.
type RowFlags struct {
	Manifest string
	Filter   manifest.Filter
	format   string
	gbk, nul bool
}

// AddFilter adds the flags that choose among the files of a folder. That files of the system were left out is said to
// people, once.
func (f *RowFlags) AddFilter(flags *pflag.FlagSet, say *words.Words, people io.Writer) {
	var once sync.Once
	f.Filter.System = func(name string) {
		once.Do(func() {
			fmt.Fprintln(people, say.T("files.left_out", "Name", strconv.Quote(name)))
		})
	}
	flags.StringArrayVar(&f.Filter.Include, "include", nil, "of a folder take only files that match this `GLOB`, as **/*.jpg (repeatable)")
	flags.StringArrayVar(&f.Filter.Exclude, "exclude", nil, "of a folder leave out what matches this `GLOB` (repeatable)")
	flags.BoolVar(&f.Filter.Hidden, "hidden", false, "take hidden files of a folder too")
	flags.BoolVarP(&f.nul, "null", "0", false, "paths on stdin (-) end with NUL bytes, as find -print0 writes them")
	flags.BoolVar(&f.gbk, "gbk", false, "the manifest, or the list of paths on stdin, is GBK (GB 18030) and not UTF-8")
}

// AddManifest adds the flags of a command that takes a manifest.
func (f *RowFlags) AddManifest(flags *pflag.FlagSet) {
	flags.StringVarP(&f.Manifest, "manifest", "m", "", "upload the rows of this `FILE` (CSV with a header row, or JSON lines); - for stdin")
	flags.StringVar(&f.format, "manifest-format", "", "csv or jsonl (default by the extension of FILE)")
}

// Check refuses flags that contradict each other or the paths.
func (f *RowFlags) Check(args []string) error {
	listed := 0
	for _, a := range args {
		if a == Stdin {
			listed++
		}
	}
	switch {
	case f.Manifest == "" && len(args) == 0:
		return exit.Usage(words.Fail("files.nothing_named"))
	case f.Manifest != "" && len(args) > 0:
		return exit.Usage(words.Fail("files.both"))
	case f.Manifest == "" && f.format != "":
		return exit.Usage(words.Fail("files.format_alone"))
	case listed > 1:
		return exit.Usage(words.Fail("files.stdin_twice"))
	case f.nul && listed == 0:
		return exit.Usage(words.Fail("files.null_alone"))
	case f.gbk && listed == 0 && f.Manifest == "":
		return exit.Usage(words.Fail("files.gbk_alone"))
	}
	if f.Manifest != "" {
		if _, err := f.reader(); err != nil {
			return err
		}
	}
	return f.checkFilter()
}

func (f *RowFlags) checkFilter() error {
	for row := range manifest.Walk(context.Background(), nil, nil, f.Filter) {
		return exit.Usage(row.Err) // without paths, all it can say is what is wrong with the filter
	}
	return nil
}

// reader chooses how the manifest is read.
func (f *RowFlags) reader() (func(io.Reader, manifest.Options) iter.Seq[manifest.Row], error) {
	format := f.format
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(f.Manifest)), ".")
	}
	switch format {
	case "csv", "tsv":
		return manifest.ReadCSV, nil
	case "jsonl", "ndjson":
		return manifest.ReadJSONL, nil
	}
	if f.format != "" {
		return nil, exit.Usage(words.Fail("files.format", "Format", strconv.Quote(f.format)))
	}
	return nil, exit.Usage(words.Fail("files.extension", "Name", strconv.Quote(f.Manifest)))
}

// Rows returns the rows of the manifest, or of everything that args name. It returns an error if the manifest can't be read
// at all. Call closeRows when the rows are no longer needed.
func (g *Gatherer) Rows(ctx context.Context, args []string) (rows iter.Seq[manifest.Row], closeRows func(), err error) {
	f := g.Request.From
	if f.Manifest == "" {
		return g.Named(ctx, args), func() {}, nil
	}
	read, err := f.reader()
	if err != nil {
		return nil, nil, err
	}
	from, closeFile := g.In, func() {}
	if f.Manifest != Stdin {
		file, err := os.Open(f.Manifest)
		if err != nil {
			return nil, nil, exit.Usagef("--manifest: %w", err)
		}
		from, closeFile = file, func() { file.Close() }
	}
	rows, stop, err := readAhead(read(from, manifest.Options{GBK: f.gbk, Own: g.own(ctx)}), g.rooted)
	if err != nil {
		closeFile()
		return nil, nil, err
	}
	return rows, func() { stop(); closeFile() }, nil
}

// readAhead reads the first row. It returns that row's error when it is an error of the whole manifest, and what check says
// of it. Range over the rows once.
func readAhead(all iter.Seq[manifest.Row], check func(first manifest.Row) error) (rows iter.Seq[manifest.Row], stop func(), err error) {
	next, stop := iter.Pull(all)
	first, found := next()
	if first.Whole {
		stop()
		return nil, nil, fmt.Errorf("--manifest: %w", first.Err)
	}
	if err := check(first); err != nil {
		stop()
		return nil, nil, err
	}
	return func(yield func(manifest.Row) bool) {
		for row, more := first, found; more && yield(row); row, more = next() {
		}
	}, stop, nil
}

// Named finds what the arguments name, numbered through.
func (g *Gatherer) Named(ctx context.Context, args []string) iter.Seq[manifest.Row] {
	return func(yield func(manifest.Row) bool) {
		n := 0
		for _, arg := range args {
			before := n
			for row := range g.argument(ctx, arg) {
				n++
				row.Line = n
				if row.Err != nil && row.Upload.Source == "" && arg != Stdin {
					row.Upload.Source, row.Upload.Filename = g.missingSource(arg), filepath.Base(arg)
				}
				if !yield(row) {
					return
				}
			}
			if n == before && namesObject(arg) {
				n++
				if !yield(manifest.Row{Line: n, Upload: tasks.Upload{Source: arg}, Err: noObject()}) {
					return
				}
			}
		}
	}
}

// namesObject reports whether an argument means one object rather than a prefix, below which there may be nothing.
func namesObject(arg string) bool {
	return strings.HasPrefix(arg, "s3://") && !strings.HasSuffix(arg, "/")
}

func noObject() *tasks.Error {
	return &tasks.Error{Code: tasks.Missing, Op: "find files", Err: tasks.Textf("no object has this key, or a key that begins with it")}
}

func (g *Gatherer) argument(ctx context.Context, arg string) iter.Seq[manifest.Row] {
	if arg != Stdin {
		return manifest.Walk(ctx, g.Files, []string{arg}, g.Request.From.Filter)
	}
	return manifest.ReadPaths(g.In, manifest.Options{GBK: g.Request.From.gbk, NUL: g.Request.From.nul, Locate: g.Files.Locate})
}

// missingSource returns the source that a path would have if the file existed.
func (g *Gatherer) missingSource(path string) string {
	abs, err := filepath.Abs(path)
	if strings.HasPrefix(path, "s3://") || !g.Local || err != nil {
		return path
	}
	return source.Local(filepath.Dir(abs), filepath.Base(abs))
}

// Account returns a configured account by name, as the ledger knows it.
func (g *Gatherer) Account(name string) (tasks.Account, error) {
	for _, a := range g.Accounts {
		if a.Name == name {
			return a, nil
		}
	}
	return tasks.Account{}, &tasks.Error{Code: tasks.NoWork, Op: "account", Err: tasks.Textf("%q is not in the settings", name),
		Hint: "add it to the settings, or name one that mediaferry accounts list shows"}
}

// SayNothing says why there may be nothing to do where something was named.
func (f RowFlags) SayNothing(say *words.Words, w io.Writer) {
	if f.Manifest != "" {
		fmt.Fprintln(w, say.T("files.no_rows"))
		return
	}
	note := say.T("files.none")
	if !f.Filter.Hidden {
		note += say.T("files.hidden")
	}
	if len(f.Filter.Include)+len(f.Filter.Exclude) > 0 {
		note += say.T("files.filtered")
	}
	fmt.Fprintln(w, note)
}

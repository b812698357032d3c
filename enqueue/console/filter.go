package console

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// line is a filter as people write it: words like state:failed, with the names of the command line's flags and the API's
// parameters. meta.KEY:VALUE is metadata. A word without a name is looked for in source, filename and external id. A value
// with spaces is quoted.
type line []term

// term is one word of a line.
type term struct{ Key, Value string }

// keys are the names that a line may have. They are suggested in this order.
var keys = []string{"state", "code", "errcode", "account", "type", "source", "batch", "producer", "since", "until", "meta."} //nolint:gochecknoglobals // a table

// parseLine splits a line into its terms. It never fails: what has no known name is searched for.
func parseLine(s string) line {
	var out line
	for _, word := range words(s) {
		key, value, ok := strings.Cut(word, ":")
		if ok && value != "" && (slices.Contains(keys, key) && key != "meta." || strings.HasPrefix(key, "meta.") && len(key) > len("meta.")) {
			out = append(out, term{key, unquote(value)})
		} else {
			out = append(out, term{"", unquote(word)})
		}
	}
	return out
}

// words splits at spaces that are not within quotes.
func words(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

func unquote(s string) string { return strings.ReplaceAll(s, `"`, "") }

// String writes the line as it is read.
func (l line) String() string {
	var out []string
	for _, t := range l {
		out = append(out, t.String())
	}
	return strings.Join(out, " ")
}

// String writes a term as it is read.
func (t term) String() string {
	value := t.Value
	if strings.ContainsAny(value, " \t") {
		value = `"` + value + `"`
	}
	if t.Key == "" {
		return value
	}
	return t.Key + ":" + value
}

// get returns the first value of a name.
func (l line) get(key string) string {
	for _, t := range l {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// with returns the line with one value of a name in place of all others; "" takes the name out.
func (l line) with(key, value string) line {
	out := slices.DeleteFunc(slices.Clone(l), func(t term) bool { return t.Key == key })
	if value != "" {
		out = append(out, term{key, value})
	}
	return out
}

// filter is what the line chooses. It returns Invalid for a value that can't be.
func (l line) filter(now time.Time) (tasks.Filter, error) {
	var f tasks.Filter
	for _, t := range l {
		if err := t.add(&f, now); err != nil {
			return f, &tasks.Error{Code: tasks.Invalid, Op: "read filter", Err: tasks.Textf("%s: %w", t, err)}
		}
	}
	return f, nil
}

func (t term) add(f *tasks.Filter, now time.Time) (err error) {
	switch t.Key {
	case "":
		f.Query = strings.TrimSpace(f.Query + " " + t.Value)
	case "state":
		for s := range strings.SplitSeq(t.Value, ",") {
			if !slices.Contains(tasks.States[:], tasks.State(s)) {
				return tasks.Textf("is not one of %v", tasks.States)
			}
			f.States = append(f.States, tasks.State(s))
		}
	case "code":
		f.Code = tasks.Code(t.Value)
	case "errcode":
		f.Errcode, err = strconv.Atoi(t.Value)
	case "account":
		f.Account = t.Value
	case "type":
		f.Type, err = tasks.ParseMediaType(t.Value)
	case "source":
		f.Source = t.Value
		_, err = tasks.ParseGlob(t.Value)
	case "batch":
		f.Batch, err = uuid.Parse(t.Value)
	case "producer":
		f.Producer = t.Value
	case "since":
		f.Since, err = tasks.ParseWhen(t.Value, now)
	case "until":
		f.Until, err = tasks.ParseWhen(t.Value, now)
	default:
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		f.Metadata[strings.TrimPrefix(t.Key, "meta.")] = t.Value
	}
	return err
}

// lineOf writes a filter as a line.
func lineOf(f tasks.Filter) line {
	var l line
	add := func(key, value string) {
		if value != "" {
			l = append(l, term{key, value})
		}
	}
	var states []string
	for _, s := range f.States {
		states = append(states, string(s))
	}
	add("state", strings.Join(states, ","))
	add("code", string(f.Code))
	if f.Errcode != 0 {
		add("errcode", strconv.Itoa(f.Errcode))
	}
	add("account", f.Account)
	add("type", string(f.Type))
	add("source", f.Source)
	if f.Batch != uuid.Nil {
		add("batch", f.Batch.String())
	}
	add("producer", f.Producer)
	for key, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			add(key, at.UTC().Format(time.RFC3339))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
		add("meta."+key, f.Metadata[key])
	}
	add("", f.Query)
	return l
}

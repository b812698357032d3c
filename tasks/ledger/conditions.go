package ledger

import (
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// conditions is a WHERE clause in the making: all of them must hold.
type conditions struct {
	terms []string
	args  args
}

func (c *conditions) add(term string, a ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, a...)
}

// text adds a term for a value that was given.
func (c *conditions) text(term, value string) {
	if value != "" {
		c.add(term, value)
	}
}

// after adds that rows lie behind those of the last page.
func (c *conditions) after(column, cursor string) error {
	if cursor == "" {
		return nil
	}
	seq, err := parseCursor(cursor)
	if err != nil {
		return err
	}
	c.add(column+" < ?", seq)
	return nil
}

func (c *conditions) times(column string, f tasks.Filter) {
	if !f.Since.IsZero() {
		c.add(column+" >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		c.add(column+" < ?", micros(f.Until))
	}
}

// search adds that one of the columns contains the query.
func (c *conditions) search(d *dialect, query string, columns ...string) {
	if query == "" {
		return
	}
	var either []string
	var a args
	for _, column := range columns {
		either, a = append(either, column+" "+d.like+" ? ESCAPE '!'"), append(a, pattern(query))
	}
	c.add("("+strings.Join(either, " OR ")+")", a...)
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return "1 = 1"
	}
	return strings.Join(c.terms, " AND ")
}

// pattern matches texts that contain s.
func pattern(s string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) + "%"
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func numbers(ps []phase) string {
	var s []string
	for _, p := range ps {
		s = append(s, strconv.Itoa(int(p)))
	}
	return strings.Join(s, ", ")
}

package db

import (
	"strings"
	"time"
)

// Conditions builds a WHERE clause. All conditions must hold.
type Conditions struct {
	terms []string
	Args  Args
}

// Add adds a term with its values.
func (c *Conditions) Add(term string, a ...any) {
	c.terms = append(c.terms, term)
	c.Args = append(c.Args, a...)
}

// Equal adds a term if value is not empty.
func (c *Conditions) Equal(term, value string) {
	if value != "" {
		c.Add(term, value)
	}
}

// After adds that rows come after those of the last page.
func (c *Conditions) After(column, cursor string) error {
	if cursor == "" {
		return nil
	}
	seq, err := ParseCursor(cursor)
	if err != nil {
		return err
	}
	c.Add(column+" < ?", seq)
	return nil
}

// Times adds that a column lies between two times. A zero time does not limit.
func (c *Conditions) Times(column string, since, until time.Time) {
	if !since.IsZero() {
		c.Add(column+" >= ?", Micros(since))
	}
	if !until.IsZero() {
		c.Add(column+" < ?", Micros(until))
	}
}

// Search adds that one of the columns contains the query.
func (c *Conditions) Search(d *Dialect, query string, columns ...string) {
	if query == "" {
		return
	}
	var either []string
	var a Args
	for _, column := range columns {
		either, a = append(either, column+" "+d.like+" ? ESCAPE '!'"), append(a, pattern(query))
	}
	c.Add("("+strings.Join(either, " OR ")+")", a...)
}

// And adds all that o has.
func (c *Conditions) And(o *Conditions) {
	c.terms = append(c.terms, o.terms...)
	c.Args = append(c.Args, o.Args...)
}

// Empty reports whether nothing was added.
func (c *Conditions) Empty() bool { return len(c.terms) == 0 }

// Where returns the clause. Without conditions it is always true.
func (c *Conditions) Where() string {
	if len(c.terms) == 0 {
		return "1 = 1"
	}
	return strings.Join(c.terms, " AND ")
}

// pattern returns the LIKE pattern of texts that contain s.
func pattern(s string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) + "%"
}

// Marks returns n placeholders for a list.
func Marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

package cli

import (
	"fmt"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
)

// t is a text in the reader's language: see package words.
func (a *app) t(id string, args ...any) string { return a.words.T(id, args...) }

// say tells people a text, on a line of its own.
func (a *app) say(id string, args ...any) { fmt.Fprintln(a.Err, a.t(id, args...)) }

// warn tells people a text that should not be overlooked.
func (a *app) warn(text string) { fmt.Fprintln(a.Err, a.t("words.warning", "Text", text)) }

// wrapped puts a text of ours before what went wrong.
func wrapped(err error, id string, args ...any) error {
	return &words.FailureError{ID: id, Args: args, Err: err}
}

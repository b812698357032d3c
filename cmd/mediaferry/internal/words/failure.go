package words

// FailureError is an error whose text is one of ours. Its Error is in English, for logs and JSON. A cause stands behind the text.
type FailureError struct {
	ID   string
	Args []any
	Err  error // the cause, if there is one; nil: none
}

// Text says something in any language.
type Text interface {
	In(w *Words) string
}

// Fail makes a FailureError. args are names and values; a value that is a Text is said in the language of the whole.
func Fail(id string, args ...any) *FailureError { return &FailureError{ID: id, Args: args} }

// Error is the text in English.
func (f *FailureError) Error() string { return f.In(nil) }

// Unwrap returns the cause.
func (f *FailureError) Unwrap() error { return f.Err }

// In is the text in the language of w.
func (f *FailureError) In(w *Words) string {
	args := make([]any, len(f.Args))
	for i, a := range f.Args {
		if text, is := a.(Text); is {
			a = text.In(w)
		}
		args[i] = a
	}
	said := w.T(f.ID, args...)
	if f.Err != nil {
		said += w.T("words.colon") + w.Error(f.Err)
	}
	return said
}

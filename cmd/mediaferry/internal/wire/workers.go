package wire

import "context"

// Workers returns how many processes work off what this one submits.
func (s *Stack) Workers(ctx context.Context) (int, error) {
	switch {
	case s.Working:
		return 1, nil
	case !s.Embedded:
		return s.Belt.Workers(ctx)
	}
	if _, locked, err := Holder(s.Config.DataDir); err != nil || !locked {
		return 0, err
	}
	return 1, nil
}

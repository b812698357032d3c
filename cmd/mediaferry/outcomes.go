package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// outcomes looks uploads up, in the order of ids.
func (s *stack) outcomes(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	all := make([]tasks.Outcome, 0, len(ids))
	for lot := range slices.Chunk(ids, askAtOnce) {
		some, err := s.ledger.Outcomes(ctx, lot)
		if err != nil {
			return nil, fmt.Errorf("look up uploads: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// exitCode is the error that ends the program with a code; nil for 0.
func exitCode(code int) error {
	if code == tasks.ExitOK {
		return nil
	}
	return &exitError{code: code}
}

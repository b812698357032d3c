package tasks

import "time"

// Endpoint is a URL that gets webhooks, and how it fared with its newest deliveries.
type Endpoint struct {
	URL    string         `json:"url"`
	Health EndpointHealth `json:"health"`
	// Deliveries counts the deliveries that were looked at, by state.
	Deliveries map[DeliveryState]int `json:"deliveries"`
	// Took is how long its server takes to answer, in seconds, as an average of the last requests; 0: not known.
	Took       float64   `json:"took,omitzero"`
	Newest     time.Time `json:"newest_event_at"`
	LastStatus int       `json:"last_status,omitzero"` // HTTP status of the newest delivery that was tried; 0: no answer
	LastError  string    `json:"last_error,omitempty"`
}

// In returns how many of the deliveries are in a state.
func (e Endpoint) In(s DeliveryState) int { return e.Deliveries[s] }

// EndpointHealth says what came of the newest delivery that was tried.
type EndpointHealth string

// An endpoint is well after a delivery, failing after an attempt that failed, disabled after it answered 410, and untried
// before any attempt.
const (
	EndpointWell     EndpointHealth = "well"
	EndpointFailing  EndpointHealth = "failing"
	EndpointDisabled EndpointHealth = "disabled"
	EndpointUntried  EndpointHealth = "untried"
)

// Replayed says what came of a replay of all deliveries that match.
type Replayed struct {
	Matched  int  `json:"matched" doc:"Deliveries that match, up to 10,000"`
	Replayed int  `json:"replayed" doc:"Those that are due again now"`
	More     bool `json:"more" doc:"Others match that were not reached: ask again"`
}

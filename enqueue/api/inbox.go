package api

// Inbox keeps the files that come over HTTP.
type Inbox struct{}

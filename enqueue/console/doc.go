// Package console is the front door for people: web pages over the same functions as the HTTP API, with the rights of who
// is signed in. Pages are rendered here, and work without scripts but for what moves by itself.
//
// A page is a file named after it (uploads.go), a template (templates/uploads.html) and its texts in both languages
// (messages/uploads.yaml). Its routes are registered in that file.
package console

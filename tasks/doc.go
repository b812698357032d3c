// Package tasks says what a job is: the upload that somebody asked for, the outcome it ends with, the error a
// person can act on, the table of states between them, and the tasks that carry it over the belt.
// It does no I/O and knows neither Redis, nor a database, nor WeChat.
package tasks

package api

import (
	"net/http"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// anyPath is the pattern of what no other takes.
const anyPath = "/"

// methodsOf returns the methods that mux has for the path of r, other than by anyPath.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var all []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.WithContext(r.Context()) // a copy
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != anyPath {
			all = append(all, method)
		}
	}
	return all
}

// noRoute answers a request that no pattern takes: 405 where its path has other methods, 404 where it has none.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, methods []string) {
	e := &tasks.Error{Code: tasks.NotFound, Op: "find route", Err: tasks.Textf("there is no %s %s", r.Method, r.URL.Path)}
	if len(methods) == 0 {
		writeProblem(w, r, e)
		return
	}
	allowed := strings.Join(methods, ", ")
	e.Hint = "this path answers " + allowed
	p := problemOf(e)
	p.Status = http.StatusMethodNotAllowed
	w.Header().Set("Allow", allowed)
	writeProblem(w, r, p)
}

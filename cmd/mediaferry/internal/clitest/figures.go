package clitest

import (
	"bufio"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Figures are what a process shows to Prometheus: the value of each series, by its name with its labels.
type Figures map[string]float64

var watchedAt = regexp.MustCompile(`metrics are served.*"?at"?[:=]"?([0-9.:]+)`)

// MetricsURL waits until the process serves its metrics, and returns where.
func (p *Process) MetricsURL() string {
	p.t.Helper()
	var at []string
	taskstest.Until(p.t, "metrics are served", func() bool {
		at = watchedAt.FindStringSubmatch(p.Log.String())
		return at != nil
	})
	return "http://" + at[1]
}

// Figures reads what the process shows.
func (p *Process) Figures() Figures {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.MetricsURL()+"/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	f := Figures{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		series, value, found := cutLast(lines.Text(), " ")
		n, err := strconv.ParseFloat(value, 64)
		if found && err == nil && !strings.HasPrefix(series, "#") {
			f[series] = n
		}
	}
	return f
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// SumFigures adds up what several processes show.
func SumFigures(ps ...*Process) Figures {
	sum := Figures{}
	for _, p := range ps {
		for series, n := range p.Figures() {
			sum[series] += n
		}
	}
	return sum
}

// Of adds up the series of a name that have all these labels, each as name="value".
func (f Figures) Of(name string, labels ...string) float64 {
	sum := 0.0
next:
	for series, n := range f {
		of, rest, _ := strings.Cut(series, "{")
		if of != name {
			continue
		}
		for _, l := range labels {
			if !strings.Contains("{"+rest, "{"+l) && !strings.Contains(rest, ","+l) {
				continue next
			}
		}
		sum += n
	}
	return sum
}

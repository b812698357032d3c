package config

import (
	"maps"
	"slices"
	"strings"
)

// didYouMean returns "; did you mean X?" when a setting is close to what was written. The name of an account or
// producer counts as right.
func didYouMean(e entry) string {
	var names []string
	isVariable := e.name == e.where
	if isVariable {
		names = slices.Sorted(maps.Keys(aliases))
	}
	for _, s := range settings {
		path := slices.Clone(s.path)
		if len(path) == len(e.path) && len(path) > 2 && path[1] == nameHolder {
			path[1] = e.path[1]
		}
		if isVariable {
			names = append(names, variableOf(path))
		} else {
			names = append(names, dotted(path))
		}
	}
	return closest(e.name, names)
}

// closest returns "; did you mean X?" for the name that is nearest to what was written, "" where none is near.
func closest(written string, names []string) string {
	best, distance := "", max(2, len(written)/5)+1
	for _, name := range names {
		if d := editDistance(strings.ToLower(written), strings.ToLower(name), distance); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance is Levenshtein's, or limit when it is at least that.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return min(row[len(b)], limit)
}

package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// didYouMean returns "; did you mean X?" when a setting is close to what was written. It takes the name of an account or
// producer as it was written.
func didYouMean(e entry) string {
	_, rest, _ := strings.Cut(e.key, delimiter)
	name, _, named := strings.Cut(rest, delimiter)
	if !named {
		name = "NAME"
	}
	var names []string
	if e.variable() {
		names = slices.Sorted(maps.Keys(aliases))
	}
	for _, s := range settings {
		key := strings.Replace(strings.TrimSuffix(s.key, anyName), anyName, delimiter+name, 1)
		switch {
		case s.isSection():
		case e.variable():
			names = append(names, variableOf(key))
		default:
			names = append(names, dotted(key))
		}
	}
	return closest(e.name, names)
}

// closest returns "; did you mean X?" for the name that is nearest to what was written, and "" if none is near.
func closest(written string, names []string) string {
	best, distance := "", max(2, len(written)/5)+1
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(written), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

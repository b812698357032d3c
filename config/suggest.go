package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/mediaferry/mediaferry/tasks"
)

// didYouMean adds "; did you mean X?" to why, when a setting is close to what was written. It takes the name of an account or
// producer as it was written.
func didYouMean(why error, e entry) error {
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
	return closest(why, e.name, names)
}

// closest adds "; did you mean X?" to why, for the name that is nearest to what was written, if one is near.
func closest(why error, written string, names []string) error {
	best, distance := "", max(2, len(written)/5)+1
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(written), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return why
	}
	return tasks.Textf("%w; did you mean %s?", why, best)
}

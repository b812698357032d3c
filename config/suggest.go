package config

import "strings"

// didYouMean returns "; did you mean X?" when one of the names is close to what was written. The name of an account
// or producer in a variable is compared as it is.
func didYouMean(written string, names []string) string {
	best, distance := "", max(2, len(written)/5)+1
	for _, name := range names {
		candidate := name
		if w, n := strings.Split(written, nest), strings.Split(name, nest); len(w) == len(n) && len(n) == 3 && n[1] == nameHolder {
			n[1] = w[1]
			candidate = strings.Join(n, nest)
		}
		if d := editDistance(strings.ToLower(written), strings.ToLower(candidate), distance); d < distance {
			best, distance = candidate, d
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

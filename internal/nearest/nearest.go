// Package nearest finds the word that somebody meant.
package nearest

import "strings"

// longest bounds the work for a word.
const longest = 40

// Word returns the one of known that differs least from word: by at most a third of
// its letters left out, put in, replaced or swapped with the next, whatever their
// case. It is empty if there is none.
func Word(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least && len(k) <= longest {
			best, least = k, d
		}
	}
	return best
}

// distance is that of Damerau and Levenshtein, with swaps of neighbours only.
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(last[j+1]+1, now[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

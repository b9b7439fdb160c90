// Package stat holds the arithmetic of the benchmarks: a histogram of latencies,
// medians with their range, and ratios between servers measured in the same round.
package stat
